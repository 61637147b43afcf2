//! tract, optimised for one size of batch.

use tract_onnx::prelude::*;

use crate::input::{Batches, PIXELS};
use crate::{Run, Setup, model_file};

pub fn load(setup: &Setup, model: &str, batches: &Batches) -> anyhow::Result<Run> {
    let shape = [batches.size, PIXELS];
    // The file says `batch` where this says how many.
    let plan = tract_onnx::onnx()
        .with_ignore_output_shapes(true)
        .with_ignore_value_info(true)
        .model_for_read(&mut &model_file(&setup.folder, model, "onnx")?[..])?
        .with_input_fact(0, f32::fact(shape).into())?
        .into_optimized()?
        .into_runnable()?;
    let inputs = batches.all().map(|images| Ok(Tensor::from_shape(&shape, images)?.into_tvalue()));
    let inputs = inputs.collect::<anyhow::Result<Vec<TValue>>>()?;
    let mut state = plan.spawn()?;
    Ok(Box::new(move |batch, logits| {
        let outputs = state.run(tvec!(inputs[batch].clone()))?;
        logits.copy_from_slice(outputs[0].try_as_plain_ram()?.as_slice::<f32>()?);
        Ok(())
    }))
}
