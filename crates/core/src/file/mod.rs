//! Models as safetensors files, under PyTorch's own names.
//!
//! A float model holds `linear1.weight` `[h1, 784]`, `linear1.bias` `[h1]`, … as `F32`: what `state_dict` gives, so that
//! files go both ways. An int8 model holds `linear1.weight` as `I8`, `linear1.weight_scale` (`F32`, `[1]` or `[h1]`) and
//! `linear1.bias` (`F32`). Weights of fewer than eight bits are [packed](crate::quant::packed): instead of `linear1.weight` there are
//! `linear1.weight_packed` (`U8`), `linear1.weight_levels` (`I64`, `[1]`: how many integers a weight may be, 128 for 7 bits to 4 for 2, 3 for
//! ternary and 2 for binary ones) and `linear1.weight_shape` (`I64`, `[2]`). A static one has also `quant.scale`, `quant.zero_point`, `linear1.scale`, `linear1.zero_point`, …
//! (`F32` and `I64`, `[1]`), and where activations have fewer than seven bits `quant.max`, … (`I64`, `[1]`: the greatest integer). What is known of a model's origin stands in the metadata, as one JSON object under `digit8`;
//! an int8 model's `scheme` and `granularity` are read from there, too.
//!
//! Float models of other people are read as well: layers of other names ([`names`]), other float types and layers without a
//! bias. What was done to read a file is said in [`Loaded::notes`]; a tensor that has no place in the network is an error,
//! since to leave it out would be another network.
//!
//! - [`container`]: is it a safetensors file at all, and if not, what is it?
//! - `header`: the header as JSON; the page's module has a reader of its own, by JavaScript's parser, behind [`Tensors`];
//! - [`names`]: which of the file's tensors are which of the network's;
//! - `read` and `write`: the model, out of its tensors and into them;
//! - [`Observers`]: what PyTorch's observers saw, from a file of their own.

pub mod container;
mod header;
pub mod names;
mod numbers;
mod observers;
mod read;
mod write;

use std::collections::BTreeMap;
use std::ops::Range;

pub use observers::Observers;
pub use read::{model, read};
pub use write::write;

use crate::float::Mlp;
use crate::int8::QuantizedMlp;

const LAYERS: [&str; 3] = ["linear1", "linear2", "linear3"];
/// The key of the file's metadata under which digit8's own stands.
const METADATA: &str = "digit8";
/// Keys of digit8's own metadata.
const SCHEME: &str = "scheme";
const GRANULARITY: &str = "granularity";
/// What a layer has in place of `weight`, where its weights are packed: their bytes, how many integers there are, and the shape.
const PACKED: &str = "weight_packed";
const LEVELS: &str = "weight_levels";
const SHAPE: &str = "weight_shape";
/// The greatest integer of activations of few bits.
const MAX: &str = "max";

/// What is known of a model's origin: training settings, data source, version.
pub type Info = BTreeMap<String, String>;

/// A model of either kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Model {
    /// The float32 network.
    Float(Mlp),
    /// A quantized network.
    Int8(QuantizedMlp),
}

/// What a file holds.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The model.
    pub model: Model,
    /// What the file says of its origin.
    pub info: Info,
    /// What was done to read it, a sentence each: other names, other number types, a bias that is missing. None for a file
    /// that digit8 wrote.
    pub notes: Vec<String>,
}

/// A tensor as the header describes it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The type of its elements as the format calls it: `F32`, `I8`, `I64` or another.
    pub dtype: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Where its elements are in the data behind the header, little-endian.
    pub bytes: Range<usize>,
}

/// A file's header, however its JSON was read.
pub trait Tensors {
    /// The names of all tensors.
    fn names(&self) -> Vec<String>;

    /// The tensor of a name, if it is there and described as one.
    fn entry(&self, name: &str) -> Option<Entry>;

    /// A text in digit8's own metadata.
    fn origin(&self, key: &str) -> Option<String>;
}

/// Names for a sentence: a handful of them, and how many more there are. Names are the file's, so control characters, which
/// could drive a terminal, are left out and the length is bounded.
fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const HANDFUL: usize = 6;
    const LENGTH: usize = 60;
    let mut names = names.into_iter();
    let shown = |name: &str| name.chars().filter(|c| !c.is_control()).take(LENGTH).collect::<String>();
    let first: Vec<String> = names.by_ref().take(HANDFUL).map(shown).collect();
    match names.count() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}
