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

#[test]
fn damaged_files_are_errors_or_networks_and_never_a_panic() {
    let mut state = 1u64;
    let mut below = |limit: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % limit
    };
    let mut refused = 0;
    for name in ["pytorch-dynamo", "pytorch-torchscript", "keras", "scikit-learn"] {
        let whole = std::fs::read(folder().join(format!("{name}.onnx"))).unwrap();
        for _ in 0..300 {
            let cut = &whole[..below(whole.len())];
            assert!(import(cut, Scaling::Normalized).is_err(), "{name}, cut after {} bytes", cut.len());
            let mut changed = whole.clone();
            // The graph is at the front and at the end, between are weights.
            let at = [below(600), whole.len() - 1 - below(600)][below(2)];
            changed[at] ^= 1 << below(8);
            refused += usize::from(import(&changed, Scaling::Normalized).is_err());
        }
    }
    assert!(refused > 100, "{refused} of 1,200 files with a flipped bit were refused");
}

#[test]
fn lengths_that_no_file_has_are_refused_without_making_room_for_them() {
    // Field 7, the graph, with a length of 2^62; and with one of 2 GB.
    for length in [&[0xff; 8][..], &[0xff, 0xff, 0xff, 0xff, 7]] {
        let mut file = vec![0x08, 0x08, 0x3a];
        file.extend(length);
        file.push(0x01);
        assert!(import(&file, Scaling::Normalized).is_err());
    }
}
