//! Networks as other frameworks' exporters write them (`fixtures/onnx`, with the script that made them), read as digit8's.

use std::path::{Path, PathBuf};

use digit8_core::Kernel;
use digit8_core::file::Model;
use digit8_interchange::import::{Imported, Scaling, import};
use digit8_tests::npz::Npz;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/onnx")
}

fn read(name: &str) -> Imported {
    let bytes = std::fs::read(folder().join(format!("{name}.onnx"))).unwrap();
    import(&bytes, Scaling::Normalized).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn every_exporters_network_answers_as_its_framework_does() {
    let mut expected = Npz::open(&folder().join("logits.npz"));
    let pixels = expected.matrix::<u8>("pixels");
    let names: Vec<String> = expected.names().into_iter().filter(|name| name != "pixels").collect();
    assert_eq!(names.len(), 5, "{names:?}");
    for name in names {
        let Model::Float(mlp) = read(&name).model else { panic!("{name} is read as int8") };
        let [_, _, found] = mlp.layer_outputs(Kernel::Scalar, pixels.as_slice().unwrap());
        for (found, expected) in found.iter().zip(&expected.matrix::<f32>(&name)) {
            assert!(
                (found - expected).abs() < 1e-4 * expected.abs().max(1.0),
                "{name}: {found} and {expected}"
            );
        }
    }
}

#[test]
fn what_was_left_out_is_said() {
    for (name, said) in [("keras", "Softmax"), ("scikit-learn", "Softmax")] {
        let notes = read(name).notes;
        assert!(notes.iter().any(|note| note.contains(said)), "{name}: {notes:?}");
    }
    assert!(read("pytorch-dynamo").notes.is_empty());
}
