//! A network of the story, and what it makes of the test digits.

use anyhow::ensure;
use digit8_core::Kernel;
use digit8_core::compare::{Confusion, NO_ANSWER, argmax, layer_outputs, logits, softmax};
use digit8_core::digits::{CLASSES, Digits};
use digit8_core::file::Model;
use digit8_core::int8::QuantizedMlp;
use digit8_core::quant::{Observations, QParams};
use ndarray::Array2;

use digit8_host::terminal::{Table, thousands};

/// A network and its answers.
pub struct Network {
    /// `float32`, `static`, `fused` or `dynamic`.
    pub name: &'static str,
    /// Its weights.
    pub model: Model,
    /// The size of its file.
    pub bytes: usize,
    /// Which digits it takes for which, one image at a time.
    pub confusion: Confusion,
    /// `[n, 10]`.
    pub logits: Vec<f32>,
    /// What each layer hands on, `[n, outputs]`, behind ReLU.
    pub layers: [Array2<f32>; 3],
}

impl Network {
    /// Reads all `digits`. `bytes` is the size of the model's file.
    ///
    /// # Errors
    /// If one of the answers is not finite: the story is about digits that are read.
    pub fn new(model: Model, bytes: usize, digits: &Digits) -> anyhow::Result<Self> {
        let name = match &model {
            Model::Float(_) => "float32",
            Model::Int8(int8) => int8.scheme().name(),
        };
        let logits = logits(&model, Kernel::best(), digits.images());
        let confusion = Confusion::count(&logits, digits.labels());
        let unanswered: u32 = confusion.unanswered.iter().sum();
        ensure!(unanswered == 0, "{name}: {NO_ANSWER} on {unanswered} of {} digits", digits.len());
        let layers = layer_outputs(&model, Kernel::best(), digits.images());
        Ok(Self { name, bytes, confusion, layers, model, logits })
    }

    /// Which digit it reads in an image, and how sure it is.
    pub fn reads(&self, image: usize) -> (usize, f64) {
        let logits = &self.logits[image * CLASSES..][..CLASSES];
        let digit = argmax(logits);
        let probabilities = logits.try_into().map_or([0.0; CLASSES], softmax);
        (digit, probabilities[digit])
    }

    /// The colour of its bars.
    pub fn class(&self) -> &'static str {
        match self.model {
            Model::Float(_) => "float",
            Model::Int8(_) => "int8",
        }
    }
}

/// A network that was quantized with observers, and its parameters.
pub struct Calibrated {
    /// The integers.
    pub int8: QuantizedMlp,
    /// What the observers saw.
    pub seen: Observations,
    /// Of the normalised pixels.
    pub input: QParams,
    /// Of the three layers' outputs.
    pub outputs: [QParams; 3],
    /// Its answers.
    pub network: Network,
}

/// Size and accuracy of networks, and how the answers of the others differ from the first one's.
pub fn scores(networks: &[&Network], labels: &[u8]) -> Table<8> {
    let first = networks[0];
    let row = |network: &&Network| {
        let Network { name, bytes, confusion, .. } = network;
        let share = 100.0 * *bytes as f64 / first.bytes as f64;
        let Changes { gained, lost, other } = changes(first, network, labels);
        let changed = [gained, lost, other]
            .map(|count| if *name == first.name { String::new() } else { thousands(count) });
        let [gained, lost, other] = changed;
        [
            (*name).into(),
            thousands(*bytes),
            format!("{share:.1} %"),
            format!(
                "{} of {}",
                thousands(confusion.correct() as usize),
                thousands(confusion.total() as usize)
            ),
            format!("{:.2} %", 100.0 * confusion.accuracy()),
            gained,
            lost,
            other,
        ]
    };
    let headings =
        ["network", "bytes", "of float32", "read right", "accuracy", "gained", "lost", "otherwise"];
    Table::new(headings, networks.iter().map(row))
}

/// The digits that one network reads differently from another.
struct Changes {
    /// Wrong before, right now.
    gained: usize,
    /// Right before, wrong now.
    lost: usize,
    /// Wrong before, wrong in another way now.
    other: usize,
}

/// How the answers change from one network to another.
fn changes(before: &Network, after: &Network, labels: &[u8]) -> Changes {
    let mut changes = Changes { gained: 0, lost: 0, other: 0 };
    for (image, &label) in labels.iter().enumerate() {
        let (before, after) = (before.reads(image).0, after.reads(image).0);
        if before != after {
            match usize::from(label) {
                label if label == after => changes.gained += 1,
                label if label == before => changes.lost += 1,
                _ => changes.other += 1,
            }
        }
    }
    changes
}
