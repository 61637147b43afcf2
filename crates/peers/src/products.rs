//! Libraries that only multiply matrices: the network's three products and nothing else, without bias, ReLU or output
//! stage. Each product reads the network's weights and the activations that belong there, or numbers in their place.

use gemm::Parallelism;
use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix};
use rten_tensor::prelude::*;
use rten_tensor::{Matrix, NdTensor, NdTensorView};
use safetensors::SafeTensors;

use crate::input::{Batches, PIXELS};
use crate::{Run, Setup, model_file};

/// Inputs and outputs of the layers.
fn shapes(tensors: &SafeTensors) -> anyhow::Result<[(usize, usize); 3]> {
    let mut shapes = [(0, 0); 3];
    for (number, shape) in (1..).zip(&mut shapes) {
        let weight = tensors.tensor(&format!("linear{number}.weight"))?;
        *shape = (weight.shape()[1], weight.shape()[0]);
    }
    Ok(shapes)
}

/// gemm's `f32` products.
pub fn float(setup: &Setup, model: &str, batches: &Batches) -> anyhow::Result<Run> {
    let file = model_file(&setup.folder, model, "safetensors")?;
    let tensors = SafeTensors::deserialize(&file)?;
    let mut layers = Vec::new();
    for (number, (inputs, outputs)) in (1..).zip(shapes(&tensors)?) {
        let weight = tensors.tensor(&format!("linear{number}.weight"))?;
        let weight = weight.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
        layers.push((weight.collect::<Vec<f32>>(), vec![0f32; batches.size * outputs], inputs, outputs));
    }
    let parallelism = if setup.threads == 1 { Parallelism::None } else { Parallelism::Rayon(setup.threads) };
    let batches = *batches;
    Ok(Box::new(move |batch, _| {
        let mut x = batches.images(batch);
        for (weight, y, inputs, outputs) in &mut layers {
            let (rows, inputs, outputs) = (batches.size, *inputs, *outputs);
            // SAFETY: `y` is `[rows, outputs]`, `x` `[rows, inputs]` and `weight` `[outputs, inputs]`, read as its
            // transpose; the strides are theirs, and `y` overlaps neither.
            unsafe {
                gemm::gemm(
                    rows,
                    outputs,
                    inputs,
                    y.as_mut_ptr(),
                    1,
                    outputs as isize,
                    false,
                    x.as_ptr(),
                    1,
                    inputs as isize,
                    weight.as_ptr(),
                    inputs as isize,
                    1,
                    0.0,
                    1.0,
                    false,
                    false,
                    false,
                    parallelism,
                );
            }
            x = y;
        }
        Ok(())
    }))
}

/// A layer of [`int8`]: packed weights, activations to stand for a hidden layer's, and sums.
struct Layer {
    weight: PackedBMatrix<i8>,
    x: Vec<u8>,
    sums: Vec<i32>,
    inputs: usize,
}

/// rten-gemm's `u8 · i8 → i32` products with packed weights.
pub fn int8(setup: &Setup, model: &str, batches: &Batches) -> anyhow::Result<Run> {
    let file = model_file(&setup.folder, model, "safetensors")?;
    let tensors = SafeTensors::deserialize(&file)?;
    let executor = GemmExecutor::<u8, i8, i32>::default();
    // As calibration has it: 0..=127.
    let quantize = |x: &f32| ((x + 0.4242) / 3.2457 * 127.0).round() as u8;
    let quantized: Vec<u8> = batches.input.images.iter().map(quantize).collect();
    let mut layers = Vec::new();
    for (number, (inputs, outputs)) in (1..).zip(shapes(&tensors)?) {
        let weight = tensors.tensor(&format!("linear{number}.weight"))?;
        let weight = weight.data().iter().map(|&byte| byte as i8).collect::<Vec<i8>>();
        let weight = NdTensor::from_data([outputs, inputs], weight);
        layers.push(Layer {
            weight: executor.prepack_b(weight.transposed()),
            x: quantized.iter().copied().cycle().skip(PIXELS / 2).take(batches.size * inputs).collect(),
            sums: vec![0; batches.size * outputs],
            inputs,
        });
    }
    let size = batches.size;
    let starts: Vec<usize> = (0..batches.count()).map(|batch| batches.first(batch) * PIXELS).collect();
    Ok(Box::new(move |batch, _| {
        for (number, layer) in layers.iter_mut().enumerate() {
            let x = if number == 0 { &quantized[starts[batch]..][..size * PIXELS] } else { &layer.x };
            let x: Matrix<u8> = NdTensorView::from_data([size, layer.inputs], x);
            let weight = GemmInputB::Packed(&layer.weight);
            executor.gemm(&mut layer.sums, GemmInputA::Unpacked(x), weight, GemmOptions::default())?;
        }
        Ok(())
    }))
}
