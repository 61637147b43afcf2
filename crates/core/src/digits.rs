//! Images of digits with their labels, and the one normalisation that every model here expects.

use crate::{Error, Result};

/// Pixels along each side of an image.
pub const SIDE: usize = 28;
/// Pixels of an image, row by row, 0 for paper and 255 for ink.
pub const PIXELS: usize = SIDE * SIDE;
/// The digits 0 to 9.
pub const CLASSES: usize = 10;

/// The mean of MNIST's training pixels, as the reference notebook has it.
const MEAN: f32 = 0.1307;
/// The standard deviation of MNIST's training pixels, as the reference notebook has it.
const STANDARD_DEVIATION: f32 = 0.3081;

/// A pixel as the network sees it: `((pixel/255) - 0.1307) / 0.3081`, three operations, each rounded to `f32` (rule 1).
pub fn normalize(pixel: u8) -> f32 {
    (f32::from(pixel) / 255.0 - MEAN) / STANDARD_DEVIATION
}

/// [`normalize`] for each of the 256 pixel values.
pub fn normalized() -> [f32; 256] {
    std::array::from_fn(|pixel| normalize(pixel as u8))
}

/// Images with their labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digits {
    images: Vec<u8>,
    labels: Vec<u8>,
}

impl Digits {
    /// Puts `images` (`[n, 784]`) and `labels` (`[n]`, each 0..=9) together.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if their numbers differ or a label is no digit.
    pub fn new(images: Vec<u8>, labels: Vec<u8>) -> Result<Self> {
        if images.len() != labels.len() * PIXELS {
            let count = images.len() / PIXELS;
            return Err(Error::Mismatch(format!("{count} images and {} labels", labels.len())));
        }
        if let Some(at) = labels.iter().position(|&label| usize::from(label) >= CLASSES) {
            return Err(Error::Mismatch(format!("label {at} is {}, expected 0 to 9", labels[at])));
        }
        Ok(Self { images, labels })
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// All pixels, `[n, 784]`.
    pub fn images(&self) -> &[u8] {
        &self.images
    }

    /// The pixels of one image.
    ///
    /// # Panics
    /// If there is no such image.
    pub fn image(&self, index: usize) -> &[u8] {
        &self.images[index * PIXELS..][..PIXELS]
    }

    /// All labels, `[n]`.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// All but the last `count` digits, and these.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if there are no more than `count`.
    pub fn split_last(&self, count: usize) -> Result<(Digits, Digits)> {
        if count >= self.len() {
            return Err(Error::Mismatch(format!("{count} of {} digits kept out, and none left", self.len())));
        }
        let kept = self.len() - count;
        let last =
            Digits { images: self.images[kept * PIXELS..].to_vec(), labels: self.labels[kept..].to_vec() };
        Ok((self.first(kept), last))
    }

    /// The first `count` digits, or all if there are fewer.
    pub fn first(&self, count: usize) -> Digits {
        let count = count.min(self.len());
        Digits { images: self.images[..count * PIXELS].to_vec(), labels: self.labels[..count].to_vec() }
    }
}
