//! Weights packed into panels, and the product of rows with them: one algorithm for integers and reals, and for every
//! instruction set.
//!
//! A row is read in groups of four bytes: four `u8` activations, or one `f32`. Sixteen neurons make a vector, and seven
//! vectors a panel; a [`Line`](crate::simd::Line) has a group's weights for a vector of neurons. A product keeps a panel's sums
//! in registers, broadcasts a group of a row, and adds its products to the sums of all the panel's neurons.
//!
//! - **Groups of zeros are skipped**: they add nothing, exactly. (An integer's zero point is corrected from the sums of
//!   weights.) Background quantizes to 0 wherever calibration saw background, and so do many activations behind a ReLU; of
//!   a digit's groups three in four are skipped.
//! - **Several rows go together** where there are registers for it: a line that was loaded serves three times. They skip
//!   what is 0 in all three, and of three digits that is still more than half.
//! - **One row** alone adds its groups to two sets of sums in turn, where there are registers for it, so that a sum seldom
//!   waits for the one before.

pub(crate) mod nonzero;
mod pack;
mod product;

pub(crate) use pack::Panels;
pub(crate) use product::Product;
#[cfg(target_arch = "x86_64")]
pub(crate) use product::write;
