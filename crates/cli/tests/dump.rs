//! `digit8 dump` as its user runs it, on a network and digits of tests/fixtures: it writes what PyTorch wrote.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ndarray::Array2;
use ndarray_npy::{NpzReader, ReadableElement};
use serde_json::{Value, json};

/// A temporary folder with the fixture's digits as IDX files and its observers as the command takes them.
struct Desk {
    folder: tempfile::TempDir,
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/digits").join(name)
}

fn array<T: ReadableElement>(npz: &Path, name: &str) -> Array2<T> {
    NpzReader::new(File::open(npz).unwrap()).unwrap().by_name(name).unwrap()
}

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        let images = array::<u8>(&fixture("layers.npz"), "images");
        let count = images.nrows() as u32;
        let idx = |sizes: &[u32], body: Vec<u8>| {
            sizes.iter().flat_map(|size| size.to_be_bytes()).chain(body).collect::<Vec<u8>>()
        };
        for set in ["train", "t10k"] {
            let pixels = images.iter().copied().collect();
            desk.write(&format!("{set}-images-idx3-ubyte"), &idx(&[2051, count, 28, 28], pixels));
            let labels = (0..count).map(|at| (at / 2) as u8).collect();
            desk.write(&format!("{set}-labels-idx1-ubyte"), &idx(&[2049, count], labels));
        }
        let observers: Value = serde_json::from_slice(&fs::read(fixture("observers.json")).unwrap()).unwrap();
        for scheme in ["static", "fused"] {
            desk.write(&format!("{scheme}-observers.json"), observers[scheme].to_string().as_bytes());
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// Runs the command in the folder, on its digits, with more arguments.
    fn dump(&self, arguments: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_digit8"));
        command.current_dir(self.folder.path()).args(["dump", "--data", ".", "--model"]);
        command.arg(fixture("model.safetensors")).args(arguments.split_whitespace());
        command.output().unwrap()
    }

    /// Runs it, and gives what it said.
    fn succeed(&self, arguments: &str) -> String {
        let output = self.dump(arguments);
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs it, and gives what it said went wrong, in one line.
    fn fail(&self, arguments: &str) -> String {
        let output = self.dump(arguments);
        assert!(!output.status.success(), "{arguments} succeeded");
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(error.lines().count(), 1, "{error}");
        error
    }

    /// The arrays in a file that was written are PyTorch's of that run, no more and no fewer.
    fn assert_pytorchs(&self, file: &str, run: &str, steps: &[&str]) {
        let npz = self.path(file);
        let mut names = NpzReader::new(File::open(&npz).unwrap()).unwrap().names().unwrap();
        let mut expected = steps.to_vec();
        names.sort();
        expected.sort();
        assert_eq!(names, expected, "{file}");
        for step in steps {
            let theirs = format!("{run}.{step}");
            if run.starts_with("dynamic") || *step == "dequant" {
                let bits = |array: Array2<f32>| array.mapv(f32::to_bits);
                assert_eq!(bits(array(&npz, step)), bits(array(&fixture("layers.npz"), &theirs)), "{theirs}");
            } else {
                let expected = array::<u8>(&fixture("layers.npz"), &theirs);
                assert_eq!(array::<u8>(&npz, step), expected, "{theirs}");
            }
        }
    }
}

#[test]
fn a_dump_is_what_pytorch_has() {
    const STATIC: [&str; 7] = ["quant", "linear1", "relu1", "linear2", "relu2", "linear3", "dequant"];
    const FUSED: [&str; 5] = ["quant", "linear1", "linear2", "linear3", "dequant"];
    let desk = Desk::new();
    for (flag, suffix) in [("", ""), ("--per-channel", "-per-channel")] {
        for (scheme, steps) in [("static", &STATIC[..]), ("fused", &FUSED)] {
            let file = format!("{scheme}{suffix}.npz");
            let said = desk.succeed(&format!(
                "--scheme {scheme} {flag} --observers {scheme}-observers.json --out {file}"
            ));
            for words in [scheme, "20 test images", "observers of", &file] {
                assert!(said.contains(words), "{words} in: {said}");
            }
            desk.assert_pytorchs(&file, &format!("{scheme}{suffix}"), steps);
        }
        for batch in [1, 20] {
            desk.succeed(&format!("--scheme dynamic {flag} --batch {batch} --out new/dynamic.npz"));
            let run = format!("dynamic{suffix}-batch{batch}");
            desk.assert_pytorchs("new/dynamic.npz", &run, &["linear1", "linear2", "linear3"]);
        }
    }
    let parameters: Value = serde_json::from_slice(&fs::read(desk.path("static.json")).unwrap()).unwrap();
    assert_eq!(parameters["scheme"], "static");
    let observers: Value =
        serde_json::from_slice(&fs::read(desk.path("static-observers.json")).unwrap()).unwrap();
    assert_eq!(parameters["observers"], observers);
    assert!(parameters["layers"]["linear2"]["zero_point"].is_u64());
    let per_channel: Value =
        serde_json::from_slice(&fs::read(desk.path("fused-per-channel.json")).unwrap()).unwrap();
    assert_eq!(per_channel["layers"]["linear1"]["weight_scale"].as_array().unwrap().len(), 23);
}

#[test]
fn what_cannot_be_dumped_is_said_and_nothing_is_written() {
    let desk = Desk::new();
    let whole: Value =
        serde_json::from_slice(&fs::read(desk.path("static-observers.json")).unwrap()).unwrap();
    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut observers = whole.clone();
        edit(&mut observers);
        observers.to_string()
    };
    let observers = [
        ("cut.json", whole.to_string()[..50].to_owned(), "cut.json: not what observers saw: EOF"),
        (
            "missing.json",
            edited(&|json| drop(json.as_object_mut().unwrap().remove("linear2"))),
            "missing.json: not what observers saw: no observer of linear2",
        ),
        (
            "swapped.json",
            edited(&|json| json["linear1"]["min"] = json!(1e9)),
            "swapped.json: cannot quantize linear1: the least value, 1000000000, is above the greatest, ",
        ),
        (
            "endless.json",
            edited(&|json| json["quant"]["max"] = json!(1e99)),
            "endless.json: cannot quantize quant: its observer saw an infinity, from -0.42421296 to inf",
        ),
    ];
    for (name, text, expected) in observers {
        desk.write(name, text.as_bytes());
        let said = desk.fail(&format!("--scheme static --observers {name} --out x.npz"));
        assert!(said.contains(expected), "{expected} in: {said}");
    }
    let cases = [
        ("--out x.npz", "--scheme is needed"),
        ("--scheme fused --observers nowhere.json --out x.npz", "cannot read nowhere.json"),
        ("--scheme dynamic --observers static-observers.json --out x.npz", "no use in the dynamic scheme"),
        ("--scheme static --samples 0 --out x.npz", "calibration with no digits"),
        ("--scheme static --out x.json", "--out is a .json file"),
        ("--scheme static --out cut.json/x.npz", "cannot write cut.json/x.npz"),
        ("--scheme static --out .", "it is a folder"),
        (
            "--scheme static --observers static-observers.json --out static-observers.npz",
            "static-observers.json would be lost",
        ),
    ];
    for (arguments, expected) in cases {
        let said = desk.fail(arguments);
        assert!(said.contains(expected), "{expected} in: {said}");
    }
    let kept: Value = serde_json::from_slice(&fs::read(desk.path("static-observers.json")).unwrap()).unwrap();
    assert_eq!(kept, whole);
    let written = |entry: &fs::DirEntry| entry.path().extension().is_some_and(|extension| extension == "npz");
    assert!(!fs::read_dir(desk.folder.path()).unwrap().any(|entry| written(&entry.unwrap())));
}
