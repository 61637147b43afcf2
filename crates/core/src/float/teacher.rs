//! Distillation: a larger network's probabilities as the targets of a smaller one (Hinton, Vinyals and Dean 2015, "Distilling
//! the knowledge in a neural network"), of the very image that the smaller one sees (Beyer et al. 2022, "Knowledge
//! distillation: a good teacher is patient and consistent").

use std::sync::{Mutex, PoisonError};

use crate::Kernel;
use crate::compare::softmax;
use crate::digits::CLASSES;
use crate::float::source::{Source, Target};
use crate::float::{FloatEngine, Mlp};

/// Images with a teacher's opinion of each.
pub struct Taught<'a> {
    source: &'a dyn Source,
    teacher: FloatEngine,
    share: f32,
    /// Engines that no thread works with at the moment.
    idle: Mutex<Vec<FloatEngine>>,
}

impl<'a> Taught<'a> {
    /// The images of `source`; of each target, `share` (0 to 1) is what `teacher` says.
    pub fn new(source: &'a dyn Source, teacher: &Mlp, kernel: Kernel, share: f32) -> Self {
        Self { source, teacher: teacher.engine(kernel), share, idle: Mutex::new(Vec::new()) }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<FloatEngine>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Taught<'_> {
    fn count(&self) -> usize {
        self.source.count()
    }

    fn image(&self, epoch: usize, index: usize, pixels: &mut [u8]) -> Target {
        let mut target = [Target::default()];
        self.images(epoch, &[index], pixels, &mut target);
        target[0]
    }

    fn images(&self, epoch: usize, indices: &[usize], pixels: &mut [u8], targets: &mut [Target]) {
        self.source.images(epoch, indices, pixels, targets);
        let idle = self.idle().pop();
        let mut engine = idle.unwrap_or_else(|| self.teacher.clone());
        let mut logits = vec![0.0; indices.len() * CLASSES];
        engine.logits(pixels, &mut logits);
        self.idle().push(engine);
        for (target, logits) in targets.iter_mut().zip(logits.as_chunks().0) {
            for (target, opinion) in target.iter_mut().zip(softmax(logits)) {
                *target += self.share * (opinion as f32 - *target);
            }
        }
    }
}
