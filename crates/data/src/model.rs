//! Models as files, and what a file says of its model's origin.

use std::path::Path;

use anyhow::{Context, bail};
use digit8_core::file::{self, Info, Model};
use digit8_core::float::{Mlp, Settings};
use digit8_host::files;

use crate::{Dataset, RecipeFlags};

/// The model in a file, float or int8.
pub fn read(path: &Path) -> anyhow::Result<(Model, Info)> {
    file::read(&files::read(path)?).with_context(|| path.display().to_string())
}

/// The float32 network in a file.
pub fn read_float(path: &Path) -> anyhow::Result<(Mlp, Info)> {
    match read(path)? {
        (Model::Float(mlp), info) => Ok((mlp, info)),
        (Model::Int8(_), _) => bail!("{} is an int8 model, expected a float32 model", path.display()),
    }
}

/// Writes a model.
pub fn write(path: &Path, model: &Model, info: &Info) -> anyhow::Result<()> {
    files::write(path, &file::write(model, info)?)
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
