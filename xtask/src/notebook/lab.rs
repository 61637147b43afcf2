//! What the story is told about: the digits, the float network, and where things go.

use std::path::{Path, PathBuf};

use anyhow::bail;
use digit8_core::Kernel;
use digit8_core::file::{Info, Model};
use digit8_core::float::{Mlp, Schedule, Settings};
use ndarray::Array2;

use crate::data::Dataset;
use crate::{files, train};

/// Everything that was there before quantization.
pub struct Lab {
    pub dataset: Dataset,
    /// The flags that name the digits, for commands that read them again.
    pub flags: String,
    pub out: PathBuf,
    pub mlp: Mlp,
    pub info: Info,
    pub origin: Origin,
    /// The file of the float network.
    pub file: PathBuf,
    /// What each layer makes of the test images, `[n, outputs]`, before ReLU.
    pub outputs: [Array2<f32>; 3],
}

/// Where the weights come from.
pub enum Origin {
    /// From training, with the loss of every step.
    Trained { seed: u64, losses: Vec<f32> },
    /// From a file.
    Read,
}

impl Lab {
    /// Trains a network as the notebook does, and writes it.
    pub fn train(dataset: Dataset, flags: String, out: &Path, seed: u64) -> anyhow::Result<Self> {
        let settings = Settings {
            batch: 10,
            epochs: 1,
            seed,
            learning_rate: 0.001,
            schedule: Schedule::Constant,
            smoothing: 0.0,
            average: 0.0,
        };
        let initial = Mlp::random([100, 100], seed)?;
        let (mlp, losses) = train::train_with_progress(&initial, &dataset.train, &settings, None)?;
        let info = train::info(&mlp, &settings, None, &dataset.title);
        let file = out.join("model.safetensors");
        files::write_model(&file, &Model::Float(mlp.clone()), &info)?;
        Ok(Self::new(dataset, flags, out, (mlp, info), Origin::Trained { seed, losses }, file))
    }

    /// Takes the network of a file.
    pub fn read(dataset: Dataset, flags: String, out: &Path, file: &Path) -> anyhow::Result<Self> {
        match files::read_model(file)? {
            (Model::Float(mlp), info) => {
                Ok(Self::new(dataset, flags, out, (mlp, info), Origin::Read, file.into()))
            }
            (Model::Int8(_), _) => bail!("{} is an int8 model, expected a float32 model", file.display()),
        }
    }

    fn new(
        dataset: Dataset,
        flags: String,
        out: &Path,
        (mlp, info): (Mlp, Info),
        origin: Origin,
        file: PathBuf,
    ) -> Self {
        let outputs = mlp.layer_outputs(Kernel::best(), dataset.test.images());
        Self { dataset, flags, out: out.into(), mlp, info, origin, file, outputs }
    }

    /// What every accuracy must come with, where the digits are not MNIST's own test set.
    pub fn note(&self) -> Option<&'static str> {
        const NOTE: &str =
            "These digits are not MNIST’s test set: the accuracies do not compare with others.";
        (!self.dataset.official_test).then_some(NOTE)
    }

    /// The file of a quantized network.
    pub fn int8_file(&self, scheme: &str) -> PathBuf {
        self.out.join(format!("model-{scheme}.safetensors"))
    }
}
