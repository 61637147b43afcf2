//! Reads other people's models.

use std::path::PathBuf;

use anyhow::Context;
use digit8_core::file::{Info, Model};
use digit8_data::model;
use digit8_host::files;
use digit8_host::terminal::thousands;
use digit8_interchange::import::{Scaling, import};

/// Read an ONNX file and write it as a model of digit8's
///
/// Understood are networks of three linear layers with ReLU between them, 784 inputs and 10 outputs, as torch.onnx (both exporters),
/// Keras and scikit-learn write them, in opsets 11 to 23; and QDQ networks of that shape. What does not fit is named: the node, its
/// operator, what would be right.
///
/// digit8 normalises pixels as the notebook does, (p / 255 - 0.1307) / 0.3081. A network that was trained on another scaling is taken
/// over with --pixels, which changes its first layer so that it computes the same.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask import net.onnx\n  cargo xtask import keras.onnx --pixels unit --out out/keras.safetensors"
)]
pub struct Args {
    /// The ONNX file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What the network takes for a pixel
    #[arg(long, value_enum, default_value_t = Pixels::Normalized)]
    pixels: Pixels,
    /// The model to write [default: FILE with the ending .safetensors]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// [`Scaling`], as a flag.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Pixels {
    /// (p / 255 - 0.1307) / 0.3081
    Normalized,
    /// p / 255
    Unit,
    /// p, from 0 to 255
    Bytes,
}

impl Pixels {
    /// The scaling of that name.
    pub fn scaling(self) -> Scaling {
        match self {
            Pixels::Normalized => Scaling::Normalized,
            Pixels::Unit => Scaling::Unit,
            Pixels::Bytes => Scaling::Pixels,
        }
    }
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let beside = || files::sibling(&args.file, "onnx", ".safetensors");
    let out = args
        .out
        .clone()
        .or_else(beside)
        .context("name --out: FILE is no file that another could be beside")?;
    files::check_outputs(&[&out], &[&args.file])?;
    let imported = import(&files::read(&args.file)?, args.pixels.scaling())
        .with_context(|| args.file.display().to_string())?;
    let source = args.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let info = Info::from([("imported".to_owned(), source)]);
    let size = model::write(&out, &imported.model, &info)?;
    let (kind, [h1, h2]) = match &imported.model {
        Model::Float(mlp) => ("float32".to_owned(), mlp.hidden()),
        Model::Int8(mlp) => (format!("int8 {}", mlp.scheme()), mlp.hidden()),
    };
    println!("Read   {}: {kind}, 784-{h1}-{h2}-10", args.file.display());
    for note in imported.notes {
        println!("Note   {note}");
    }
    println!("Wrote  {}: {} bytes", out.display(), thousands(size));
    Ok(())
}
