//! Model files as people bring them: other names, other number types, other containers; and digit8's own, back again.

use digit8_core::Kernel;
use digit8_core::compare::logits;
use digit8_core::digits::PIXELS;
use digit8_core::file::{self, Entry, Info, Loaded, Model, Tensors};
use digit8_core::float::Mlp;
use digit8_core::int8::{QuantizedMlp, Scheme};
use digit8_core::quant::{Calibration, Granularity, calibrate, quantize};
use serde_json::{Map, json};

/// A tensor: its name, type, shape and bytes.
type Tensor = (String, &'static str, Vec<usize>, Vec<u8>);

/// A safetensors file.
fn safetensors(tensors: &[Tensor], metadata: Option<serde_json::Value>) -> Vec<u8> {
    let (mut header, mut data) = (Map::new(), Vec::new());
    if let Some(metadata) = metadata {
        header.insert("__metadata__".into(), metadata);
    }
    for (name, dtype, shape, bytes) in tensors {
        let offsets = [data.len(), data.len() + bytes.len()];
        header.insert(name.clone(), json!({ "dtype": dtype, "shape": shape, "data_offsets": offsets }));
        data.extend(bytes);
    }
    let header = serde_json::to_vec(&header).unwrap();
    [&(header.len() as u64).to_le_bytes(), &header[..], &data].concat()
}

fn f32s(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}

fn network() -> Mlp {
    Mlp::random([6, 5], 1).unwrap()
}

/// The network's tensors, with layers of these names.
fn tensors(mlp: &Mlp, names: [&str; 3]) -> Vec<Tensor> {
    let layers = names.iter().zip(mlp.layers());
    let pair = layers.map(|(name, layer)| {
        let weight = f32s(layer.weight.iter().copied());
        let bias = f32s(layer.bias.iter().copied());
        [
            (format!("{name}.weight"), "F32", layer.weight.shape().to_vec(), weight),
            (format!("{name}.bias"), "F32", vec![layer.bias.len()], bias),
        ]
    });
    pair.flatten().collect()
}

const LAYERS: [&str; 3] = ["linear1", "linear2", "linear3"];

fn read(tensors: &[Tensor]) -> (Model, Vec<String>) {
    let Loaded { model, notes, .. } = file::read(&safetensors(tensors, None)).unwrap();
    (model, notes)
}

fn refusal(tensors: &[Tensor]) -> String {
    file::read(&safetensors(tensors, None)).unwrap_err().to_string()
}

#[test]
fn layers_of_other_names_are_read_and_that_is_said() {
    let mlp = network();
    assert_eq!(read(&tensors(&mlp, LAYERS)), (Model::Float(mlp.clone()), vec![]));
    for names in [
        ["_orig_mod.linear1", "_orig_mod.linear2", "_orig_mod.linear3"],
        ["module.model.fc1", "module.model.fc2", "module.model.fc3"],
        ["0", "2", "4"],
        ["input", "hidden", "output"],
    ] {
        let (model, notes) = read(&tensors(&mlp, names));
        assert_eq!(model, Model::Float(mlp.clone()), "{names:?}");
        assert_eq!(notes, [format!("{} are read as linear1, linear2, linear3", names.join(", "))]);
    }
    // An error of such a file says its names.
    let mut narrow = tensors(&mlp, ["0", "2", "4"]);
    narrow[2] = ("2.weight".into(), "F32", vec![5, 3], f32s([0.0; 15]));
    let said = refusal(&narrow);
    assert!(said.contains("linear2.weight is [5, 3], expected"), "{said}");
    assert!(said.ends_with("(0, 2, 4 being linear1, linear2, linear3)"), "{said}");
}

#[test]
fn layers_without_a_bias_have_zeros() {
    let mut layers = network().layers().clone();
    layers[0].bias.fill(0.0);
    layers[2].bias.fill(0.0);
    let mlp = Mlp::new(layers).unwrap();
    let mut file = tensors(&mlp, LAYERS);
    file.retain(|(name, ..)| name != "linear1.bias" && name != "linear3.bias");
    assert_eq!(read(&file), (Model::Float(mlp), vec!["no bias in linear1, linear3: zeros".into()]));
}

/// A header of three matrices without columns, and of as many rows as can be counted.
struct NothingButRows;

impl Tensors for NothingButRows {
    fn names(&self) -> Vec<String> {
        LAYERS.map(|layer| format!("{layer}.weight")).into()
    }

    fn entry(&self, _: &str) -> Option<Entry> {
        Some(Entry { dtype: "F32".into(), shape: vec![usize::MAX, 0], bytes: 0..0 })
    }

    fn origin(&self, _: &str) -> Option<String> {
        None
    }
}

#[test]
fn a_matrix_of_nothing_but_rows_is_refused_before_it_is_given_biases() {
    let error = file::model(&NothingButRows, &[]).unwrap_err().to_string();
    assert!(error.contains("linear1"), "{error}");
}

#[test]
fn other_float_types_are_read_and_that_is_said() {
    // Weights that every type can hold.
    let mut layers = network().layers().clone();
    for layer in &mut layers {
        layer.weight.mapv_inplace(|w| f32::from_bits(w.to_bits() & 0xffff_0000).clamp(-1.0, 1.0));
        layer.weight.mapv_inplace(|w| if w.abs() < 1e-3 { 0.0 } else { w });
        layer.bias.fill(-0.375);
    }
    let mlp = Mlp::new(layers).unwrap();
    // A float of 7 bits of fraction, as a half: the exponent is biased by 15 and not by 127.
    let half =
        |x: f32| match (x.to_bits() >> 16 & 0x8000, x.to_bits() >> 23 & 0xff, x.to_bits() >> 13 & 0x3ff) {
            (sign, 0, _) => sign as u16,
            (sign, exponent, fraction) => (sign | (exponent - 112) << 10 | fraction) as u16,
        };
    let as_type = |dtype: &'static str, encode: &dyn Fn(f32) -> Vec<u8>| {
        let mut file = tensors(&mlp, LAYERS);
        for (_, of, _, bytes) in &mut file {
            *of = dtype;
            *bytes =
                bytes.as_chunks().0.iter().flat_map(|&bytes| encode(f32::from_le_bytes(bytes))).collect();
        }
        file
    };
    for (file, note) in [
        (as_type("F16", &|x| half(x).to_le_bytes().into()), "F16 became F32, without a loss"),
        (
            as_type("BF16", &|x| ((x.to_bits() >> 16) as u16).to_le_bytes().into()),
            "BF16 became F32, without a loss",
        ),
        (as_type("F64", &|x| f64::from(x).to_le_bytes().into()), "F64 was rounded to F32"),
    ] {
        assert_eq!(read(&file), (Model::Float(mlp.clone()), vec![note.into()]));
        // One such tensor among others.
        let mut mixed = tensors(&mlp, LAYERS);
        mixed[3] = file[3].clone();
        assert_eq!(read(&mixed), (Model::Float(mlp.clone()), vec![note.into()]));
    }
    let said = refusal(&as_type("F64", &|x| (1e300 * f64::from(x)).to_le_bytes().into()));
    assert!(said.contains("linear1.weight holds a number that is too large for F32"), "{said}");
    let said = refusal(&as_type("I32", &|_| vec![0; 4]));
    assert!(said.contains("linear1.weight is I32, expected F32"), "{said}");
}

#[test]
fn tensors_that_are_not_read_are_refused_by_name() {
    let mlp = network();
    let with = |more: &[(&str, &'static str, &[usize], usize)]| {
        let mut file = tensors(&mlp, LAYERS);
        for &(name, dtype, shape, bytes) in more {
            file.push((name.into(), dtype, shape.to_vec(), vec![0; bytes]));
        }
        file
    };
    let batch_norm = with(&[
        ("bn1.weight", "F32", &[6], 24),
        ("bn1.bias", "F32", &[6], 24),
        ("bn1.running_mean", "F32", &[6], 24),
        ("bn1.running_var", "F32", &[6], 24),
        ("bn1.num_batches_tracked", "I64", &[], 8),
    ]);
    let said = refusal(&batch_norm);
    assert!(
        said.contains("bn1.bias, bn1.running_mean, bn1.running_var, bn1.weight would be left out"),
        "{said}"
    );
    let four = with(&[("linear4.weight", "F32", &[10, 10], 400), ("linear4.bias", "F32", &[10], 40)]);
    let said = refusal(&four);
    assert!(said.contains("linear4.bias, linear4.weight would be left out"), "{said}");
    let mut four_of_other_names = tensors(&mlp, ["fc1", "fc2", "fc3"]);
    four_of_other_names.push(("fc4.weight".into(), "F32", vec![10, 10], vec![0; 400]));
    let said = refusal(&four_of_other_names);
    assert!(said.contains("4 weight matrices (fc1.weight, fc2.weight, fc3.weight, fc4.weight)"), "{said}");
    assert!(refusal(&with(&[("empty", "F32", &[0], 0)])).contains("empty would be left out"));
    let observed = with(&[
        ("linear1.activation_post_process.min_val", "F32", &[], 4),
        ("linear1.activation_post_process.histogram", "F32", &[2048], 8192),
        ("bn1.num_batches_tracked", "I64", &[], 8),
    ]);
    let (model, notes) = read(&observed);
    assert_eq!(model, Model::Float(mlp));
    assert!(notes[0].contains("passed over") && notes[0].contains("bn1.num_batches_tracked"), "{notes:?}");
}

#[test]
fn a_handful_of_foreign_names_is_printed() {
    let foreign: Vec<Tensor> =
        (0..3000).map(|n| (format!("x.{n}\u{1b}[2J"), "F32", vec![], vec![0; 4])).collect();
    let said = refusal(&foreign);
    assert!(said.contains("and 2994 more") && said.len() < 250 && !said.contains('\u{1b}'), "{said}");
    let said = refusal(&[tensors(&network(), LAYERS), foreign].concat());
    assert!(said.contains("and 2994 more would be left out") && said.len() < 300, "{said}");
}

#[test]
fn other_containers_are_named() {
    let cases: [(&[u8], &str); 15] = [
        (b"", "it is empty"),
        (b"PK\x03\x04____________________\x10\0\0\0archive/data.pklFB", "pickle of PyTorch"),
        (
            b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.",
            "save_file(torch.load(\"model.pt\", map_location=\"cpu\")",
        ),
        (b"PK\x03\x04__________________________linear1.weight.npy", "archive of NumPy arrays"),
        (b"PK\x03\x04", "a zip archive"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "`git lfs pull`"),
        (b"\n <!DOCTYPE html><html><body>Not found</body></html>", "a web page"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "compressed with gzip"),
        (b"\x08\x08\x12\x07pytorch\x1a\x062.15.0", "an ONNX model"),
        (b"{\"linear1.weight\": [[1, 2, 3]]}", "it is JSON"),
        (b"\x93NUMPY\x01\0v\0{'descr': '<f4'", "one NumPy array"),
        (b"\0\0\x08\x03\0\0\x27\x10\0\0\0\x1c\0\0\0\x1c", "an IDX file of images"),
        (b"404: Not Found", "it is text: 404: Not Found"),
        (&[0xff; 40], "expected safetensors"),
        (b"\0\0\0\0\0\0\0\x80{}", "its header should have 9223372036854775808 bytes"),
    ];
    for (bytes, expected) in cases {
        let said = file::read(bytes).unwrap_err().to_string();
        assert!(said.starts_with("not a model file: ") && said.contains(expected), "{bytes:?}: {said}");
    }
}

#[test]
fn damage_is_named() {
    let whole = safetensors(&tensors(&network(), LAYERS), None);
    let said = |bytes: &[u8]| file::read(bytes).unwrap_err().to_string();
    let cut = said(&whole[..whole.len() - 3]);
    assert!(
        cut.contains("cut short: linear3.bias ends at byte") || cut.contains("cut short: linear3"),
        "{cut}"
    );
    assert!(said(&[&whole[..], &[0; 16]].concat()).contains("16 bytes follow its last tensor"));
    let header = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes(), &[0; 8]].concat();
    let tensor = |start, end| format!(r#"{{"dtype":"F32","shape":[1],"data_offsets":[{start},{end}]}}"#);
    let twice =
        header(&format!(r#"{{"a\"b":{},"c":{},"a\"b":{}}}"#, tensor(0, 4), tensor(4, 8), tensor(8, 12)));
    assert!(said(&twice).contains("the name a\\\"b twice"), "{}", said(&twice));
    let overlap = header(&format!(r#"{{"a":{},"b":{}}}"#, tensor(0, 4), tensor(2, 6)));
    assert!(said(&overlap).contains("b lies at bytes 2 to 6, expected a start at 4"));
    let large = header(r#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#);
    assert!(said(&large).contains("a has 8 bytes, which is not what F32 [3] takes"));
    for entry in [r#"{"dtype":"F32"}"#, "3", r#"{"dtype":"F32","shape":[-1],"data_offsets":[0,8]}"#] {
        let odd = header(&format!(r#"{{"a":{entry}}}"#));
        assert!(said(&odd).contains("a is not described as a tensor"), "{entry}: {}", said(&odd));
    }
    assert!(said(&header(r#"{"a": NaN}"#)).contains("its header is not the JSON expected"));
}

#[test]
fn metadata_of_others_is_no_hindrance() {
    let file = |metadata| file::read(&safetensors(&tensors(&network(), LAYERS), Some(metadata))).unwrap();
    assert!(file(json!({ "epoch": 3, "format": "pt" })).notes.is_empty());
    assert_eq!(file(json!({ "digit8": r#"{"epochs": 3}"# })).info["epochs"], "3");
    let foreign = file(json!({ "digit8": "made with 0.1" }));
    assert!(foreign.info.is_empty() && foreign.notes[0].contains("metadata"), "{:?}", foreign.notes);
}

/// An int8 network with a layer of one channel, where a scale for the matrix is as many as scales for the channels.
fn one_channel(seed: u64, scheme: Scheme, granularity: Granularity) -> QuantizedMlp {
    let mlp = Mlp::random([1, 1], seed).unwrap();
    let pixels: Vec<u8> = (0..20 * PIXELS).map(|at| (at * 7919 % 256) as u8).collect();
    let seen = || calibrate(&mlp, Kernel::Scalar, scheme, &pixels, |_| ());
    quantize(&mlp, Calibration::of(scheme, seen).unwrap(), granularity).unwrap()
}

#[test]
fn an_int8_model_comes_back_as_the_same_network() {
    let pixels: Vec<u8> = (0..50 * PIXELS).map(|at| (at * 104_729 % 256) as u8).collect();
    for seed in 0..10 {
        for scheme in Scheme::ALL {
            for granularity in [Granularity::PerTensor, Granularity::PerChannel] {
                let int8 = one_channel(seed, scheme, granularity);
                let model = Model::Int8(int8);
                let back = file::read(&file::write(&model, &Info::new()).unwrap()).unwrap();
                assert_eq!(
                    (&back.model, &back.notes[..]),
                    (&model, &[][..]),
                    "{seed} {scheme} {granularity:?}"
                );
                let answers = |model| logits(model, Kernel::Scalar, &pixels);
                assert_eq!(answers(&back.model), answers(&model));
            }
        }
    }
}

#[test]
fn each_layer_has_its_own_granularity() {
    let [first, ..] = one_channel(1, Scheme::Dynamic, Granularity::PerChannel).layers().clone();
    let int8 = one_channel(1, Scheme::Dynamic, Granularity::PerTensor);
    let [_, second, third] = int8.layers().clone();
    let mixed = QuantizedMlp::new([first, second, third], *int8.activations()).unwrap();
    let bytes = file::write(&Model::Int8(mixed.clone()), &Info::new()).unwrap();
    assert_eq!(file::read(&bytes).unwrap().info["granularity"], "channel,tensor,tensor");
    assert_eq!(file::read(&bytes).unwrap().model, Model::Int8(mixed));
}

#[test]
fn older_files_do_not_say_their_granularity() {
    for granularity in [Granularity::PerTensor, Granularity::PerChannel] {
        let mlp = network();
        let int8 = Model::Int8(quantize(&mlp, Calibration::Dynamic, granularity).unwrap());
        let bytes = file::write(&int8, &Info::new()).unwrap();
        let length = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
        let header = str::from_utf8(&bytes[8..8 + length]).unwrap().trim_end();
        let says = format!("\\\"granularity\\\":\\\"{}\\\",", granularity.name());
        assert!(header.contains(&says), "{header}");
        let header = header.replace(&says, "");
        let older = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &bytes[8 + length..]].concat();
        let read = file::read(&older).unwrap();
        assert_eq!(read.model, int8);
        assert!(!read.info.contains_key("granularity"));
    }
}
