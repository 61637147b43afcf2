//! Batches cut into blocks of images, on one thread or on all.

use crate::digits::{CLASSES, PIXELS};

/// Images of a block: their activations stay in a core's own caches from layer to layer. A multiple of three and of 32, because
/// so many rows go through a layer together.
const BLOCK: usize = 96;

/// Where the blocks of a batch are worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Threads {
    /// On this thread, one after the other.
    One,
    /// On all of rayon's threads.
    #[cfg(not(target_arch = "wasm32"))]
    All,
}

/// A matrix by rows: its values, and how many make a row.
pub(crate) type Rows<T> = (T, usize);

/// Runs `work` on every block of rows of `x`, which it reads, and `y`, which it writes, and combines what it returns; the
/// order is not defined. `buffers` are what `work` needs besides; every thread has its own.
pub(crate) fn fold<X: Sync, Y: Send, B: Default + Send, R: Default + Send>(
    threads: Threads,
    (x, x_row): Rows<&[X]>,
    (y, y_row): Rows<&mut [Y]>,
    buffers: &mut B,
    work: impl Fn(&mut B, &[X], &mut [Y]) -> R + Sync + Send,
    combine: impl Fn(R, R) -> R + Sync + Send,
) -> R {
    match threads {
        Threads::One => {
            let blocks = x.chunks(BLOCK * x_row).zip(y.chunks_mut(BLOCK * y_row));
            blocks.map(|(x, y)| work(buffers, x, y)).reduce(combine).unwrap_or_default()
        }
        #[cfg(not(target_arch = "wasm32"))]
        Threads::All => {
            use rayon::prelude::*;
            let blocks = x.par_chunks(BLOCK * x_row).zip(y.par_chunks_mut(BLOCK * y_row));
            blocks.map_init(B::default, |buffers, (x, y)| work(buffers, x, y)).reduce(R::default, combine)
        }
    }
}

/// Panics unless there are whole images, and ten logits for each.
pub(crate) fn check(pixels: &[u8], logits: &[f32]) {
    let batch = pixels.len() / PIXELS;
    let whole = (batch * PIXELS, batch * CLASSES);
    assert_eq!(whole, (pixels.len(), logits.len()), "whole images, ten logits each");
}

/// Space for `len` values in a buffer that grows to the largest block seen and stays.
pub(crate) fn space<T: Copy + Default>(buffer: &mut Vec<T>, len: usize) -> &mut [T] {
    if buffer.len() < len {
        buffer.resize(len, T::default());
    }
    &mut buffer[..len]
}
