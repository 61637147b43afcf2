//! The repository's own values of PyTorch's: `tests/fixtures`, made by its `generate.py`.

use std::fs;
use std::path::{Path, PathBuf};

use digit8_core::file::{self, Model};
use digit8_core::float::Mlp;
use digit8_core::quant::Observations;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::npz::Npz;

/// A network: `model.safetensors`, `observers.json`, and `layers.npz` with its images and what PyTorch put out.
pub struct Network {
    /// The folder.
    pub name: String,
    /// The weights.
    pub mlp: Mlp,
    /// What PyTorch's observers saw, or were told.
    pub observers: Observers,
    /// The images, and every step's output under every scheme.
    pub layers: Npz,
}

/// Least and greatest values, by scheme.
#[derive(Clone, Copy, Deserialize)]
pub struct Observers {
    /// Unfused.
    #[serde(rename = "static")]
    pub unfused: Observations,
    /// Behind ReLU where that is fused.
    pub fused: Observations,
}

/// The folder of fixtures.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The `.npz` file of that name.
pub fn npz(name: &str) -> Npz {
    Npz::open(&folder().join(name))
}

/// What the JSON file of that name holds.
pub fn json<T: DeserializeOwned>(name: impl AsRef<Path>) -> T {
    let path = folder().join(name);
    serde_json::from_slice(&fs::read(&path).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All networks.
pub fn networks() -> Vec<Network> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.path().join("model.safetensors").exists());
    folders
        .map(|entry| {
            let path = entry.path();
            let model = file::read(&fs::read(path.join("model.safetensors")).unwrap()).unwrap().model;
            let Model::Float(mlp) = model else { panic!("{} is a float model", path.display()) };
            Network {
                name: entry.file_name().into_string().unwrap(),
                mlp,
                observers: json(path.join("observers.json")),
                layers: Npz::open(&path.join("layers.npz")),
            }
        })
        .collect()
}
