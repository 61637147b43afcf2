//! How a network is quantized: flags that every command which quantizes has.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use digit8_core::Kernel;
use digit8_core::digits::Digits;
use digit8_core::file::Observers;
use digit8_core::float::Mlp;
use digit8_core::int8::{QuantizedMlp, Scheme};
use digit8_core::quant::{self, Calibration, Granularity, Observations};
use digit8_host::files;
use digit8_host::terminal::{progress, thousands};

use crate::{Dataset, Set};

/// How to quantize: flags that every command which quantizes has.
#[derive(clap::Args, Clone, Debug)]
pub struct Recipe {
    /// A weight scale for each output channel, instead of one for each matrix
    #[arg(long)]
    pub per_channel: bool,
    /// The set whose first images calibrate; the reference notebook takes the test set
    #[arg(long, value_enum, default_value = "test", value_name = "SET")]
    pub calibrate: Set,
    /// The number of images that calibrate [default: all]
    #[arg(long, value_name = "N")]
    pub samples: Option<usize>,
    /// Take what PyTorch's observers saw from a JSON file instead: {"quant": {"min": …, "max": …}, "linear1": …, …}, or
    /// {"scale": …, "zero_point": …} for any of them, or a file that dump wrote
    #[arg(long, value_name = "FILE", conflicts_with = "samples")]
    pub observers: Option<PathBuf>,
}

impl Recipe {
    /// Whether a weight matrix has one scale, or one for each channel.
    pub fn granularity(&self) -> Granularity {
        if self.per_channel { Granularity::PerChannel } else { Granularity::PerTensor }
    }

    /// Quantizes a network, and says what the observers saw if the scheme has any.
    pub fn quantize(
        &self,
        mlp: &Mlp,
        scheme: Scheme,
        dataset: &Dataset,
    ) -> anyhow::Result<(QuantizedMlp, Option<Observations>)> {
        let has_use = self.observers.is_none() || scheme != Scheme::Dynamic;
        ensure!(has_use, "--observers has no use in the dynamic scheme");
        if let Some(path) = &self.observers {
            return self.given(mlp, scheme, &files::read(path)?).with_context(|| path.display().to_string());
        }
        let calibration = Calibration::of(scheme, || self.observe(mlp, scheme, dataset))?;
        Ok((quant::quantize(mlp, calibration, self.granularity())?, calibration.observations()))
    }

    /// Quantizes a network with what a file says of the observers.
    fn given(
        &self,
        mlp: &Mlp,
        scheme: Scheme,
        observers: &[u8],
    ) -> anyhow::Result<(QuantizedMlp, Option<Observations>)> {
        let observers = Observers::read(observers)?;
        let weights = quant::quantize(mlp, Calibration::Dynamic, self.granularity())?;
        let int8 = QuantizedMlp::new(weights.layers().clone(), observers.activations(scheme)?)?;
        Ok((int8, observers.extremes()))
    }

    fn observe(&self, mlp: &Mlp, scheme: Scheme, dataset: &Dataset) -> anyhow::Result<Observations> {
        let digits = self.samples_of(dataset);
        ensure!(!digits.is_empty(), "no images to calibrate with: --samples must be at least 1");
        let bar = progress(digits.len(), "Calibrating");
        let seen =
            quant::calibrate(mlp, Kernel::best(), scheme, digits.images(), |done| bar.inc(done as u64))?;
        bar.finish_and_clear();
        Ok(seen)
    }

    fn samples_of(&self, dataset: &Dataset) -> Digits {
        let digits = match self.calibrate {
            Set::Test => &dataset.test,
            Set::Train => &dataset.train,
        };
        digits.first(self.samples.unwrap_or(digits.len()))
    }

    /// What the observers saw, in words.
    pub fn origin(&self, scheme: Scheme, dataset: &Dataset) -> String {
        match (scheme, &self.observers) {
            (Scheme::Dynamic, _) => "none: each batch by its own range".into(),
            // The name alone: it goes into the model's metadata, where a path would tell others of this machine.
            (_, Some(path)) => {
                let name = path.file_name().unwrap_or(path.as_os_str());
                format!("observers of {}", name.display())
            }
            (_, None) => {
                let set = match self.calibrate {
                    Set::Test => "test",
                    Set::Train => "training",
                };
                let count = thousands(self.samples_of(dataset).len());
                format!("the first {count} {set} images of {}", dataset.title)
            }
        }
    }
}
