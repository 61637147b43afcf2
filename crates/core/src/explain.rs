//! Where a float network and its int8 version differ on one image, and which layer is to blame.
//!
//! A [`Hybrid`] computes each layer either on reals or on integers. Putting one layer back to float shows how much of the
//! difference was its doing; quantizing one layer alone shows how much it can do by itself.

use digit8_kernels::{float, int8};
use serde::Serialize;

use crate::compare::{self, argmax, softmax};
use crate::digits::{CLASSES, PIXELS, normalize};
use crate::float::{Mlp, contiguous};
use crate::int8::{Activations, QuantizedMlp, quantize_reals};
use crate::quant::{QParams, Scale, ZeroPoint};
use crate::{Error, Kernel, Result};

const LAYERS: usize = 3;

/// Which of the layers `linear1`, `linear2`, `linear3` compute on integers; the others compute on reals.
pub type OnIntegers = [bool; LAYERS];

/// A float network and its int8 version, of which each layer can be had from either.
///
/// Between two layers stand real numbers. A layer on integers quantizes what it is given with its own input's parameters,
/// just as the int8 network does, so that with all layers on integers the answer is the int8 network's, bit for bit.
#[derive(Clone, Debug)]
pub struct Hybrid {
    kernel: Kernel,
    layers: [Layer; LAYERS],
    activations: Activations,
}

#[derive(Clone, Debug)]
struct Layer {
    outputs: usize,
    reals: float::Weights,
    bias: Vec<f32>,
    integers: int8::Weights,
    stage: Stage,
}

#[derive(Clone, Debug)]
enum Stage {
    Static { input: QParams, requantize: int8::Requantize, output: QParams },
    Dynamic(int8::Dequantize),
}

/// What the layers hand on, behind ReLU in the hidden ones.
type Outputs = [Vec<f32>; LAYERS];

/// The float network against its int8 version, on one image.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// What each layer hands on in the one network and in the other, whose error holds that of the layers before it.
    pub layers: [LayerError; LAYERS],
    /// The answers of all eight mixtures: at `m`, `linear1` is on integers if `m & 1`, `linear2` if `m & 2`, `linear3` if
    /// `m & 4`. The first is the float network, the last the int8 one.
    pub answers: Vec<Answer>,
    /// The tensors that the int8 network quantizes, in their order.
    pub tensors: Vec<Tensor>,
}

/// A layer's outputs, behind ReLU in the hidden layers.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerError {
    /// Those of the float network.
    pub float: Vec<f32>,
    /// Those of the int8 network.
    pub int8: Vec<f32>,
    /// How far these are from those.
    pub error: compare::Error,
}

/// What a mixture of layers answers, and how far from the float network it is.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The layers on integers.
    pub integers: OnIntegers,
    /// The digit that it reads.
    pub digit: usize,
    /// The logits.
    pub logits: [f32; CLASSES],
    /// The greatest absolute difference of a logit from the float network's.
    pub logit_difference: f64,
    /// The greatest absolute difference of a probability from the float network's, 0 to 1.
    pub probability_difference: f64,
}

/// A tensor of the int8 network, with the value of the greatest magnitude that this image gives it as an example.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tensor {
    /// `input`, or the layer that puts it out.
    pub name: &'static str,
    /// The width of a step; that of a dynamic network is this image's.
    pub scale: Scale,
    /// The integer that stands for 0; that of a dynamic network is this image's.
    pub zero_point: ZeroPoint,
    /// The value.
    pub real: f32,
    /// The integer that it becomes.
    pub integer: u8,
    /// What that integer stands for.
    pub back: f32,
}

impl Hybrid {
    /// The two networks, packed for `kernel`.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if their hidden layers are not of one size.
    pub fn new(float: &Mlp, int8: &QuantizedMlp, kernel: Kernel) -> Result<Self> {
        if float.hidden() != int8.hidden() {
            let ([f1, f2], [i1, i2]) = (float.hidden(), int8.hidden());
            return Err(Error::Mismatch(format!(
                "a float network of {f1} and {f2} hidden neurons, an int8 one of {i1} and {i2}"
            )));
        }
        let layers = std::array::from_fn(|index| {
            let (real, quantized) = (&float.layers()[index], &int8.layers()[index]);
            let (outputs, inputs) = real.weight.dim();
            let relu = index + 1 < LAYERS;
            let stage = match *int8.activations() {
                Activations::Static { input, outputs, .. } => {
                    let input = if index == 0 { input } else { outputs[index - 1] };
                    let output = outputs[index];
                    Stage::Static { input, requantize: quantized.requantization(input, output, relu), output }
                }
                Activations::Dynamic => Stage::Dynamic(quantized.dequantization(relu)),
            };
            Layer {
                outputs,
                reals: float::Weights::pack(kernel, &contiguous(&real.weight), outputs, inputs),
                bias: real.bias.to_vec(),
                integers: int8::Weights::pack(kernel, &contiguous(&quantized.weight), outputs, inputs),
                stage,
            }
        });
        Ok(Self { kernel, layers, activations: *int8.activations() })
    }

    /// The logits of one image, `pixels` `[784]`.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if it is not one image.
    pub fn logits(&self, pixels: &[u8], integers: OnIntegers) -> Result<[f32; CLASSES]> {
        let [.., logits] = self.outputs(pixels, integers)?;
        Ok(std::array::from_fn(|digit| logits[digit]))
    }

    /// The two networks against each other on one image, `pixels` `[784]`.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if it is not one image.
    pub fn explain(&self, pixels: &[u8]) -> Result<Explanation> {
        let float = self.outputs(pixels, [false; LAYERS])?;
        let int8 = self.outputs(pixels, [true; LAYERS])?;
        let reference = self.logits(pixels, [false; LAYERS])?;
        let mixtures = (0..1 << LAYERS).map(|mixture| std::array::from_fn(|index| mixture >> index & 1 == 1));
        let answers = mixtures
            .map(|integers| Ok(Answer::new(integers, &reference, self.logits(pixels, integers)?)))
            .collect::<Result<_>>()?;
        let tensors = self.tensors(pixels, &float);
        let mut int8 = int8.into_iter();
        let layers = float.map(|float| {
            let int8 = int8.next().unwrap_or_default();
            LayerError { error: compare::Error::between(&float, &int8), float, int8 }
        });
        Ok(Explanation { layers, answers, tensors })
    }

    fn outputs(&self, pixels: &[u8], integers: OnIntegers) -> Result<Outputs> {
        if pixels.len() != PIXELS {
            return Err(Error::Mismatch(format!("{} pixels, expected {PIXELS}", pixels.len())));
        }
        let mut x: Vec<f32> = pixels.iter().map(|&pixel| normalize(pixel)).collect();
        Ok(std::array::from_fn(|index| {
            let layer = &self.layers[index];
            x = if integers[index] {
                layer.on_integers(self.kernel, &x)
            } else {
                layer.on_reals(&x, index + 1 < LAYERS)
            };
            x.clone()
        }))
    }

    /// The tensors that are quantized, of an image whose layers put out `outputs`.
    fn tensors(&self, pixels: &[u8], [hidden1, hidden2, logits]: &Outputs) -> Vec<Tensor> {
        let input: Vec<f32> = pixels.iter().map(|&pixel| normalize(pixel)).collect();
        let tensor = |name, qparams: QParams, values: &[f32]| {
            let real = values.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0);
            let integer = qparams.quantize(real);
            let QParams { scale, zero_point, .. } = qparams;
            Tensor { name, scale, zero_point, real, integer, back: qparams.dequantize(integer) }
        };
        let by_range = |name, values: &[f32]| {
            tensor(name, quantize_reals(self.kernel, values, &mut vec![0; values.len()]), values)
        };
        match self.activations {
            Activations::Static { input: quant, outputs: [linear1, linear2, linear3], .. } => vec![
                tensor("input", quant, &input),
                tensor("linear1", linear1, hidden1),
                tensor("linear2", linear2, hidden2),
                tensor("linear3", linear3, logits),
            ],
            Activations::Dynamic => {
                vec![by_range("input", &input), by_range("linear1", hidden1), by_range("linear2", hidden2)]
            }
        }
    }
}

impl Layer {
    fn on_reals(&self, x: &[f32], relu: bool) -> Vec<f32> {
        let mut y = vec![0.0; self.outputs];
        self.reals.forward(x, &self.bias, relu, &mut y);
        y
    }

    fn on_integers(&self, kernel: Kernel, x: &[f32]) -> Vec<f32> {
        match &self.stage {
            Stage::Static { input, requantize, output } => {
                let x: Vec<u8> = x.iter().map(|&x| input.quantize(x)).collect();
                let mut y = vec![0; self.outputs];
                self.integers.requantize(&x, input.zero_point.0, requantize, &mut y);
                y.into_iter().map(|q| output.dequantize(q)).collect()
            }
            Stage::Dynamic(dequantize) => {
                let (mut q, mut y) = (vec![0; x.len()], vec![0.0; self.outputs]);
                let qparams = quantize_reals(kernel, x, &mut q);
                self.integers.dequantize(&q, qparams.zero_point.0, qparams.scale.get(), dequantize, &mut y);
                y
            }
        }
    }
}

impl Answer {
    fn new(integers: OnIntegers, reference: &[f32; CLASSES], logits: [f32; CLASSES]) -> Self {
        let furthest = |a: [f64; CLASSES], b: [f64; CLASSES]| {
            a.into_iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        };
        Self {
            integers,
            digit: argmax(&logits),
            logit_difference: furthest(reference.map(f64::from), logits.map(f64::from)),
            probability_difference: furthest(softmax(reference), softmax(&logits)),
            logits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::layer_outputs;
    use crate::file::Model;
    use crate::int8::Scheme;
    use crate::quant::{Calibration, Granularity, calibrate, quantize};

    const KERNEL: Kernel = Kernel::Scalar;

    /// Three images, with little ink and with much.
    fn images() -> Vec<u8> {
        (0..3 * PIXELS).map(|at| if at % 7 <= at / PIXELS { (at * 7919 % 256) as u8 } else { 0 }).collect()
    }

    fn quantized(mlp: &Mlp, scheme: Scheme, granularity: Granularity) -> QuantizedMlp {
        let calibration = Calibration::of(scheme, || calibrate(mlp, KERNEL, scheme, &images(), |_| ()));
        quantize(mlp, calibration.unwrap(), granularity).unwrap()
    }

    #[test]
    fn without_mixture_it_is_the_one_network_or_the_other_to_the_bit() {
        let mlp = Mlp::random([30, 20], 3).unwrap();
        for (scheme, granularity) in Scheme::ALL.into_iter().flat_map(|scheme| {
            [Granularity::PerTensor, Granularity::PerChannel].map(|granularity| (scheme, granularity))
        }) {
            let int8 = quantized(&mlp, scheme, granularity);
            for kernel in Kernel::available() {
                let hybrid = Hybrid::new(&mlp, &int8, kernel).unwrap();
                for image in images().chunks_exact(PIXELS) {
                    let mut logits = [0.0; CLASSES];
                    int8.engine(kernel).logits(image, &mut logits);
                    assert_eq!(hybrid.logits(image, [true; 3]).unwrap(), logits, "{scheme} {granularity:?}");
                    let [.., float] = mlp.layer_outputs(kernel, image);
                    assert_eq!(&hybrid.logits(image, [false; 3]).unwrap()[..], float.as_slice().unwrap());
                }
            }
        }
    }

    #[test]
    fn layers_before_the_first_that_differs_are_those_of_the_network_they_are_from() {
        let mlp = Mlp::random([30, 20], 4).unwrap();
        for scheme in Scheme::ALL {
            let int8 = quantized(&mlp, scheme, Granularity::PerTensor);
            let hybrid = Hybrid::new(&mlp, &int8, KERNEL).unwrap();
            let pixels = &images()[..PIXELS];
            let [float, int8] = [Model::Float(mlp.clone()), Model::Int8(int8)].map(|model| {
                layer_outputs(&model, KERNEL, pixels).map(|layer| layer.into_iter().collect::<Vec<_>>())
            });
            let mixed = hybrid.outputs(pixels, [true, true, false]).unwrap();
            assert_eq!((&mixed[0], &mixed[1]), (&int8[0], &int8[1]), "{scheme}");
            let mixed = hybrid.outputs(pixels, [false, true, true]).unwrap();
            assert_eq!(mixed[0], float[0], "{scheme}");
            assert_ne!(mixed[1], float[1], "{scheme}");
        }
    }

    #[test]
    fn the_layer_that_was_spoilt_is_to_blame() {
        let mlp = Mlp::random([30, 20], 5).unwrap();
        for (scheme, spoilt) in Scheme::ALL.into_iter().zip([1, 0, 2]) {
            let int8 = quantized(&mlp, scheme, Granularity::PerTensor);
            let mut layers = int8.layers().clone();
            layers[spoilt].weight.mapv_inplace(|w| w / 32 * 32);
            let int8 = QuantizedMlp::new(layers, *int8.activations()).unwrap();
            let explanation = Hybrid::new(&mlp, &int8, KERNEL).unwrap().explain(&images()[..PIXELS]).unwrap();
            let difference = |mixture: usize| explanation.answers[mixture].logit_difference;
            let all = difference(7);
            assert!(difference(7 - (1 << spoilt)) < 0.5 * all, "{scheme}: back to float, it leaves little");
            assert!(difference(1 << spoilt) > 0.5 * all, "{scheme}: on integers alone, it does most of it");
        }
    }

    #[test]
    fn an_explanation_fits_together() {
        let mlp = Mlp::random([30, 20], 6).unwrap();
        for scheme in Scheme::ALL {
            let int8 = quantized(&mlp, scheme, Granularity::PerTensor);
            let pixels = &images()[PIXELS..2 * PIXELS];
            let explanation = Hybrid::new(&mlp, &int8, KERNEL).unwrap().explain(pixels).unwrap();
            let [float, .., int8] = &explanation.answers[..] else { panic!("eight answers") };
            assert_eq!((float.integers, int8.integers), ([false; 3], [true; 3]));
            assert_eq!((float.logit_difference, float.probability_difference), (0.0, 0.0));
            assert!(int8.logit_difference > 0.0 && int8.probability_difference > 0.0);
            assert!((explanation.layers[2].error.max - int8.logit_difference).abs() < 1e-12, "{scheme}");
            assert_eq!(explanation.tensors.len(), if scheme == Scheme::Dynamic { 3 } else { 4 });
            for tensor in &explanation.tensors {
                let &Tensor { scale, zero_point, real, integer, back, .. } = tensor;
                assert_eq!(back, QParams::new(scale, zero_point).dequantize(integer));
                assert!((real - back).abs() <= scale.get(), "{scheme} {}: within a step", tensor.name);
            }
        }
    }

    #[test]
    fn what_does_not_fit_together_is_an_error() {
        let mlp = Mlp::random([30, 20], 7).unwrap();
        let int8 = quantized(&mlp, Scheme::Static, Granularity::PerTensor);
        assert!(Hybrid::new(&mlp, &int8, KERNEL).unwrap().explain(&[0; 7]).is_err());
        let other = Mlp::random([30, 21], 7).unwrap();
        let error = Hybrid::new(&other, &int8, KERNEL).unwrap_err().to_string();
        assert!(error.contains("30 and 21") && error.contains("30 and 20"), "{error}");
    }
}
