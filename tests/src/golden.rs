//! What PyTorch itself computed for MNIST's 10,000 test images: an optional folder, too large for the repository.
//!
//! It is looked for where `DIGIT8_SHARED` says, else in `../shared` beside the checkout. Where there is none, the tests that
//! need it are ignored by name (`build.rs` sees to that); the fixtures in the repository cover every rule without it.

use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;

use digit8_core::digits::Digits;
use digit8_core::file::{self, Model};
use digit8_core::float::Mlp;
use digit8_core::idx;
use digit8_core::int8::Scheme;
use digit8_core::quant::{Observations, Range};
use ndarray::{Array1, Array2};
use ndarray_npy::ReadableElement;
use serde::Deserialize;

use crate::npz::Npz;

/// The folder that was found.
pub struct Golden {
    shared: PathBuf,
}

impl Golden {
    /// The folder that `build.rs` looked for. Where it found none, the values are not there to be read: a test that needs them
    /// says so with `#[cfg_attr(not(pytorch_values), ignore = "…")]`.
    pub fn open() -> Self {
        Self { shared: env!("PYTORCH_VALUES").into() }
    }

    /// The path of a file of PyTorch's.
    pub fn path(&self, name: &str) -> PathBuf {
        self.shared.join("torch-golden").join(name)
    }

    /// MNIST's 10,000 test images.
    pub fn test_digits(&self) -> Digits {
        self.digits("t10k")
    }

    /// MNIST's 60,000 training images.
    pub fn train_digits(&self) -> Digits {
        self.digits("train")
    }

    fn digits(&self, set: &str) -> Digits {
        let images = self.mnist(&format!("{set}-images-idx3-ubyte.gz"));
        let labels = self.mnist(&format!("{set}-labels-idx1-ubyte.gz"));
        Digits::new(idx::images(&images).unwrap(), idx::labels(&labels).unwrap()).unwrap()
    }

    /// The float network that PyTorch trained.
    pub fn model(&self) -> Mlp {
        match file::read(&fs::read(self.path("model.safetensors")).unwrap()).unwrap() {
            (Model::Float(mlp), _) => mlp,
            (Model::Int8(_), _) => panic!("model.safetensors is a float model"),
        }
    }

    /// The least and greatest values that PyTorch's observers saw, of a static scheme.
    pub fn observations(&self, scheme: Scheme) -> Observations {
        let observers = self.json("qparams.json")[scheme.name()]["observers"].take();
        let of = |name: &str| -> Range {
            Range::deserialize(&observers[format!("{name}.activation_post_process")]).unwrap()
        };
        Observations {
            quant: of("quant"),
            linear1: of("linear1"),
            linear2: of("linear2"),
            linear3: of("linear3"),
        }
    }

    /// A JSON file.
    pub fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// An `.npz` file.
    pub fn npz(&self, name: &str) -> Npz {
        Npz::open(&self.path(name))
    }

    /// An array of an `.npz` file.
    pub fn array<T: ReadableElement>(&self, npz: &str, name: &str) -> Array2<T> {
        self.npz(npz).matrix(name)
    }

    /// An array of one dimension of an `.npz` file.
    pub fn vector<T: ReadableElement>(&self, npz: &str, name: &str) -> Array1<T> {
        self.npz(npz).vector(name)
    }

    fn mnist(&self, name: &str) -> Vec<u8> {
        let file = File::open(self.shared.join("mnist").join(name)).unwrap();
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
        bytes
    }
}
