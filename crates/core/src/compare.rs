//! Two models, one input: what each answers, and how far apart they are.

use ndarray::{Array2, Axis};
use serde::Serialize;

use crate::Kernel;
use crate::digits::{CLASSES, PIXELS};
use crate::file::Model;
use crate::int8::{QuantizedMlp, Scheme};

/// The logits `[n, 10]` that `model` gives to `pixels` `[n, 784]`, one image at a time: what a dynamic network says of an
/// image depends on the others in its batch.
pub fn logits(model: &Model, kernel: Kernel, pixels: &[u8]) -> Vec<f32> {
    batched_logits(model, kernel, pixels, 1)
}

/// [`logits`], `batch` images at a time (0 counts as 1); the last batch may be smaller.
pub fn batched_logits(model: &Model, kernel: Kernel, pixels: &[u8], batch: usize) -> Vec<f32> {
    let batch = batch.max(1);
    let mut logits = vec![0.0; pixels.len() / PIXELS * CLASSES];
    let batches = pixels.chunks(batch * PIXELS).zip(logits.chunks_mut(batch * CLASSES));
    match model {
        Model::Float(mlp) => {
            let mut engine = mlp.engine(kernel);
            batches.for_each(|(images, logits)| engine.logits(images, logits));
        }
        Model::Int8(mlp) => {
            let mut engine = mlp.engine(kernel);
            batches.for_each(|(images, logits)| engine.logits(images, logits));
        }
    }
    logits
}

/// What each of the three layers hands on, `[n, outputs]`, for `pixels` `[n, 784]`: real numbers, behind ReLU in the hidden
/// layers, so that networks of any kind and scheme compare value by value. One image at a time, as [`logits`].
pub fn layer_outputs(model: &Model, kernel: Kernel, pixels: &[u8]) -> [Array2<f32>; 3] {
    let mut layers = match model {
        Model::Float(mlp) => mlp.layer_outputs(kernel, pixels),
        Model::Int8(mlp) if mlp.scheme() == Scheme::Dynamic => one_by_one(mlp, kernel, pixels),
        Model::Int8(mlp) => linear_outputs(mlp, kernel, pixels),
    };
    layers[..2].iter_mut().for_each(|hidden| hidden.mapv_inplace(|y| y.max(0.0)));
    layers
}

/// The outputs of the linear layers, with the batch as one tensor.
fn linear_outputs(mlp: &QuantizedMlp, kernel: Kernel, pixels: &[u8]) -> [Array2<f32>; 3] {
    let steps = mlp.trace(kernel, pixels);
    let output = |name| steps.iter().find(|step| step.name == name).map(|step| step.values.real());
    ["linear1", "linear2", "linear3"].map(|name| output(name).unwrap_or_default())
}

fn one_by_one(mlp: &QuantizedMlp, kernel: Kernel, pixels: &[u8]) -> [Array2<f32>; 3] {
    let [h1, h2] = mlp.hidden();
    let count = pixels.len() / PIXELS;
    let mut layers = [h1, h2, CLASSES].map(|outputs| Array2::zeros((count, outputs)));
    for (image, pixels) in pixels.chunks_exact(PIXELS).enumerate() {
        for (all, one) in layers.iter_mut().zip(linear_outputs(mlp, kernel, pixels)) {
            all.index_axis_mut(Axis(0), image).assign(&one.row(0));
        }
    }
    layers
}

/// The probabilities of the ten digits: the softmax of the logits, computed in `f64`.
pub fn softmax(logits: &[f32; CLASSES]) -> [f64; CLASSES] {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponentials = logits.map(|logit| f64::from(logit - max).exp());
    let sum: f64 = exponentials.iter().sum();
    exponentials.map(|exponential| exponential / sum)
}

/// The digit with the greatest logit; the first of them on a tie, as PyTorch's `argmax`.
pub fn argmax(logits: &[f32]) -> usize {
    (0..logits.len()).reduce(|best, at| if logits[at] > logits[best] { at } else { best }).unwrap_or(0)
}

/// How often each true digit (row) was read as each digit (column).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Confusion(pub [[u32; CLASSES]; CLASSES]);

impl Confusion {
    /// Counts `logits` `[n, 10]` against `labels` `[n]`.
    pub fn count(logits: &[f32], labels: &[u8]) -> Self {
        let mut counts = Self::default();
        for (logits, &label) in logits.chunks_exact(CLASSES).zip(labels) {
            counts.0[usize::from(label)][argmax(logits)] += 1;
        }
        counts
    }

    /// Adds the counts of more digits.
    pub fn add(&mut self, other: &Self) {
        self.0
            .as_flattened_mut()
            .iter_mut()
            .zip(other.0.as_flattened())
            .for_each(|(sum, count)| *sum += count);
    }

    /// The number of digits read right.
    pub fn correct(&self) -> u32 {
        (0..CLASSES).map(|digit| self.0[digit][digit]).sum()
    }

    /// The number of digits.
    pub fn total(&self) -> u32 {
        self.0.iter().flatten().sum()
    }

    /// The share read right, 0 to 1; 0 where there were none.
    pub fn accuracy(&self) -> f64 {
        f64::from(self.correct()) / f64::from(self.total().max(1))
    }
}

/// How far one tensor is from another that it approximates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Error {
    /// Signal to quantization noise, in decibels: `10·log10(Σ reference² / Σ difference²)`; infinite where they are equal.
    pub sqnr: f64,
    /// The cosine of the angle between them.
    pub cosine: f64,
    /// The greatest absolute difference.
    pub max: f64,
}

impl Error {
    /// The error of `approximation` against `reference`.
    pub fn between<'a>(
        reference: impl IntoIterator<Item = &'a f32>,
        approximation: impl IntoIterator<Item = &'a f32>,
    ) -> Self {
        let (mut signal, mut noise, mut dot, mut other, mut max) = (0.0, 0.0, 0.0, 0.0, 0f64);
        for (&r, &a) in reference.into_iter().zip(approximation) {
            let (r, a) = (f64::from(r), f64::from(a));
            signal += r * r;
            noise += (r - a) * (r - a);
            dot += r * a;
            other += a * a;
            max = max.max((r - a).abs());
        }
        let cosine = if noise == 0.0 { 1.0 } else { dot / (signal * other).sqrt() };
        Self { sqnr: 10.0 * (signal / noise).log10(), cosine, max }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float::Mlp;
    use crate::quant::{Calibration, Granularity, calibrate, quantize};

    /// Noise that is mostly paper, like a digit.
    fn images(count: usize) -> Vec<u8> {
        (0..count * PIXELS).map(|at| if at % 5 == 0 { (at * 7919 % 256) as u8 } else { 0 }).collect()
    }

    #[test]
    fn layers_of_every_scheme_are_close_to_floats() {
        let (mlp, pixels) = (Mlp::random([30, 20], 1).unwrap(), images(7));
        let kernel = Kernel::Scalar;
        let reference = layer_outputs(&Model::Float(mlp.clone()), kernel, &pixels);
        for scheme in Scheme::ALL {
            let calibration = Calibration::of(scheme, || calibrate(&mlp, kernel, scheme, &pixels, |_| ()));
            let int8 = Model::Int8(quantize(&mlp, calibration.unwrap(), Granularity::PerTensor).unwrap());
            let layers = layer_outputs(&int8, kernel, &pixels);
            for (number, (reference, layer)) in (1..).zip(reference.iter().zip(&layers)) {
                assert_eq!(reference.dim(), layer.dim());
                assert!(number == 3 || layer.iter().all(|&y| y >= 0.0));
                let error = Error::between(reference, layer);
                assert!(error.sqnr > 20.0 && error.sqnr.is_finite(), "{scheme} linear{number}: {error:?}");
            }
            assert_eq!(layers[2].as_slice().unwrap(), logits(&int8, kernel, &pixels), "{scheme}");
        }
    }
}
