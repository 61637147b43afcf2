//! candle: the float32 network, and training it.

use std::time::Instant;

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{AdamW, Linear, Module, Optimizer, ParamsAdamW, loss};

use crate::input::{Batches, CLASSES, Input, PIXELS};
use crate::{Run, Setup, Time};

/// The images of a step of training.
pub const BATCH: usize = 10;

fn forward(layers: &[Linear; 3], x: &Tensor) -> candle_core::Result<Tensor> {
    let [linear1, linear2, linear3] = layers;
    let x = linear1.forward(x)?.relu()?;
    let x = linear2.forward(&x)?.relu()?;
    linear3.forward(&x)
}

pub fn load(setup: &Setup, model: &str, batches: &Batches) -> anyhow::Result<Run> {
    let path = setup.folder.join(format!("{model}.safetensors"));
    let tensors = candle_core::safetensors::load(path, &Device::Cpu)?;
    let tensor = |name: &str| tensors[name].clone();
    let layers = [1, 2, 3].map(|number| {
        let [weight, bias] = ["weight", "bias"].map(|part| tensor(&format!("linear{number}.{part}")));
        Linear::new(weight, Some(bias))
    });
    let shape = (batches.size, PIXELS);
    let inputs = batches.all().map(|images| Tensor::from_slice(images, shape, &Device::Cpu));
    let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
    Ok(Box::new(move |batch, logits| {
        let output = forward(&layers, &inputs[batch])?;
        let (storage, layout) = output.storage_and_layout();
        let candle_core::Storage::Cpu(storage) = &*storage else {
            anyhow::bail!("logits are not on the CPU")
        };
        logits.copy_from_slice(&storage.as_slice()?[layout.start_offset()..][..logits.len()]);
        Ok(())
    }))
}

/// Steps of Adam over the digits in batches, made before, again and again.
pub fn training(setup: &Setup) -> anyhow::Result<Time> {
    let digits = Input::training(&setup.folder)?;
    let images = digits.images.chunks_exact(BATCH * PIXELS);
    let images = images.map(|images| Tensor::from_slice(images, (BATCH, PIXELS), &Device::Cpu));
    let labels =
        digits.labels.chunks_exact(BATCH).map(|labels| Tensor::from_slice(labels, BATCH, &Device::Cpu));
    let batches = images.zip(labels).map(|(images, labels)| Ok((images?, labels?.to_dtype(DType::U32)?)));
    let batches = batches.collect::<anyhow::Result<Vec<_>>>()?;

    let sizes = [(PIXELS, 100), (100, 100), (100, CLASSES)];
    let mut variables = Vec::new();
    let mut layers = Vec::new();
    for (inputs, outputs) in sizes {
        let bound = 1.0 / (inputs as f64).sqrt();
        let weight = Var::rand_f64(-bound, bound, (outputs, inputs), DType::F32, &Device::Cpu)?;
        let bias = Var::rand_f64(-bound, bound, outputs, DType::F32, &Device::Cpu)?;
        layers.push(Linear::new(weight.as_tensor().clone(), Some(bias.as_tensor().clone())));
        variables.extend([weight, bias]);
    }
    let Ok(layers) = <[Linear; 3]>::try_from(layers) else { anyhow::bail!("three layers") };
    // Without weight decay, AdamW is Adam.
    let settings = ParamsAdamW { lr: 0.001, weight_decay: 0.0, ..ParamsAdamW::default() };
    let mut optimizer = AdamW::new(variables, settings)?;
    let mut batch = 0;
    Ok(Box::new(move |steps| {
        let start = Instant::now();
        for _ in 0..steps {
            let (images, labels) = &batches[batch];
            let loss = loss::cross_entropy(&forward(&layers, images)?, labels)?;
            optimizer.backward_step(&loss)?;
            batch = if batch + 1 < batches.len() { batch + 1 } else { 0 };
        }
        Ok(start.elapsed())
    }))
}
