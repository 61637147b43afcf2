//! Files as people bring them and as they ask for them: pipes, outputs that would destroy something, networks of zeros and of
//! sums without an end, folders with less than all of the digits.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// The sizes of the network here: 784-6-5-10.
const SHAPES: [(&str, [usize; 2]); 3] = [("linear1", [6, 784]), ("linear2", [5, 6]), ("linear3", [10, 5])];

/// A temporary folder with a float model `net.safetensors` and digits in `data`.
struct Desk {
    folder: tempfile::TempDir,
}

/// A safetensors file of a float network whose weights are `weight(n)`.
fn network(weight: impl Fn(usize) -> f32) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (layer, shape) in SHAPES {
        for (leaf, shape) in [("weight", &shape[..]), ("bias", &shape[..1])] {
            let count: usize = shape.iter().product();
            let offsets = [data.len(), data.len() + 4 * count];
            data.extend((0..count).flat_map(|n| weight(n).to_le_bytes()));
            header.insert(
                format!("{layer}.{leaf}"),
                json!({ "dtype": "F32", "shape": shape, "data_offsets": offsets }),
            );
        }
    }
    let header = Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat()
}

fn usual() -> Vec<u8> {
    network(|n| (n * 7919 % 97) as f32 / 970.0 - 0.05)
}

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        desk.digits("data", ["train", "t10k"], 20);
        desk.write("net.safetensors", &usual());
        desk
    }

    fn digits<const N: usize>(&self, folder: &str, sets: [&str; N], count: usize) {
        let idx = |sizes: &[u32], body: Vec<u8>| {
            sizes.iter().flat_map(|size| size.to_be_bytes()).chain(body).collect::<Vec<u8>>()
        };
        for set in sets {
            let pixels = (0..count * 784).map(|at| (at * 7919 % 256) as u8).collect();
            let labels = (0..count).map(|at| (at % 10) as u8).collect();
            self.write(
                &format!("{folder}/{set}-images-idx3-ubyte"),
                &idx(&[2051, count as u32, 28, 28], pixels),
            );
            self.write(&format!("{folder}/{set}-labels-idx1-ubyte"), &idx(&[2049, count as u32], labels));
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), bytes).unwrap();
    }

    /// Runs a line of bash in the folder, where `digit8` is the program.
    fn bash(&self, line: &str) -> Output {
        let script =
            format!("set -o pipefail; digit8() {{ '{}' \"$@\"; }}; {line}", env!("CARGO_BIN_EXE_digit8"));
        let mut bash = Command::new("bash");
        bash.current_dir(self.folder.path())
            .args(["-c", &script])
            .env_remove("DIGIT8_DATA")
            .stdin(Stdio::null());
        bash.output().unwrap()
    }

    fn succeed(&self, line: &str) -> String {
        let output = self.bash(line);
        let [said, error] =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(output.status.success(), "{line}: {error}");
        said + &error
    }

    fn fail(&self, line: &str) -> String {
        let output = self.bash(line);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.starts_with("error: "), "{line}: {error}");
        error
    }

    /// All files in the folder, and what is in them.
    fn all(&self) -> Vec<(PathBuf, Vec<u8>)> {
        fn walk(folder: &Path, into: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, into)
                } else {
                    into.push((path.clone(), fs::read(&path).unwrap()))
                }
            }
        }
        let mut all = Vec::new();
        walk(self.folder.path(), &mut all);
        all.sort();
        all
    }
}

#[test]
fn models_come_through_pipes() {
    let desk = Desk::new();
    let size = format!("{} bytes", thousands(usual().len()));
    let said = desk
        .succeed("digit8 quantize <(cat net.safetensors) --scheme static --data data --out q.safetensors");
    assert!(said.contains(&size), "{size} in {said}");
    let direct =
        desk.succeed("digit8 quantize net.safetensors --scheme static --data data --out d.safetensors");
    assert!(direct.contains(&size));
    assert_eq!(fs::read(desk.path("q.safetensors")).unwrap(), fs::read(desk.path("d.safetensors")).unwrap());
    let said = desk.succeed("digit8 eval <(cat net.safetensors) <(cat q.safetensors) --data data");
    assert!(said.contains("float32") && said.contains("int8 static"), "{said}");
    desk.succeed("digit8 dump --model <(cat q.safetensors) --data data --out piped.npz");
    desk.succeed("digit8 dump --model q.safetensors --data data --out direct.npz");
    assert_eq!(fs::read(desk.path("piped.json")).unwrap(), fs::read(desk.path("direct.json")).unwrap());
    let said = desk.fail("digit8 quantize <(cat net.safetensors) --scheme static --data data");
    assert!(said.contains("name --out"), "{said}");
}

fn thousands(number: usize) -> String {
    format!("{},{:03}", number / 1000, number % 1000)
}

#[test]
fn outputs_go_into_pipes_and_devices() {
    let desk = Desk::new();
    desk.succeed("digit8 quantize net.safetensors --scheme fused --data data --out q.safetensors");
    desk.succeed("mkfifo pipe; cat pipe > got & digit8 quantize net.safetensors --scheme fused --data data --out pipe && wait $!");
    assert_eq!(fs::read(desk.path("got")).unwrap(), fs::read(desk.path("q.safetensors")).unwrap());
    desk.succeed("digit8 train --data data --hidden 3,3 --out /dev/null && test -c /dev/null && test ! -e /dev/null.svg");
    desk.succeed("digit8 dump --model q.safetensors --data data --out /dev/null && test ! -e /dev/null.json");
}

#[test]
fn what_would_be_lost_is_refused_and_nothing_is_written() {
    let desk = Desk::new();
    desk.succeed("digit8 quantize net.safetensors --scheme static --data data --out int8.safetensors");
    desk.succeed(
        "ln -s net.safetensors link; digit8 dump --model int8.safetensors --data data --out layers.npz",
    );
    let before = desk.all();
    for (line, expected) in [
        (
            "quantize net.safetensors --scheme static --data data --out net.safetensors",
            "net.safetensors would be lost",
        ),
        ("quantize link --scheme static --data data --out ./net.safetensors", "link would be lost"),
        ("train --data data --hidden 3,3 --init net.safetensors --out net.safetensors", "would be lost"),
        (
            "train --data data --hidden 4294967296,4294967296 --out t.safetensors",
            "linear1.weight is [4294967296, 784]",
        ),
        (
            "dump --model int8.safetensors --data data --out int8.safetensors",
            "int8.safetensors would be lost",
        ),
        (
            "dump --model net.safetensors --scheme static --observers layers.json --data data --out layers.npz",
            "layers.json would be lost",
        ),
        (
            "notebook --model net.safetensors --data data --out net.safetensors",
            "cannot write net.safetensors/report.html",
        ),
    ] {
        let said = desk.fail(&format!("digit8 {line}"));
        assert!(said.contains(expected), "{line}: {said}");
        assert_eq!(desk.all(), before, "{line}");
    }
    // The curve beside a model of that name has another one.
    desk.succeed("digit8 train --data data --hidden 3,3 --out t.svg && digit8 eval t.svg --data data");
    assert!(
        fs::read(desk.path("t.svg.svg")).unwrap().starts_with(b"<svg") || desk.path("t.svg.svg").is_file()
    );
}

#[test]
fn default_outputs_differ_and_keep_names_that_are_no_text() {
    let desk = Desk::new();
    let said = desk.succeed(
        "for name in net.v1 net.v2 $'n\\xff.safetensors'; do cp net.safetensors \"$name\"; \
         digit8 quantize \"$name\" --scheme static --data data || exit 1; done; \
         ls net.v1-static.safetensors net.v2-static.safetensors $'n\\xff-static.safetensors'",
    );
    assert!(said.contains("Wrote net.v1-static.safetensors"), "{said}");
}

#[test]
fn answers_that_are_not_finite_are_no_digits() {
    let desk = Desk::new();
    desk.write("large.safetensors", &network(|_| 3e38));
    let said = desk.succeed("digit8 eval large.safetensors net.safetensors --data data");
    assert!(said.contains("0.00 %") && said.contains("No digit was ever the answer"), "{said}");
    let said = desk.fail("digit8 quantize large.safetensors --scheme static --data data --out q.safetensors");
    assert!(said.contains("cannot quantize linear1: its observer saw"), "{said}");
    let said = desk.fail("digit8 notebook --model large.safetensors --data data --out story");
    assert!(said.contains("leave the range of float32") || said.contains("observer saw"), "{said}");
}

#[test]
fn a_network_of_zeros_has_a_story() {
    let desk = Desk::new();
    desk.write("zeros.safetensors", &network(|_| 0.0));
    let said = desk.succeed("digit8 notebook --model zeros.safetensors --data data --out story");
    let report = fs::read_to_string(desk.path("story/report.html")).unwrap();
    for text in [&said, &report] {
        let found = text.find("NaN");
        let around = found.map(|at| text.get(at.saturating_sub(80)..at + 10));
        assert_eq!(around, None);
    }
}

#[test]
fn digits_that_are_there_are_enough() {
    let desk = Desk::new();
    desk.digits("pair", ["t10k"], 20);
    desk.digits("root/MNIST/raw", ["train", "t10k"], 20);
    desk.digits("none", ["train", "t10k"], 0);
    let said = desk.succeed("digit8 eval net.safetensors --data pair && digit8 data --data pair");
    assert!(said.contains("20 test digits") && said.contains("t10k-images-idx3-ubyte"), "{said}");
    let said = desk.fail("digit8 quantize net.safetensors --scheme static --data pair --out q.safetensors");
    assert!(said.contains("no train-images-idx3-ubyte, no train-labels-idx1-ubyte"), "{said}");
    assert!(!said.contains("t10k"), "{said}");
    desk.succeed("digit8 quantize net.safetensors --scheme static --data root --out q.safetensors");
    let said = desk.fail("digit8 eval net.safetensors --data none");
    assert!(said.contains("no digits to read"), "{said}");
}

#[test]
fn observers_may_be_scales_or_what_dump_wrote() {
    let desk = Desk::new();
    desk.succeed("digit8 dump --model net.safetensors --scheme fused --data data --out a.npz");
    let dumped: Value = serde_json::from_slice(&fs::read(desk.path("a.json")).unwrap()).unwrap();
    let pick = |from: &Value, keys: [&str; 2]| -> Value {
        let layer = |name: &str| json!({ keys[0]: from[name][keys[0]], keys[1]: from[name][keys[1]] });
        ["quant", "linear1", "linear2", "linear3"]
            .map(|name| (name.to_owned(), layer(name)))
            .into_iter()
            .collect()
    };
    desk.write("scales.json", pick(&dumped["layers"], ["scale", "zero_point"]).to_string().as_bytes());
    desk.write("extremes.json", pick(&dumped["observers"], ["min", "max"]).to_string().as_bytes());
    let expected = fs::read(desk.path("a.npz")).unwrap();
    for file in ["scales.json", "extremes.json", "a.json"] {
        let line = format!(
            "digit8 dump --model net.safetensors --scheme fused --observers {file} --data data --out b.npz"
        );
        desk.succeed(&line);
        assert!(fs::read(desk.path("b.npz")).unwrap() == expected, "{file}");
        let line = format!(
            "digit8 quantize net.safetensors --scheme fused --observers {file} --data data --out q.safetensors"
        );
        assert!(desk.succeed(&line).contains("zero point"));
    }
    let said = desk.fail(
        "digit8 dump --model net.safetensors --scheme static --observers a.json --data data --out b.npz",
    );
    assert!(
        said.contains("a.json: not what observers saw: they are of the scheme fused, not static"),
        "{said}"
    );
}

#[test]
fn a_kernel_that_is_not_there_is_said() {
    let said = Desk::new().fail("DIGIT8_KERNEL=avx3 digit8 eval net.safetensors --data data");
    assert!(said.contains("DIGIT8_KERNEL is \"avx3\", expected one of scalar"), "{said}");
}

#[test]
fn a_comparison_is_a_page_too() {
    let desk = Desk::new();
    for scheme in ["static", "fused"] {
        desk.succeed(&format!(
            "digit8 quantize net.safetensors --scheme {scheme} --data data --out {scheme}.safetensors"
        ));
    }
    let said =
        desk.succeed("digit8 compare static.safetensors fused.safetensors --data data --html page.html");
    assert!(said.contains("Wrote page.html"), "{said}");
    let page = fs::read_to_string(desk.path("page.html")).unwrap();
    assert!(
        page.starts_with("<!DOCTYPE html>") && page.contains("20 test digits") && page.contains("<svg"),
        "{page}"
    );
    // Of every step, the page has what the terminal has: how many values were compared.
    let steps = said.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (name, count) = (words.next()?, words.next()?);
        ["integers", "reals"].contains(&words.next()?).then_some((name, count))
    });
    let steps: Vec<_> = steps.collect();
    assert!(steps.len() >= 4, "{said}");
    for (name, count) in steps {
        assert!(page.contains(name) && page.contains(count), "{name}, {count}");
    }
    let said =
        desk.fail("digit8 compare static.safetensors fused.safetensors --data data --html fused.safetensors");
    assert!(said.contains("fused.safetensors"), "{said}");
}
