//! An image's way through both networks: every integer of every layer, what it stands for, and what the float network has in
//! its place.

use serde::Serialize;

use crate::Kernel;
use crate::Result;
use crate::compare;
use crate::digits::PIXELS;
use crate::explain::{Hybrid, OnIntegers};
use crate::float::Mlp;
use crate::int8::QuantizedMlp;
use crate::neuron::{Dissection, Tensor};
use crate::quant::{Range, Scale, ZeroPoint};
use crate::trial::Trial;

/// A tensor on the way: the input, or what a layer hands on, behind ReLU in the hidden layers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stop {
    /// `input`, `linear1`, `linear2` or `linear3`.
    pub name: &'static str,
    /// The integers; none where the tensor is not quantized, which is the output of a dynamic network.
    pub integers: Option<Integers>,
    /// What the int8 network has.
    pub int8: Vec<f32>,
    /// What the float network has.
    pub float: Vec<f32>,
    /// The least and the greatest value of the float network.
    pub seen: Range,
    /// How far the int8 network's values are from the float network's.
    pub error: compare::Error,
}

/// A tensor's integers, and what they can stand for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Integers {
    /// What one step is worth.
    pub scale: Scale,
    /// The integer that stands for 0.
    pub zero_point: ZeroPoint,
    /// The real numbers that the least and the greatest integer stand for.
    pub range: Range,
    /// The integers.
    pub values: Vec<u8>,
    /// The share of the float network's values that lie beyond `range`, 0 to 1.
    pub clipped: f64,
}

/// The way of one image, `pixels` `[784]`.
///
/// # Errors
/// [`Error::Mismatch`](crate::Error::Mismatch) if it is not one image, or the networks are not of one size.
pub fn walk(float: &Mlp, int8: &QuantizedMlp, kernel: Kernel, pixels: &[u8]) -> Result<Vec<Stop>> {
    let dissection = Dissection::new(float, int8, kernel, pixels)?;
    let names = ["input", "linear1", "linear2", "linear3"];
    Ok(names.into_iter().zip(dissection.tensors()).map(|(name, tensor)| Stop::new(name, tensor)).collect())
}

impl Stop {
    fn new(name: &'static str, Tensor { float, int8, integers }: Tensor) -> Self {
        let integers = integers.map(|(values, qparams)| {
            let range = qparams.reach(qparams.max);
            let beyond = float.iter().filter(|&&real| real < range.min || real > range.max).count();
            let clipped = beyond as f64 / float.len() as f64;
            Integers { scale: qparams.scale, zero_point: qparams.zero_point, range, values, clipped }
        });
        let error = compare::Error::between(&float, &int8);
        Self { name, integers, seen: Range::of(&float), int8, float, error }
    }
}

/// What every mixture of float and int8 layers makes of labelled digits: at `m`, `linear1` is on integers if `m & 1`, `linear2` if
/// `m & 2`, `linear3` if `m & 4`. The number read right, added batch by batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Mixtures {
    /// The digits so far.
    pub total: u32,
    /// Of them, those read right.
    pub correct: [u32; 8],
}

impl Mixtures {
    /// Adds digits: `pixels` `[n, 784]` with their `labels` `[n]`.
    ///
    /// # Errors
    /// [`Error::Mismatch`](crate::Error::Mismatch) if they are not as many.
    pub fn add(&mut self, hybrid: &Hybrid, pixels: &[u8], labels: &[u8]) -> Result<()> {
        for (mixture, correct) in self.correct.iter_mut().enumerate() {
            let integers: OnIntegers = std::array::from_fn(|index| mixture >> index & 1 == 1);
            let mut logits = Vec::new();
            for image in pixels.chunks(PIXELS) {
                logits.extend(hybrid.logits(image, integers)?);
            }
            let mut trial = Trial::default();
            trial.add(&logits, &logits, labels)?;
            *correct += trial.int8.correct();
        }
        self.total += labels.len() as u32;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digits::CLASSES;
    use crate::int8::Scheme;
    use crate::quant::{Calibration, Granularity, calibrate, quantize};

    const KERNEL: Kernel = Kernel::Scalar;

    fn images() -> Vec<u8> {
        (0..4 * PIXELS).map(|at| if at % 7 <= at / PIXELS { (at * 7919 % 256) as u8 } else { 0 }).collect()
    }

    fn networks(scheme: Scheme) -> (Mlp, QuantizedMlp) {
        let mlp = Mlp::random([30, 20], 3).unwrap();
        let observe = || calibrate(&mlp, KERNEL, scheme, &images(), |_| ());
        let int8 = quantize(&mlp, Calibration::of(scheme, observe).unwrap(), Granularity::PerTensor).unwrap();
        (mlp, int8)
    }

    #[test]
    fn integers_are_those_of_the_trace_behind_relu() {
        for scheme in Scheme::ALL {
            let (mlp, int8) = networks(scheme);
            let pixels = &images()[2 * PIXELS..3 * PIXELS];
            let stops = walk(&mlp, &int8, KERNEL, pixels).unwrap();
            let trace = int8.trace(KERNEL, pixels);
            let step = |name: &str| trace.iter().find(|step| step.name == name).map(|step| &step.values);
            assert_eq!(
                stops.iter().map(|stop| stop.int8.len()).collect::<Vec<_>>(),
                [PIXELS, 30, 20, CLASSES]
            );
            for (stop, names) in
                stops.iter().zip([["quant"; 2], ["relu1", "linear1"], ["relu2", "linear2"], ["linear3"; 2]])
            {
                let what = format!("{scheme} {}", stop.name);
                // A dynamic network's trace has no step for the input, and its layers' reals before ReLU.
                if let Some(found) = names.into_iter().find_map(step) {
                    let relu = |y: f32| if stop.name == "linear3" { y } else { y.max(0.0) };
                    let reals = found.real().mapv(|y| if scheme == Scheme::Dynamic { relu(y) } else { y });
                    assert!(reals.iter().eq(&stop.int8), "{what}");
                    let integers = stop.integers.as_ref().map(|integers| &integers.values[..]);
                    if scheme != Scheme::Dynamic {
                        assert_eq!(found.as_integers().unwrap().as_slice(), integers, "{what}");
                    }
                }
                assert_eq!(
                    stop.integers.is_some(),
                    scheme != Scheme::Dynamic || stop.name != "linear3",
                    "{what}"
                );
                assert!(stop.error.sqnr > 15.0, "{what}: {:?}", stop.error);
                assert!(stop.seen.min <= stop.seen.max, "{what}");
            }
        }
    }

    #[test]
    fn what_no_integer_stands_for_is_clipped() {
        let (mlp, int8) = networks(Scheme::Fused);
        let pixels = &images()[3 * PIXELS..];
        let clipped = |int8: &QuantizedMlp| {
            walk(&mlp, int8, KERNEL, pixels).unwrap()[1].integers.as_ref().unwrap().clipped
        };
        assert_eq!(clipped(&int8), 0.0);
        let crate::int8::Activations::Static { fused, input, mut outputs } = *int8.activations() else {
            panic!()
        };
        outputs[0].scale = Scale::new(outputs[0].scale.get() / 16.0).unwrap();
        let narrow = QuantizedMlp::new(
            int8.layers().clone(),
            crate::int8::Activations::Static { fused, input, outputs },
        );
        let share = clipped(&narrow.unwrap());
        assert!(share > 0.0 && share < 1.0, "{share}");
    }

    #[test]
    fn the_first_mixture_is_the_float_network_and_the_last_the_int8_one() {
        for scheme in Scheme::ALL {
            let (mlp, int8) = networks(scheme);
            let (pixels, labels) = (images(), [1, 2, 3, 4]);
            let hybrid = Hybrid::new(&mlp, &int8, KERNEL).unwrap();
            let mut mixtures = Mixtures::default();
            for (pixels, labels) in pixels.chunks(2 * PIXELS).zip(labels.chunks(2)) {
                mixtures.add(&hybrid, pixels, labels).unwrap();
            }
            let right = |model| {
                let logits = compare::logits(&model, KERNEL, &pixels);
                compare::Confusion::count(&logits, &labels).correct()
            };
            let ends = [right(crate::file::Model::Float(mlp)), right(crate::file::Model::Int8(int8))];
            assert_eq!([mixtures.correct[0], mixtures.correct[7]], ends, "{scheme}");
            assert_eq!(mixtures.total, 4);
            assert!(mixtures.add(&hybrid, &pixels, &[1]).is_err());
        }
    }
}
