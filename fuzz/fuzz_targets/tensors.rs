//! Headers of any kind, behind the trait by which the page's module reads: names of all forms, tensors that overlap, that are not
//! there, of sizes that no file has.
#![no_main]

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use digit8_core::file::{self, Entry, Model, Tensors};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Header {
    tensors: Vec<Tensor>,
    scheme: Option<u8>,
    granularity: Option<u8>,
    /// Whether tensors lie one behind the other, as in a file that is whole.
    packed: bool,
}

#[derive(Arbitrary, Debug)]
struct Tensor {
    prefix: u8,
    layer: u8,
    leaf: u8,
    dtype: u8,
    shape: Vec<u8>,
    start: usize,
    end: usize,
}

const PREFIXES: [&str; 6] = ["", "", "module.", "_orig_mod.", "model.", "a.b.c."];
const LAYERS: [&str; 12] =
    ["linear1", "linear2", "linear3", "0", "2", "4", "fc1", "fc2", "out", "quant", "bn1", "x.activation_post_process"];
const LEAVES: [&str; 7] = ["weight", "bias", "weight_scale", "scale", "zero_point", "running_mean", ""];
const DTYPES: [(&str, usize); 7] =
    [("F32", 4), ("F16", 2), ("BF16", 2), ("F64", 8), ("I8", 1), ("I64", 8), ("F8_E4M3", 1)];
const SIZES: [usize; 8] = [0, 1, 2, 3, 10, 784, 1 << 20, usize::MAX];

fn pick<T: Copy>(from: &[T], at: u8) -> T {
    from[usize::from(at) % from.len()]
}

struct Described {
    entries: BTreeMap<String, Entry>,
    origins: BTreeMap<&'static str, &'static str>,
}

impl Tensors for Described {
    fn names(&self) -> Vec<String> {
        self.entries.keys().cloned().collect()
    }

    fn entry(&self, name: &str) -> Option<Entry> {
        self.entries.get(name).cloned()
    }

    fn origin(&self, key: &str) -> Option<String> {
        self.origins.get(key).map(|text| (*text).to_owned())
    }
}

fuzz_target!(|header: Header| {
    let mut entries = BTreeMap::new();
    let mut end = 0usize;
    for tensor in header.tensors.iter().take(40) {
        let (layer, leaf) = (pick(&LAYERS, tensor.layer), pick(&LEAVES, tensor.leaf));
        let name = format!("{}{layer}.{leaf}", pick(&PREFIXES, tensor.prefix));
        let (dtype, size) = pick(&DTYPES, tensor.dtype);
        let shape: Vec<usize> = tensor.shape.iter().take(4).map(|&at| pick(&SIZES, at)).collect();
        let bytes = shape.iter().fold(size, |product, &size| product.saturating_mul(size));
        let place = if header.packed { end..end.saturating_add(bytes) } else { tensor.start..tensor.end };
        if header.packed && (bytes > 1 << 16 || entries.contains_key(&name)) {
            continue;
        }
        end = place.end;
        entries.insert(name, Entry { dtype: dtype.into(), shape, bytes: place });
    }
    let data: Vec<u8> = (0..end.min(1 << 20)).map(|at| (at * 7 % 60) as u8).collect();
    let mut origins = BTreeMap::new();
    origins.extend(header.scheme.map(|at| ("scheme", pick(&["static", "fused", "dynamic", "none"], at))));
    let granularities = ["tensor", "channel", "channel,tensor,tensor", ",", ""];
    origins.extend(header.granularity.map(|at| ("granularity", pick(&granularities, at))));
    if let Ok((model, notes)) = file::model(&Described { entries, origins }, &data) {
        assert!(notes.iter().all(|note| note.len() < 1000));
        if let Model::Float(mlp) = model {
            assert!(mlp.layers().iter().all(|layer| layer.weight.iter().all(|w| w.is_finite())));
        }
    }
});
