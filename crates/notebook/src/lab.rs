//! What the story is told about: the digits, the float network, and where things go.

use std::path::{Path, PathBuf};

use digit8_core::Kernel;
use digit8_core::file::{Info, Model};
use digit8_core::float::{Mlp, Progress, Schedule, Settings, train};
use ndarray::Array2;

use digit8_data::Dataset;
use digit8_data::model::{self, Stored};
use digit8_host::progress::TrainingBar;

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
    /// Its size.
    pub bytes: usize,
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
            weight_decay: 0.0,
            average: 0.0,
        };
        let initial = Mlp::random([100, 100], seed)?;
        let (digits, mut bar) = (&dataset.train, TrainingBar::new());
        let mut step = |progress: Progress| bar.step(progress.step, progress.steps, progress.loss);
        let mlp = train(&initial, Kernel::best(), digits, &settings, None, &mut step)?;
        let losses = bar.finish();
        let info = model::trained_info(&mlp, &settings, &dataset.title);
        let file = out.join("model.safetensors");
        let bytes = model::write(&file, &Model::Float(mlp.clone()), &info)?;
        let stored = Stored { model: mlp, info, bytes };
        Ok(Self::new(dataset, flags, out, stored, Origin::Trained { seed, losses }, file))
    }

    /// Takes the network of a file.
    pub fn read(dataset: Dataset, flags: String, out: &Path, file: &Path) -> anyhow::Result<Self> {
        Ok(Self::new(dataset, flags, out, model::read_float(file)?, Origin::Read, file.into()))
    }

    fn new(
        dataset: Dataset,
        flags: String,
        out: &Path,
        Stored { model: mlp, info, bytes }: Stored<Mlp>,
        origin: Origin,
        file: PathBuf,
    ) -> Self {
        let outputs = mlp.layer_outputs(Kernel::best(), dataset.test.images());
        Self { dataset, flags, out: out.into(), mlp, info, bytes, origin, file, outputs }
    }

    /// What every accuracy must come with, where the digits are not MNIST's own test set.
    pub fn note(&self) -> Option<&'static str> {
        const NOTE: &str =
            "These digits are not MNIST’s test set: the accuracies do not compare with others.";
        (!self.dataset.official_test).then_some(NOTE)
    }

    /// The file of a quantized network.
    pub fn int8_file(&self, scheme: &str) -> PathBuf {
        int8_file(&self.out, scheme)
    }
}

/// Where a quantized network goes.
pub fn int8_file(out: &Path, scheme: &str) -> PathBuf {
    out.join(format!("model-{scheme}.safetensors"))
}
