//! PyTorch's values, as NumPy keeps them.

use std::fs::File;
use std::path::{Path, PathBuf};

use ndarray::{Array, Array1, Array2, Dimension};
use ndarray_npy::{NpzReader, ReadableElement};

/// An `.npz` file. Its methods panic where an array is missing or of another type: the tests name what they need.
pub struct Npz {
    path: PathBuf,
    reader: NpzReader<File>,
}

impl Npz {
    /// Opens a file.
    pub fn open(path: &Path) -> Self {
        let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path: path.into(), reader: NpzReader::new(file).unwrap() }
    }

    /// The names of its arrays.
    pub fn names(&mut self) -> Vec<String> {
        self.reader.names().unwrap()
    }

    /// An array of one dimension.
    pub fn vector<T: ReadableElement>(&mut self, name: &str) -> Array1<T> {
        self.read(name)
    }

    /// An array of two dimensions.
    pub fn matrix<T: ReadableElement>(&mut self, name: &str) -> Array2<T> {
        self.read(name)
    }

    fn read<T: ReadableElement, D: Dimension>(&mut self, name: &str) -> Array<T, D> {
        let array = self.reader.by_name(name);
        array.unwrap_or_else(|error| panic!("{} has no {name} of that type: {error}", self.path.display()))
    }
}
