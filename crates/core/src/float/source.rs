//! Where training gets its images from.

use crate::digits::{CLASSES, Digits, PIXELS};

/// What the network should answer: the probability of each digit.
pub type Target = [f32; CLASSES];

/// The target of an image that shows no digit: each is as likely as the others.
pub const NO_DIGIT: Target = [1.0 / CLASSES as f32; CLASSES];

/// The target of an image that shows `digit`.
///
/// # Panics
/// If `digit` is greater than 9.
pub fn certain(digit: u8) -> Target {
    let mut target = [0.0; CLASSES];
    target[usize::from(digit)] = 1.0;
    target
}

/// Images to train on, numbered from 0. Several threads ask for them, in any order: what an image looks like depends on its
/// number and the epoch alone.
pub trait Source: Sync {
    /// The number of images in an epoch.
    fn count(&self) -> usize;

    /// Writes the pixels of image `index`, as it looks in epoch `epoch`, to `pixels` `[784]`, and gives its target.
    fn image(&self, epoch: usize, index: usize, pixels: &mut [u8]) -> Target;

    /// [`image`](Self::image) for several, to `pixels` `[n, 784]` and `targets` `[n]`.
    fn images(&self, epoch: usize, indices: &[usize], pixels: &mut [u8], targets: &mut [Target]) {
        for ((&index, pixels), target) in indices.iter().zip(pixels.chunks_exact_mut(PIXELS)).zip(targets) {
            *target = self.image(epoch, index, pixels);
        }
    }
}

/// The images as they are.
impl Source for Digits {
    fn count(&self) -> usize {
        self.len()
    }

    fn image(&self, _: usize, index: usize, pixels: &mut [u8]) -> Target {
        pixels.copy_from_slice(Digits::image(self, index));
        certain(self.labels()[index])
    }
}
