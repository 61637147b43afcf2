//! From real numbers to integers: scales and zero points, the observers that find them, and the conversion of a network.
//! [`textbook`] does the same by hand, as the papers have it.

mod calibrate;
mod convert;
mod narrow;
mod observer;
mod qparams;
pub mod textbook;

pub use calibrate::{Observations, calibrate};
pub use convert::{Calibration, Granularity, quantize};
pub use narrow::{LayerWeights, WIDTHS, layer_weights, narrow};
pub use observer::{MinMaxObserver, Range};
pub use qparams::{QParams, Scale, WeightScale, ZeroPoint, dynamic_qparams};
