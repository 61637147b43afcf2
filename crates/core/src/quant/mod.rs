//! From real numbers to integers: scales and zero points, the observers that find them, and the conversion of a network.
//! [`textbook`] does the same by hand, as the papers have it.

mod calibrate;
mod convert;
mod make;
pub mod observers;
pub mod packed;
mod qparams;
mod ranges;
mod reals;
pub mod recipe;
pub mod repairs;
mod retrain;
mod spread;
pub mod textbook;
mod weights;
mod width;

pub use calibrate::{Observations, calibrate, observe};
pub use convert::{Calibration, Granularity, activations, convert, quantize};
pub use make::{Made, Progress, Stage, make};
pub use observers::{Grid, MinMaxObserver, Observer, ObserverKind, Range};
pub use qparams::{QParams, Scale, WeightScale, ZeroPoint, dynamic_qparams};
pub use ranges::Ranges;
pub use recipe::Recipe;
pub use repairs::Rounding;
pub use spread::{LayerWeights, layer_weights};
pub use weights::{nearest, quantize_layer, weight_scale};
pub use width::Width;
