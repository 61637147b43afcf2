//! The digits, and the batches they come in.

use std::path::Path;

use anyhow::{Context, ensure};

/// The pixels of an image.
pub const PIXELS: usize = 784;
/// The digits 0 to 9.
pub const CLASSES: usize = 10;
/// As digit8's own rows: small batches walk over this many images again and again.
const WALK: usize = 256;

/// Digits with their labels.
pub struct Input {
    /// The pixels as the network sees them, `[n, 784]`.
    pub images: Vec<f32>,
    /// `[n]`.
    pub labels: Vec<u8>,
}

impl Input {
    /// The digits to classify.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        Self::named(folder, "test")
    }

    /// The digits to train with.
    pub fn training(folder: &Path) -> anyhow::Result<Self> {
        Self::named(folder, "train")
    }

    fn named(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let file = |part: &str| {
            let path = folder.join(format!("{name}.{part}"));
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let normalize = |pixel: u8| (f32::from(pixel) / 255.0 - 0.1307) / 0.3081;
        let images: Vec<f32> = file("images")?.into_iter().map(normalize).collect();
        let labels = file("labels")?;
        ensure!(images.len() == labels.len() * PIXELS, "{name}: an image for each label");
        Ok(Self { images, labels })
    }

    /// The number of digits.
    pub fn len(&self) -> usize {
        self.labels.len()
    }
}

/// The digits in batches of one size. The last batch goes back as far as it needs to be whole.
#[derive(Clone, Copy)]
pub struct Batches {
    /// The digits.
    pub input: &'static Input,
    /// The images of a batch.
    pub size: usize,
}

impl Batches {
    /// Batches of so many digits.
    pub fn new(input: &'static Input, size: usize) -> Self {
        Self { input, size }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.input.len().div_ceil(self.size)
    }

    /// How many are run in turn, to be timed.
    pub fn walk(&self) -> usize {
        (WALK / self.size).clamp(1, self.count())
    }

    /// The first image of a batch.
    pub fn first(&self, batch: usize) -> usize {
        (batch * self.size).min(self.input.len() - self.size)
    }

    /// The pixels of a batch, `[size, 784]`.
    pub fn images(&self, batch: usize) -> &'static [f32] {
        &self.input.images[self.first(batch) * PIXELS..][..self.size * PIXELS]
    }

    /// The pixels of all batches.
    pub fn all(&self) -> impl Iterator<Item = &'static [f32]> {
        let batches = *self;
        (0..batches.count()).map(move |batch| batches.images(batch))
    }

    /// Lets `run` read all digits, and counts what it reads right.
    pub fn correct(
        &self,
        mut run: impl FnMut(usize, &mut [f32]) -> anyhow::Result<()>,
    ) -> anyhow::Result<usize> {
        let mut logits = vec![0.0; self.input.len() * CLASSES];
        for batch in 0..self.count() {
            run(batch, &mut logits[self.first(batch) * CLASSES..][..self.size * CLASSES])?;
        }
        let read = logits
            .chunks(CLASSES)
            .map(|logits| (0..CLASSES).reduce(|best, at| if logits[at] > logits[best] { at } else { best }));
        Ok(read.zip(&self.input.labels).filter(|&(read, &label)| read == Some(usize::from(label))).count())
    }
}
