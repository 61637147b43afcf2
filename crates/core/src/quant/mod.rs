//! From real numbers to integers: scales and zero points, the observers that find them, and the conversion of a network.
//! [`textbook`] does the same by hand, as the papers have it.

mod calibrate;
mod convert;
mod narrow;
pub mod observers;
mod qparams;
pub mod recipe;
pub mod repairs;
pub mod textbook;
mod width;

pub use calibrate::{Observations, calibrate};
pub use convert::{Calibration, Granularity, quantize};
pub use narrow::{LayerWeights, WIDTHS, layer_weights, narrow};
pub use observers::{Grid, MinMaxObserver, Observer, ObserverKind, Range};
pub use qparams::{QParams, Scale, WeightScale, ZeroPoint, dynamic_qparams};
pub use recipe::Recipe;
pub use repairs::Rounding;
pub use width::Width;
