//! The batches of a training, made while the network trains on those before.

use crate::Result;
use crate::digits::PIXELS;
use crate::float::source::{Source, Target};
use crate::random::Random;

/// Batches made at a time: enough to keep all threads busy.
const BATCHES: usize = 64;
/// Images that one thread makes at a time.
#[cfg(not(target_arch = "wasm32"))]
const IMAGES: usize = 32;

/// Some batches that follow each other.
pub(super) struct Chunk {
    pixels: Vec<u8>,
    targets: Vec<Target>,
    sizes: Vec<usize>,
}

impl Chunk {
    fn new(source: &dyn Source, epoch: usize, batches: &[&[usize]]) -> Self {
        let indices = batches.concat();
        let mut pixels = vec![0; indices.len() * PIXELS];
        let mut targets = vec![Target::default(); indices.len()];
        #[cfg(target_arch = "wasm32")]
        source.images(epoch, &indices, &mut pixels, &mut targets);
        #[cfg(not(target_arch = "wasm32"))]
        {
            use rayon::prelude::*;
            let images = pixels.par_chunks_mut(IMAGES * PIXELS).zip(targets.par_chunks_mut(IMAGES));
            indices
                .par_chunks(IMAGES)
                .zip(images)
                .for_each(|(indices, (pixels, targets))| source.images(epoch, indices, pixels, targets));
        }
        Self { pixels, targets, sizes: batches.iter().map(|batch| batch.len()).collect() }
    }

    /// The batches in their order: pixels `[n, 784]` and targets `[n]`.
    pub fn batches(&self) -> impl Iterator<Item = (&[u8], &[Target])> {
        let mut start = 0;
        self.sizes.iter().map(move |size| {
            let range = start..start + size;
            start = range.end;
            (&self.pixels[range.start * PIXELS..range.end * PIXELS], &self.targets[range])
        })
    }
}

/// Which images make which batch.
pub(super) struct Plan<'a> {
    /// The number of images in an epoch.
    pub images: usize,
    pub batch: usize,
    pub epochs: usize,
    pub seed: u64,
    /// The batches of every epoch, instead of a new random order each.
    pub order: Option<&'a [Vec<usize>]>,
}

impl Plan<'_> {
    /// Batches in an epoch.
    pub fn per_epoch(&self) -> usize {
        self.order.map_or(self.images.div_ceil(self.batch), <[_]>::len)
    }

    /// Calls `work` with an epoch and some of its batches, until it fails.
    fn walk<E>(
        &self,
        mut work: impl FnMut(usize, &[&[usize]]) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut random = Random::new(self.seed);
        let mut shuffled: Vec<usize> = (0..self.images).collect();
        for epoch in 0..self.epochs {
            let batches: Vec<&[usize]> = match self.order {
                Some(order) => order.iter().map(Vec::as_slice).collect(),
                None => {
                    random.shuffle(&mut shuffled);
                    shuffled.chunks(self.batch).collect()
                }
            };
            batches.chunks(BATCHES).try_for_each(|batches| work(epoch, batches))?;
        }
        Ok(())
    }

    /// Makes all batches from `source` and hands them to `train`, in order. Where there are threads, they make the next
    /// batches while `train` works; the batches are the same.
    ///
    /// # Errors
    /// What `train` returns.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn run(&self, source: &dyn Source, train: &mut dyn FnMut(&Chunk) -> Result<()>) -> Result<()> {
        std::thread::scope(|scope| {
            let (sender, receiver) = std::sync::mpsc::sync_channel(1);
            // Nobody receives any more once training has failed.
            scope.spawn(move || self.walk(|epoch, batches| sender.send(Chunk::new(source, epoch, batches))));
            receiver.into_iter().try_for_each(|chunk| train(&chunk))
        })
    }

    #[cfg(target_arch = "wasm32")]
    pub fn run(&self, source: &dyn Source, train: &mut dyn FnMut(&Chunk) -> Result<()>) -> Result<()> {
        self.walk(|epoch, batches| train(&Chunk::new(source, epoch, batches)))
    }
}
