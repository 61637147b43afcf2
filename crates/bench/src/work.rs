//! How many of a network's multiply-adds a kernel does: what is 0 is skipped, and a saving is no utilisation.

use digit8_core::Kernel;
use digit8_core::digits::{PIXELS, normalize, normalized};
use digit8_core::float::Mlp;
use digit8_core::int8::{QuantizedMlp, Values};
use digit8_core::quant::dynamic_qparams;
use digit8_kernels::{float, int8};

/// Multiply-adds of an image of the float32 network, in batches of so many of these images `[n, 784]`.
pub fn of_float(model: &Mlp, kernel: Kernel, pixels: &[u8], batch: usize) -> f64 {
    let layers = model.layers().each_ref().map(|layer| {
        let (outputs, inputs) = layer.weight.dim();
        float::Weights::pack(kernel, &layer.weight.iter().copied().collect::<Vec<_>>(), outputs, inputs)
    });
    // As the engine has them: distances from paper.
    let table = normalized().map(|x| x - normalize(0));
    an_image(pixels, batch, |pixels| {
        let x: Vec<f32> = pixels.iter().map(|&pixel| table[usize::from(pixel)]).collect();
        let [y1, y2, _] = model.layer_outputs(kernel, pixels);
        let [hidden1, hidden2] = [y1, y2].map(|y| y.iter().map(|y| y.max(0.0)).collect::<Vec<_>>());
        layers.iter().zip([x, hidden1, hidden2]).map(|(layer, x)| layer.multiply_adds(&x)).sum()
    })
}

/// The same of a quantized network.
pub fn of_int8(model: &QuantizedMlp, kernel: Kernel, pixels: &[u8], batch: usize) -> f64 {
    let layers = model.layers().each_ref().map(|layer| {
        let (outputs, inputs) = layer.weight.dim();
        int8::Weights::pack(kernel, &layer.weight.iter().copied().collect::<Vec<_>>(), outputs, inputs)
    });
    an_image(pixels, batch, |pixels| {
        let inputs = inputs_of_layers(model, kernel, pixels);
        layers.iter().zip(inputs).map(|(layer, x)| layer.multiply_adds(&x)).sum()
    })
}

/// The integers that the layers read.
fn inputs_of_layers(model: &QuantizedMlp, kernel: Kernel, pixels: &[u8]) -> Vec<Vec<u8>> {
    // Of the steps of a static network those before a layer, and of a dynamic one what is quantized before a layer.
    let mut inputs = Vec::new();
    let mut last = Vec::new();
    let steps = model.trace(kernel, pixels);
    if steps.iter().all(|step| step.values.as_reals().is_some()) {
        let reals = normalized();
        inputs.push(quantized(pixels.iter().map(|&pixel| reals[usize::from(pixel)])));
    }
    for step in &steps {
        if step.name.starts_with("linear") && !last.is_empty() {
            inputs.push(std::mem::take(&mut last));
        }
        last = match &step.values {
            Values::Quantized(integers, _) => integers.iter().copied().collect(),
            Values::Real(reals) => quantized(reals.iter().map(|y| y.max(0.0))),
        };
    }
    inputs
}

/// Reals, quantized by their own range.
fn quantized(reals: impl Iterator<Item = f32> + Clone) -> Vec<u8> {
    let min = reals.clone().fold(f32::INFINITY, f32::min);
    let max = reals.clone().fold(f32::NEG_INFINITY, f32::max);
    let qparams = dynamic_qparams(min, max);
    reals.map(|x| qparams.quantize(x)).collect()
}

/// What `count` finds in all batches, by image.
fn an_image(pixels: &[u8], batch: usize, count: impl Fn(&[u8]) -> usize) -> f64 {
    let batches = pixels.chunks_exact(batch * PIXELS);
    let images = batches.len() * batch;
    batches.map(count).sum::<usize>() as f64 / images as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use digit8_core::file::{self, Model};

    const FILES: [&[u8]; 3] = [
        include_bytes!("../../../www/models/notebook-static.safetensors"),
        include_bytes!("../../../www/models/notebook-fused.safetensors"),
        include_bytes!("../../../www/models/notebook-dynamic.safetensors"),
    ];

    #[test]
    fn blank_images_take_few_and_noise_takes_nearly_all() {
        let Model::Float(float) = file::read(crate::NOTEBOOK).unwrap().model else {
            panic!("a float32 model")
        };
        let all: usize = float.layers().iter().map(|layer| layer.weight.len()).sum();
        let first = float.layers()[0].weight.len();
        let noise: Vec<u8> = (0..6 * PIXELS).map(|at| 1 + (at * 7919 % 251) as u8).collect();
        let blank = vec![0; 6 * PIXELS];
        let holds = |what: &str, of: &dyn Fn(&[u8]) -> f64, skips: bool| {
            let [blank, noise] = [of(&blank), of(&noise)];
            assert!(noise >= first as f64 && noise <= all as f64, "{what}: {noise} of noise");
            assert_eq!(blank <= (all - first) as f64, skips, "{what}: {blank} of blank images");
        };
        for kernel in Kernel::available() {
            for batch in [1, 3] {
                let what = format!("{}, batch {batch}", kernel.name());
                holds(&what, &|pixels| of_float(&float, kernel, pixels, batch), kernel != Kernel::Scalar);
                for file in FILES {
                    let Model::Int8(model) = file::read(file).unwrap().model else { panic!("an int8 model") };
                    let what = format!("{what}, {}", model.scheme().name());
                    holds(&what, &|pixels| of_int8(&model, kernel, pixels, batch), true);
                }
            }
        }
    }
}
