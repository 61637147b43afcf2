//! rten, with weights packed before.

use anyhow::anyhow;
use rten::ModelOptions;
use rten_tensor::{NdTensorView, TensorView};

use crate::input::{Batches, PIXELS};
use crate::{Run, Setup, model_file};

pub fn load(setup: &Setup, model: &str, batches: &Batches) -> anyhow::Result<Run> {
    let bytes = model_file(&setup.folder, model, "onnx")?;
    let model = ModelOptions::with_all_ops().prepack_weights(true).load(bytes)?;
    let batches = *batches;
    Ok(Box::new(move |batch, logits| {
        let input = NdTensorView::from_data([batches.size, PIXELS], batches.images(batch));
        let output = model.run_one(input.into(), None)?;
        let output: TensorView<f32> = output.as_tensor_view().ok_or_else(|| anyhow!("logits are no f32"))?;
        logits.copy_from_slice(output.data().ok_or_else(|| anyhow!("logits are not contiguous"))?);
        Ok(())
    }))
}
