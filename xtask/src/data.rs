//! Finds digits.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use digit8_core::digits::Digits;
use digit8_core::idx;

use crate::files;

/// Find or fetch digits, and say where they came from
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
}

/// Where digits are to come from: flags that every command which reads digits has.
#[derive(clap::Args, Clone, Debug)]
pub struct Source {
    /// Folder with the four IDX files, compressed or not
    #[arg(long, env = "DIGIT8_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// Digits to train and to test with.
pub struct Dataset {
    /// What they are and where they came from, for people and for a model's metadata.
    pub origin: String,
    /// Whether `test` is MNIST's own test set; if not, every accuracy printed says so.
    pub official_test: bool,
    /// To train with.
    pub train: Digits,
    /// To test with.
    pub test: Digits,
}

impl Source {
    /// The digits.
    pub fn load(&self) -> anyhow::Result<Dataset> {
        let folder =
            self.data.as_deref().context("no digits: name their folder with --data or DIGIT8_DATA")?;
        Ok(Dataset {
            origin: format!("MNIST from {}", folder.display()),
            official_test: true,
            train: read_pair(folder, "train")?,
            test: read_pair(folder, "t10k")?,
        })
    }
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let dataset = args.source.load()?;
    println!(
        "{}: {} to train with, {} to test with",
        dataset.origin,
        dataset.train.len(),
        dataset.test.len()
    );
    Ok(())
}

fn read_pair(folder: &Path, set: &str) -> anyhow::Result<Digits> {
    let images = folder.join(format!("{set}-images-idx3-ubyte.gz"));
    let labels = folder.join(format!("{set}-labels-idx1-ubyte.gz"));
    let images = idx::images(&decompressed(&images)?).with_context(|| images.display().to_string())?;
    let labels = idx::labels(&decompressed(&labels)?).with_context(|| labels.display().to_string())?;
    Ok(Digits::new(images, labels)?)
}

fn decompressed(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&files::read(path)?[..])
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot decompress {}", path.display()))?;
    Ok(bytes)
}
