//! onnxruntime, by its shared library: as few threads as asked for, tensors made before.

use std::sync::OnceLock;

use anyhow::Context;
use ort::environment::Environment;
use ort::ep::CPU;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;

use crate::input::{Batches, PIXELS};
use crate::{Run, Setup, model_file};

/// What may help: each is tried. (Bound inputs and outputs are not: `bind_input` of this version of `ort` never returns.)
pub const SETTINGS: &[&str] =
    &["defaults", "no arena", "extended optimisations", "extended optimisations, no arena", "no spinning"];

pub fn load(setup: &Setup, model: &str, batches: &Batches) -> anyhow::Result<Run> {
    static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();
    let environment = match ENVIRONMENT.get() {
        Some(environment) => environment,
        None => {
            let library = setup.library.as_ref().context("its shared library was not found")?;
            let environment = ort::init_from(library)?.with_telemetry(false).build()?;
            ENVIRONMENT.get_or_init(|| environment)
        }
    };
    let mut session = session(environment, setup, &model_file(&setup.folder, model, "onnx")?)?;
    let shape = [batches.size, PIXELS];
    let inputs = batches.all().map(|images| TensorRef::from_array_view((shape, images)));
    let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
    Ok(Box::new(move |batch, logits| {
        let outputs = session.run([(&*inputs[batch]).into()])?;
        let (_, values) = outputs[0].try_extract_tensor::<f32>()?;
        logits.copy_from_slice(values);
        Ok(())
    }))
}

fn session(environment: &Environment, setup: &Setup, model: &[u8]) -> ort::Result<Session> {
    let has = |setting| setup.settings.contains(setting);
    let level = if has("extended") { GraphOptimizationLevel::Level2 } else { GraphOptimizationLevel::All };
    Session::builder(environment)?
        .with_execution_providers([CPU::default().with_arena_allocator(!has("no arena")).build()])?
        .with_optimization_level(level)?
        .with_parallel_execution(false)?
        .with_inter_threads(1)?
        .with_intra_threads(setup.threads)?
        .with_intra_op_spinning(!has("no spinning"))?
        // Its threads may spin while it runs, which is fastest, but not while others do.
        .with_config_entry("session.force_spinning_stop", "1")?
        .commit_from_memory(model)
}
