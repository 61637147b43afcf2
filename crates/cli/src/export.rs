//! Writes models for other people's runtimes.

use std::path::PathBuf;

use anyhow::Context;
use digit8_core::file::Model;
use digit8_data::model::{self, Stored};
use digit8_host::files;
use digit8_host::terminal::thousands;
use digit8_interchange::export::{Form, Input, Options, export};

/// Write a model as an ONNX file, for other runtimes
///
/// `exact` spells the arithmetic out, operator by operator: a runtime that keeps to the standard then computes digit8's own integers in
/// every layer (checked with onnxruntime and onnxruntime-web). `qdq` is the form that tools expect and optimise, QuantizeLinear and
/// DequantizeLinear around float operators; a few integers differ, as docs/onnx.md counts. A float32 model has one form only.
///
/// The graph takes `pixels`, uint8 [batch, 784], as MNIST has them, and gives `logits`, float32 [batch, 10].
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask export out/model-fused.safetensors --onnx exact\n  cargo xtask export out/model-fused.safetensors --onnx qdq --all-layers --out layers.onnx"
)]
pub struct Args {
    /// The model, float32 or int8
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// The form: exact or qdq
    #[arg(long, value_name = "FORM")]
    onnx: Form,
    /// Make every step an output, under the name that `dump` gives it
    #[arg(long)]
    all_layers: bool,
    /// The file to write [default: MODEL with the form and .onnx in place of its ending]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let Args { onnx: form, all_layers, .. } = args;
    let beside = || files::sibling(&args.model, "safetensors", &format!("-{form}.onnx"));
    let out =
        args.out.or_else(beside).context("name --out: MODEL is no file that another could be beside")?;
    files::check_outputs(&[&out], &[&args.model])?;
    let Stored { model, info, .. } = model::read(&args.model)?;
    let bytes = export(&model, Options { form, input: Input::Pixels, all_layers }, &info);
    files::write(&out, &bytes)?;
    let kind = match &model {
        Model::Float(_) => "float32".to_owned(),
        Model::Int8(mlp) => format!("int8 {}, form {form}", mlp.scheme()),
    };
    println!("Read   {}: {kind}", args.model.display());
    println!("Wrote  {}: {} bytes of ONNX", out.display(), thousands(bytes.len()));
    Ok(())
}
