//! Scale and zero point: `real = (integer - zero_point) · scale`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::fault;
use crate::quant::{Granularity, Grid, Range};
use crate::{Error, Result};

/// The width of one integer step, in real units: finite and positive.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scale(f32);

impl Scale {
    /// A scale of that width.
    ///
    /// # Errors
    /// [`Error::Model`] if it is not a normal positive number: its reciprocal must be finite.
    pub fn new(width: f32) -> Result<Self> {
        if width > 0.0 && width.is_finite() && width.recip().is_finite() {
            Ok(Self(width))
        } else {
            let fault = fault(width);
            Err(Error::model(|| {
                format!("{fault} as a scale, expected a positive number with a finite reciprocal")
            }))
        }
    }

    /// The width.
    pub fn get(self) -> f32 {
        self.0
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The integer that stands for the real number 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ZeroPoint(pub u8);

impl fmt::Display for ZeroPoint {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The scale and zero point of a tensor of `quint8`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct QParams {
    /// The width of one step.
    pub scale: Scale,
    /// The integer that stands for 0.
    pub zero_point: ZeroPoint,
    /// The greatest integer: 255, or less where activations have fewer than seven bits (those of seven go on to 255, rule 4).
    #[serde(default = "eight_bits")]
    pub max: u8,
}

fn eight_bits() -> u8 {
    u8::MAX
}

impl QParams {
    /// The parameters of activations that saturate at 0 and 255, as PyTorch's do.
    pub fn new(scale: Scale, zero_point: ZeroPoint) -> Self {
        Self { scale, zero_point, max: u8::MAX }
    }

    /// The parameters of activations that an observer saw in `range` (rule 2: affine, `quint8`, 0..=127).
    ///
    /// # Errors
    /// [`Error::Range`] if the range is not finite.
    pub fn affine(what: &str, range: Range) -> Result<Self> {
        Grid::REDUCED.qparams(what, range)
    }

    /// The integer for a real number (rule 4): `clamp(rint(x · (1/scale)) + zero_point, 0, max)`.
    pub fn quantize(&self, x: f32) -> u8 {
        let rounded = (x * self.scale.0.recip()).round_ties_even() as i32;
        rounded.saturating_add(self.zero_point.0.into()).clamp(0, self.max.into()) as u8
    }

    /// The real number that an integer stands for (rule 5): `(q - zero_point) · scale`.
    pub fn dequantize(&self, q: u8) -> f32 {
        f32::from(i16::from(q) - i16::from(self.zero_point.0)) * self.scale.0
    }

    /// The real numbers that the integers from 0 to `greatest` stand for.
    pub fn reach(&self, greatest: u8) -> Range {
        Range { min: self.dequantize(0), max: self.dequantize(greatest) }
    }
}

/// The scale of a weight matrix (zero point 0): one for all of it, or one for each output channel.
#[derive(Clone, Debug, PartialEq)]
pub enum WeightScale {
    /// One scale for the whole matrix.
    PerTensor(Scale),
    /// One scale for each row.
    PerChannel(Vec<Scale>),
}

impl WeightScale {
    /// Whether there is one for the matrix, or one for each output channel.
    pub fn granularity(&self) -> Granularity {
        match self {
            WeightScale::PerTensor(_) => Granularity::PerTensor,
            WeightScale::PerChannel(_) => Granularity::PerChannel,
        }
    }

    /// The scale of output channel `row`.
    ///
    /// # Panics
    /// If there is no such channel.
    pub fn of(&self, row: usize) -> Scale {
        match self {
            WeightScale::PerTensor(scale) => *scale,
            WeightScale::PerChannel(scales) => scales[row],
        }
    }
}

impl Scale {
    /// The scale of weights in `range` (rule 3: symmetric `qint8`, the greatest magnitude over 127.5).
    ///
    /// # Errors
    /// [`Error::Range`] if the range is not finite.
    pub fn symmetric(what: &str, range: Range) -> Result<Self> {
        Grid::WEIGHTS.scale(what, range)
    }

    /// The integer for a weight (rule 4): `clamp(rint(w · (1/scale)), -128, 127)`.
    pub fn quantize_weight(self, w: f32) -> i8 {
        (w * self.0.recip()).round_ties_even() as i8
    }
}

/// The parameters that dynamic quantization derives from the very activations it is about to quantize (rule 8: FBGEMM's
/// `ChooseQuantizationParams` with `reduce_range`). `min` and `max` are those of the whole batch, extended to include 0.
pub fn dynamic_qparams(min: f32, max: f32) -> QParams {
    /// Below this, FBGEMM widens the range, so that reciprocals stay well inside `f32`.
    const SMALLEST: f32 = 6.1e-5;
    const QMIN: f64 = 0.0;
    const QMAX: f64 = 127.0;

    let (mut min, mut max) = (min.min(0.0), max.max(0.0));
    let mut scale = (f64::from(max) - f64::from(min)) / QMAX;
    if scale as f32 == 0.0 || (scale as f32).recip().is_infinite() {
        scale = 0.1;
    }
    if scale < f64::from(SMALLEST) {
        let amplifier = SMALLEST / scale as f32;
        scale = f64::from(SMALLEST);
        if min == 0.0 {
            max = SMALLEST * QMAX as f32;
        } else if max == 0.0 {
            min = -SMALLEST * QMAX as f32;
        } else {
            min *= amplifier;
            max *= amplifier;
        }
    }
    // The end that lies further out, as PyTorch compares them (signed), decides where zero lies.
    let (from_min, from_max) = (f64::from(min) / scale, f64::from(max) / scale);
    let min_error = QMIN.abs() - from_min.abs();
    let max_error = QMAX.abs() - from_max.abs();
    let exact = if min_error < max_error { QMIN - from_min } else { QMAX - from_max };
    let zero_point = exact.clamp(QMIN, QMAX).round_ties_even() as u8;
    QParams::new(Scale(scale as f32), ZeroPoint(zero_point))
}
