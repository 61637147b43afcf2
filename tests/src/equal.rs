//! Comparison to the bit, and of a network's every step with every kernel of this machine.

use digit8_core::Kernel;
use digit8_core::digits::{CLASSES, PIXELS};
use digit8_core::int8::{QuantizedMlp, Scheme, Values};
use ndarray::Array2;

use crate::npz::Npz;

/// A number that is compared by its bits.
pub trait Bits: Copy {
    /// The bits.
    fn bits(self) -> u32;
}
impl Bits for u8 {
    fn bits(self) -> u32 {
        self.into()
    }
}
impl Bits for i8 {
    fn bits(self) -> u32 {
        self.cast_unsigned().into()
    }
}
impl Bits for f32 {
    fn bits(self) -> u32 {
        self.to_bits()
    }
}

/// Panics, with the number of differences, unless two tensors have the same bits.
pub fn assert_equal<'a, T: Bits + 'a>(
    what: &str,
    ours: impl IntoIterator<Item = &'a T>,
    theirs: impl IntoIterator<Item = &'a T>,
) {
    let (mut ours, mut theirs) = (ours.into_iter(), theirs.into_iter());
    let (mut count, mut different) = (0, 0);
    loop {
        match (ours.next(), theirs.next()) {
            (Some(a), Some(b)) => different += usize::from(a.bits() != b.bits()),
            (None, None) => break,
            _ => panic!("{what}: one ends after {count} values, the other does not"),
        }
        count += 1;
    }
    assert_eq!(different, 0, "{what}: values that differ from PyTorch's, of {count}");
}

/// What PyTorch puts out at a step.
enum Expected {
    Integers(Array2<u8>),
    Reals(Array2<f32>),
}

impl Expected {
    fn read(file: &mut Npz, name: &str, like: &Values) -> Self {
        match like {
            Values::Quantized(..) => Self::Integers(file.matrix(name)),
            Values::Real(_) => Self::Reals(file.matrix(name)),
        }
    }

    /// Panics unless the batches' values are these.
    fn assert_equal<'a>(&self, what: &str, batches: impl Iterator<Item = &'a Values>) {
        match self {
            Self::Integers(theirs) => {
                assert_equal(what, batches.flat_map(|batch| batch.as_integers().unwrap()), theirs);
            }
            Self::Reals(theirs) => {
                assert_equal(what, batches.flat_map(|batch| batch.as_reals().unwrap()), theirs);
            }
        }
    }
}

/// Runs `pixels` `[n, 784]` through a network, `batch` at a time, with every kernel of this machine, and compares each
/// step's output, and the engine's logits, with the arrays that `name` gives for steps.
pub fn assert_every_step(
    network: &QuantizedMlp,
    pixels: &[u8],
    batch: usize,
    theirs: &mut Npz,
    name: impl Fn(&str) -> String,
) {
    let steps = network.trace(Kernel::Scalar, &pixels[..PIXELS]);
    assert_eq!(steps.len(), steps_of(network.scheme()));
    let expected: Vec<Expected> =
        steps.iter().map(|step| Expected::read(theirs, &name(step.name), &step.values)).collect();
    for kernel in Kernel::available() {
        let mut engine = network.engine(kernel);
        let mut logits = vec![0.0; pixels.len() / PIXELS * CLASSES];
        let mut batches = Vec::new();
        for (pixels, logits) in pixels.chunks(batch * PIXELS).zip(logits.chunks_mut(batch * CLASSES)) {
            batches.push(network.trace(kernel, pixels));
            engine.logits(pixels, logits);
        }
        for (index, (step, expected)) in steps.iter().zip(&expected).enumerate() {
            let what = format!("{} ({})", name(step.name), kernel.name());
            expected.assert_equal(&what, batches.iter().map(|steps| &steps[index].values));
        }
        // The engine's shortcuts (a table for the pixels, ReLU in the clamp) end at the same bits.
        let Some(Expected::Reals(last)) = expected.last() else { panic!("the last step is real") };
        assert_equal(&format!("logits ({})", kernel.name()), &logits, last);
    }
}

/// How many steps PyTorch has in a scheme.
fn steps_of(scheme: Scheme) -> usize {
    match scheme {
        Scheme::Static => 7,
        Scheme::Fused => 5,
        Scheme::Dynamic => 3,
    }
}
