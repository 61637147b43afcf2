//! Models as files, and what a file says of its model's origin.

use std::path::Path;

use anyhow::{Context, bail};
use digit8_core::file::{self, Info, Loaded, Model};
use digit8_core::float::{Mlp, Settings};
use digit8_host::files;

use crate::{Dataset, RecipeFlags};

/// A model that was read, and what its file says of its origin.
pub struct Stored<T> {
    /// The model.
    pub model: T,
    /// Its origin.
    pub info: Info,
    /// The size of the file.
    pub bytes: usize,
}

/// The model in a file, float or int8. What was done to read it, if anything, is printed.
pub fn read(path: &Path) -> anyhow::Result<Stored<Model>> {
    let file = files::read(path)?;
    let Loaded { model, info, notes } = file::read(&file).with_context(|| path.display().to_string())?;
    for note in notes {
        eprintln!("{}: {note}", path.display());
    }
    Ok(Stored { model, info, bytes: file.len() })
}

/// The float32 network in a file.
pub fn read_float(path: &Path) -> anyhow::Result<Stored<Mlp>> {
    let Stored { model, info, bytes } = read(path)?;
    match model {
        Model::Float(model) => Ok(Stored { model, info, bytes }),
        Model::Int8(_) => bail!("{} is an int8 model, expected a float32 model", path.display()),
    }
}

/// Writes a model, and gives the size of its file.
pub fn write(path: &Path, model: &Model, info: &Info) -> anyhow::Result<usize> {
    let file = file::write(model, info)?;
    files::write(path, &file)?;
    Ok(file.len())
}

/// What a trained model's file says of its origin.
pub fn trained_info(mlp: &Mlp, settings: &Settings, digits: &str) -> Info {
    let [h1, h2] = mlp.hidden();
    let mut info = Info::new();
    let mut set = |name: &str, value: String| info.insert(name.into(), value);
    set("architecture", format!("784-{h1}-{h2}-10"));
    set("data", digits.into());
    set("digit8", env!("CARGO_PKG_VERSION").into());
    set("epochs", settings.epochs.to_string());
    set("batch", settings.batch.to_string());
    set("seed", settings.seed.to_string());
    set(
        "optimizer",
        format!("Adam, learning rate {} ({:?})", settings.learning_rate, settings.schedule).to_lowercase(),
    );
    set("loss", format!("cross-entropy, smoothing {}", settings.smoothing));
    info
}

/// What a quantized model's file says of its origin, beyond what the float model's says.
pub fn quantized_info(mut info: Info, flags: &RecipeFlags, dataset: &Dataset) -> Info {
    info.insert("calibration".into(), flags.origin(dataset));
    info.insert("recipe".into(), flags.recipe.to_string());
    info.insert("digit8".into(), env!("CARGO_PKG_VERSION").into());
    info
}
