//! Which layer costs how much, and what of it is the weights' doing, what the activations'.

use digit8_kernels::float::Weights;
use ndarray::Array2;
use serde::Serialize;

use crate::compare::{self, Confusion, argmax};
use crate::digits::{CLASSES, Digits, PIXELS, normalize};
use crate::explain::{Hybrid, OnIntegers};
use crate::file::Model;
use crate::float::{Linear, Mlp, contiguous};
use crate::int8::{Activations, QuantizedMlp};
use crate::quant::{QParams, Range, dynamic_qparams};
use crate::{Error, Kernel, Result};

/// Digits between two reports.
const BATCH: usize = 100;

/// How many digits are read right by a float network, its int8 version, and what lies between.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sensitivity {
    /// How many digits there were.
    pub digits: u32,
    /// Read right on reals.
    pub float: u32,
    /// On integers.
    pub int8: u32,
    /// With that layer alone on integers.
    pub alone: [u32; 3],
    /// With that layer alone on reals.
    pub spared: [u32; 3],
    /// With quantized weights and real activations.
    pub weights: u32,
    /// With real weights and quantized activations.
    pub activations: u32,
    /// How far each layer's output is from the float network's, behind ReLU in the hidden layers; the error holds that of the layers
    /// before it.
    pub layers: [compare::Error; 3],
}

/// Reads `digits` with `float`, with `int8`, which is to be made of it (of the equalized network, if it was equalized), and with what
/// lies between. `report` is told the share that is done, and says whether to go on. Ten networks read each digit.
///
/// # Errors
/// [`Error::Mismatch`] if the networks are not of one size or there are no digits; [`Error::Stopped`] if `report` says so.
pub fn sensitivity(
    float: &Mlp,
    int8: &QuantizedMlp,
    kernel: Kernel,
    digits: &Digits,
    report: &mut dyn FnMut(f64) -> bool,
) -> Result<Sensitivity> {
    if digits.is_empty() {
        return Err(Error::Mismatch("there are no digits to read".into()));
    }
    let hybrid = Hybrid::new(float, int8, kernel)?;
    let weights = Model::Float(weights_alone(int8)?);
    let activations = ActivationsAlone::new(float, int8, kernel);
    let (float, int8) = (Model::Float(float.clone()), Model::Int8(int8.clone()));
    let mut found = Sensitivity {
        digits: digits.len() as u32,
        float: 0,
        int8: 0,
        alone: [0; 3],
        spared: [0; 3],
        weights: 0,
        activations: 0,
        layers: [compare::Error { sqnr: 0.0, cosine: 0.0, max: 0.0 }; 3],
    };
    let batches = digits.images().chunks(BATCH * PIXELS).zip(digits.labels().chunks(BATCH));
    for (number, (pixels, labels)) in batches.enumerate() {
        if !report((number * BATCH) as f64 / digits.len() as f64) {
            return Err(Error::Stopped);
        }
        let right =
            |model: &Model| Confusion::count(&compare::logits(model, kernel, pixels), labels).correct();
        found.float += right(&float);
        found.int8 += right(&int8);
        found.weights += right(&weights);
        for (pixels, &label) in pixels.chunks_exact(PIXELS).zip(labels) {
            let right = |logits: &[f32]| u32::from(argmax(logits) == usize::from(label));
            found.activations += right(&activations.logits(pixels));
            for layer in 0..3 {
                let alone: OnIntegers = std::array::from_fn(|index| index == layer);
                found.alone[layer] += right(&hybrid.logits(pixels, alone)?);
                found.spared[layer] += right(&hybrid.logits(pixels, alone.map(|on| !on))?);
            }
        }
    }
    let [reals, integers] =
        [&float, &int8].map(|model| compare::layer_outputs(model, kernel, digits.images()));
    let pairs: Vec<(Array2<f32>, Array2<f32>)> = reals.into_iter().zip(integers).collect();
    found.layers = std::array::from_fn(|layer| compare::Error::between(&pairs[layer].0, &pairs[layer].1));
    Ok(found)
}

/// The network on reals whose weights are what the integers of `int8` stand for.
///
/// # Errors
/// [`Error::Model`] if such a weight is not finite.
pub fn weights_alone(int8: &QuantizedMlp) -> Result<Mlp> {
    Mlp::new(int8.layers().each_ref().map(|layer| {
        let weight = Array2::from_shape_fn(layer.weight.dim(), |(row, column)| {
            f32::from(layer.weight[[row, column]]) * layer.weight_scale.of(row).get()
        });
        Linear { weight, bias: layer.bias.clone() }
    }))
}

/// A float network whose activations become what the integers of an int8 network stand for.
pub struct ActivationsAlone {
    layers: [(Weights, Vec<f32>); 3],
    activations: Activations,
}

impl ActivationsAlone {
    /// The weights of the one network, the scales and zero points of the other.
    pub fn new(float: &Mlp, int8: &QuantizedMlp, kernel: Kernel) -> Self {
        let layers = float.layers().each_ref().map(|layer| {
            let (outputs, inputs) = layer.weight.dim();
            (Weights::pack(kernel, &contiguous(&layer.weight), outputs, inputs), layer.bias.to_vec())
        });
        Self { layers, activations: *int8.activations() }
    }

    /// The logits of one image, `pixels` `[784]`.
    pub fn logits(&self, pixels: &[u8]) -> [f32; CLASSES] {
        let mut x: Vec<f32> = pixels.iter().map(|&pixel| normalize(pixel)).collect();
        for (index, (weights, bias)) in self.layers.iter().enumerate() {
            // A layer's output is quantized before ReLU, or behind it where that is fused, which comes to the same on a grid that
            // has no negative values; and once, as the next layer's input.
            let through = |x: &mut Vec<f32>, qparams: QParams| {
                x.iter_mut().for_each(|x| *x = qparams.dequantize(qparams.quantize(*x)));
            };
            match &self.activations {
                Activations::Static { input, .. } if index == 0 => through(&mut x, *input),
                Activations::Static { .. } => {}
                Activations::Dynamic => {
                    let Range { min, max } = Range::of(&x);
                    through(&mut x, dynamic_qparams(min, max));
                }
            }
            let mut y = vec![0.0; bias.len()];
            weights.forward(&x, bias, false, &mut y);
            if let Activations::Static { outputs, .. } = &self.activations {
                through(&mut y, outputs[index]);
            }
            if index < 2 {
                y.iter_mut().for_each(|y| *y = y.max(0.0));
            }
            x = y;
        }
        std::array::from_fn(|digit| x[digit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::int8::Scheme;
    use crate::quant::{Calibration, Granularity, calibrate, quantize};

    const KERNEL: Kernel = Kernel::Scalar;

    fn digits() -> Digits {
        let images = (0..150 * PIXELS).map(|at| if at % 5 == 0 { (at * 7919 % 256) as u8 } else { 0 });
        Digits::new(images.collect(), (0..150).map(|at| at % 10).collect()).unwrap()
    }

    fn quantized(mlp: &Mlp, scheme: Scheme) -> QuantizedMlp {
        let seen = || calibrate(mlp, KERNEL, scheme, digits().images(), |_| ());
        quantize(mlp, Calibration::of(scheme, seen).unwrap(), Granularity::PerChannel).unwrap()
    }

    #[test]
    fn fine_integers_cost_nearly_nothing_and_coarse_weights_are_to_blame() {
        let mlp = Mlp::random([30, 20], 7).unwrap();
        // Labels that the float network reads right, all of them.
        let images = digits().images().to_vec();
        let logits = compare::logits(&Model::Float(mlp.clone()), KERNEL, &images);
        let labels = logits.chunks(CLASSES).map(|logits| argmax(logits) as u8).collect();
        let digits = Digits::new(images, labels).unwrap();
        for scheme in Scheme::ALL {
            let int8 = quantized(&mlp, scheme);
            let fine = sensitivity(&mlp, &int8, KERNEL, &digits, &mut |_| true).unwrap();
            assert_eq!((fine.digits, fine.float), (150, 150));
            let parts = [fine.int8, fine.weights, fine.activations, fine.alone[1], fine.spared[1]];
            assert!(parts.iter().all(|&right| right >= 140), "{scheme}: {fine:?}");
            let mut layers = int8.layers().clone();
            layers[1].weight.mapv_inplace(|w| if w < 0 { -64 } else { 64 });
            let spoilt = QuantizedMlp::new(layers, *int8.activations()).unwrap();
            let coarse = sensitivity(&mlp, &spoilt, KERNEL, &digits, &mut |_| true).unwrap();
            assert_eq!(coarse.activations, fine.activations, "{scheme}");
            assert_eq!(coarse.spared[1], fine.spared[1], "{scheme}: spared, it does no harm");
            let (weights, alone) = (fine.weights - coarse.weights, fine.alone[1] - coarse.alone[1]);
            assert!(weights > 20 && alone > 20, "{scheme}: {coarse:?}");
            assert!(coarse.layers[1].sqnr < fine.layers[1].sqnr - 10.0, "{scheme}: {coarse:?}");
        }
    }

    #[test]
    fn quantized_activations_on_quantized_weights_are_the_network_on_integers() {
        let mlp = Mlp::random([30, 20], 8).unwrap();
        for scheme in Scheme::ALL {
            let int8 = quantized(&mlp, scheme);
            let both = ActivationsAlone::new(&weights_alone(&int8).unwrap(), &int8, KERNEL);
            let mut engine = int8.engine(KERNEL);
            for pixels in digits().images().chunks_exact(PIXELS) {
                let mut expected = [0.0; CLASSES];
                engine.logits(pixels, &mut expected);
                // Real sums are not exact: an integer of a hidden layer may fall to the other side of a tie.
                for (found, expected) in both.logits(pixels).into_iter().zip(expected) {
                    assert!((found - expected).abs() < 0.02, "{scheme}: {found}, {expected}");
                }
            }
        }
    }

    #[test]
    fn it_stops_and_says_what_does_not_fit() {
        let mlp = Mlp::random([30, 20], 9).unwrap();
        let int8 = quantized(&mlp, Scheme::Fused);
        let run = |digits: &Digits, go_on| sensitivity(&mlp, &int8, KERNEL, digits, &mut |_| go_on);
        assert!(matches!(run(&digits(), false), Err(Error::Stopped)));
        let none = Digits::new(vec![], vec![]).unwrap();
        assert!(run(&none, true).unwrap_err().to_string().contains("no digits"));
    }
}
