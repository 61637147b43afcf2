//! The stages of an inference on the fastest kernel: quantize, each layer, softmax.

use std::hint::black_box;
use std::rc::Rc;

use digit8_core::Kernel;
use digit8_core::compare::softmax;
use digit8_core::digits::{CLASSES, Digits, PIXELS, normalize, normalized};
use digit8_core::float::Mlp;
use digit8_core::int8::{Activations, QuantizedMlp};
use digit8_kernels::{float, int8};

use super::engines::{CYCLE, Models, cycle, engine_name};
use super::report::Row;
use super::sampler::{Bench, Time};

/// The stages of an inference on the fastest kernel: of the float32 network and of the fused one, and the softmax.
pub fn stages(models: &Models, digits: &Rc<Digits>) -> Vec<Bench> {
    let mut benches = vec![softmax_stage(&models.float, digits)];
    for batch in [1, 64] {
        benches.extend(float_stages(&models.float, digits, batch));
        for model in &models.int8 {
            benches.extend(int8_stages(model, digits, batch));
        }
    }
    benches
}

fn softmax_stage(model: &Mlp, digits: &Digits) -> Bench {
    let mut logits = vec![[0.0; CLASSES]; CYCLE];
    model.engine(Kernel::best()).logits(&digits.images()[..CYCLE * PIXELS], logits.as_flattened_mut());
    let time = cycle(1, move |image| {
        black_box(softmax(black_box(&logits[image])));
    });
    stage("float32", "softmax", 1, time)
}

fn stage(model: &str, stage: &str, batch: usize, time: Time) -> Bench {
    let row = Row {
        engine: engine_name(Kernel::best()),
        model: model.into(),
        stage: Some(stage.into()),
        batch,
        threads: 1,
        ..Row::default()
    };
    Bench { row, per_run: batch as f64, time }
}

/// Each layer on the activations that the layers before it give; the first, as in the engine, on distances from paper.
fn float_stages(model: &Mlp, digits: &Digits, batch: usize) -> Vec<Bench> {
    let table = normalized().map(|x| x - normalize(0));
    let mut x: Vec<f32> =
        digits.images()[..CYCLE * PIXELS].iter().map(|&pixel| table[usize::from(pixel)]).collect();
    let layers = (1..).zip(model.layers()).map(|(number, layer)| {
        let (outputs, inputs) = layer.weight.dim();
        let rows: Vec<f32> = layer.weight.iter().copied().collect();
        let weights = float::Weights::pack(Kernel::best(), &rows, outputs, inputs);
        let (bias, relu) = (layer.bias.to_vec(), number < 3);
        let mut y = vec![0.0; CYCLE * outputs];
        weights.forward(&x, &bias, relu, &mut y);
        let x = std::mem::replace(&mut x, y.clone());
        let time = cycle(batch, move |first| {
            let x = &x[first * inputs..][..batch * inputs];
            weights.forward(black_box(x), &bias, relu, &mut y[..batch * outputs]);
            black_box(&mut y);
        });
        stage("float32", &format!("linear{number}"), batch, time)
    });
    layers.collect()
}

/// The table that quantizes pixels, and each layer on the activations that the stages before it give. Only of the fused network:
/// without fusion the layers are the same.
fn int8_stages(model: &QuantizedMlp, digits: &Digits, batch: usize) -> Vec<Bench> {
    let Activations::Static { fused: true, input, outputs } = *model.activations() else {
        return Vec::new();
    };
    let kernel = Kernel::best();
    let pixels = digits.images()[..CYCLE * PIXELS].to_vec();
    let table = int8::PixelTable::new(kernel, normalized().map(|x| input.quantize(x)));
    let mut x = vec![0; pixels.len()];
    let mut quantized = vec![0; batch * PIXELS];
    table.lookup(&pixels, &mut x);
    let lookup = cycle(batch, move |first| {
        let pixels = &pixels[first * PIXELS..][..batch * PIXELS];
        table.lookup(black_box(pixels), &mut quantized);
        black_box(&mut quantized);
    });
    let mut benches = vec![stage("fused", "quantize", batch, lookup)];
    let mut qparams = input;
    for ((number, layer), output) in (1..).zip(model.layers()).zip(outputs) {
        let (outputs, inputs) = layer.weight.dim();
        let rows: Vec<i8> = layer.weight.iter().copied().collect();
        let weights = int8::Weights::pack(kernel, &rows, outputs, inputs);
        let requantize = layer.requantization(qparams, output, number < 3);
        let zero_point = qparams.zero_point.0;
        let mut y = vec![0; CYCLE * outputs];
        weights.requantize(&x, zero_point, &requantize, &mut y);
        let x_of_layer = std::mem::replace(&mut x, y.clone());
        let time = cycle(batch, move |first| {
            let x = &x_of_layer[first * inputs..][..batch * inputs];
            weights.requantize(black_box(x), zero_point, &requantize, &mut y[..batch * outputs]);
            black_box(&mut y);
        });
        benches.push(stage("fused", &format!("linear{number}"), batch, time));
        qparams = output;
    }
    benches
}
