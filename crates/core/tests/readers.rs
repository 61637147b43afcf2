//! Files that are cut short, changed, or say what is not so: an error that names it, or a model that works; never a panic.

use std::sync::LazyLock;

use digit8_core::Kernel;
use digit8_core::compare::logits;
use digit8_core::digits::PIXELS;
use digit8_core::file::{self, Info, Loaded, Model};
use digit8_core::float::Mlp;
use digit8_core::idx;
use digit8_core::int8::Scheme;
use digit8_core::quant::{Calibration, Granularity, calibrate, quantize};
use proptest::prelude::*;

/// A float32 file, and an int8 one of every kind.
static MODELS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mlp = Mlp::random([3, 2], 1).unwrap();
    let pixels: Vec<u8> = (0..2 * PIXELS).map(|at| (at * 7919 % 256) as u8).collect();
    let mut models = vec![Model::Float(mlp.clone())];
    for scheme in Scheme::ALL {
        let seen = || calibrate(&mlp, Kernel::Scalar, scheme, &pixels, |_| ());
        let calibration = Calibration::of(scheme, seen).unwrap();
        for granularity in [Granularity::PerTensor, Granularity::PerChannel] {
            models.push(Model::Int8(quantize(&mlp, calibration, granularity).unwrap()));
        }
    }
    models.iter().map(|model| file::write(model, &Info::new()).unwrap()).collect()
});

/// Reads a file, and if it is a model after all, does with it what programs do.
fn try_out(bytes: &[u8]) {
    let Ok(Loaded { model, info, .. }) = file::read(bytes) else { return };
    let pixels: Vec<u8> = (0..PIXELS).map(|at| at as u8).collect();
    for kernel in Kernel::available() {
        assert_eq!(logits(&model, kernel, &pixels).len(), 10);
    }
    // NaN is in no model that can be read, so what was written is what is read.
    let again = file::read(&file::write(&model, &info).unwrap()).unwrap().model;
    assert_eq!(again, model);
    if let Model::Float(mlp) = &model
        && let Ok(seen) = calibrate(mlp, Kernel::Scalar, Scheme::Static, &pixels, |_| ())
    {
        let _ = quantize(mlp, Calibration::Static(seen), Granularity::PerTensor);
    }
}

/// A model's file with another header: `edit` changes its JSON text.
fn with_header(bytes: &[u8], edit: impl Fn(&str) -> String) -> Vec<u8> {
    let (length, rest) = bytes.split_first_chunk().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let mut header = edit(str::from_utf8(header).unwrap().trim_end());
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

/// A model's file with other bytes in a tensor: `value` over and over.
fn with_values(bytes: &[u8], tensor: &str, value: &[u8]) -> Vec<u8> {
    let start = 8 + u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..start]).unwrap();
    let offsets: [usize; 2] = serde_json::from_value(header[tensor]["data_offsets"].clone()).unwrap();
    let mut changed = bytes.to_vec();
    let values = changed[start + offsets[0]..start + offsets[1]].chunks_exact_mut(value.len());
    values.for_each(|old| old.copy_from_slice(value));
    changed
}

proptest! {
    #[test]
    fn a_model_cut_short_is_refused(which in 0..7usize, length in any::<prop::sample::Index>()) {
        let bytes = &MODELS[which];
        prop_assert!(file::read(&bytes[..length.index(bytes.len())]).is_err());
    }

    #[test]
    fn a_model_with_changed_bytes_does_not_panic(
        which in 0..7usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..4),
    ) {
        let mut bytes = MODELS[which].clone();
        let header = 8 + u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
        for (place, value, in_header) in changes {
            let limit = if in_header { header } else { bytes.len() };
            bytes[place.index(limit)] = value;
        }
        try_out(&bytes);
    }

    #[test]
    fn a_model_of_noise_does_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(file::read(&bytes).is_err());
        // The same, with a header of a plausible length.
        let noise = [&(bytes.len() as u64 / 2).to_le_bytes()[..], &bytes].concat();
        prop_assert!(file::read(&noise).is_err());
    }

    #[test]
    fn idx_cut_short_or_too_long_is_refused(count in 0..4u32, change in -20..20i64) {
        let images = [2051u32, count, 28, 28].map(u32::to_be_bytes).concat();
        let labels = [2049u32, count].map(u32::to_be_bytes).concat();
        let whole = [
            (images, count as usize * PIXELS, idx::images as fn(&[u8]) -> digit8_core::Result<Vec<u8>>),
            (labels, count as usize, idx::labels),
        ];
        for (mut bytes, body, read) in whole {
            bytes.resize(bytes.len() + body, 7);
            prop_assert_eq!(read(&bytes).unwrap(), vec![7; body]);
            let length = bytes.len().saturating_add_signed(change as isize);
            bytes.resize(length, 7);
            prop_assert_eq!(read(&bytes).is_ok(), change == 0);
        }
    }

    #[test]
    fn idx_of_noise_does_not_panic(magic in 2048..2053u32, sizes in any::<[u32; 3]>(), body in prop::collection::vec(any::<u8>(), 0..99)) {
        let mut bytes = [magic, sizes[0], sizes[1], sizes[2]].map(u32::to_be_bytes).concat();
        bytes.extend(body);
        for end in [0, 3, 8, 15, bytes.len()] {
            if let Ok(images) = idx::images(&bytes[..end.min(bytes.len())]) {
                prop_assert!(images.is_empty());
            }
            let _ = idx::labels(&bytes[..end.min(bytes.len())]);
        }
    }
}

#[test]
fn wrong_types_and_shapes_are_named() {
    let (float, int8) = (&MODELS[0], &MODELS[1]);
    let cases = [
        (float, "\"F32\"", "\"I32\"", "linear1.weight is I32, expected F32"),
        (float, "[3,784]", "[784,3]", "linear1.weight is [784, 3], expected"),
        (float, "[3,784]", "[2352]", "linear1.weight is [2352], expected two dimensions"),
        (float, "[2,3]", "[3,2]", "linear2.weight is [3, 2], expected [1 to 32768, 3]"),
        (float, "linear3.bias", "linear4.bias", "linear4.bias would be left out"),
        (float, "linear2.weight", "linear4.weight", "no tensor linear2.weight; the file has"),
        (float, "\"shape\":[2]", "\"shape\":[1,2]", "linear2.bias is [1, 2], expected one dimension"),
        (int8, "\"I8\"", "\"U8\"", "linear1.weight is U8, expected F32"),
        (int8, "quant.scale", "quant.sca1e", "no tensor quant.scale; the file has"),
        (int8, "\\\"scheme\\\"", "\\\"schema\\\"", "no scheme in the metadata"),
        (int8, "tensor\\\"", "matrix\\\"", "granularity \"matrix\", expected tensor or channel"),
        (int8, "static", "statik", "scheme \"statik\", expected static, fused or dynamic"),
    ];
    for (bytes, from, to, expected) in cases {
        let changed = with_header(bytes, |header| {
            assert!(header.contains(from), "{from} is in {header}");
            header.replace(from, to)
        });
        let message = file::read(&changed).unwrap_err().to_string();
        assert!(message.contains(expected), "{from} as {to}: {message}");
    }
}

#[test]
fn wrong_values_are_named() {
    let (float, int8) = (&MODELS[0], &MODELS[1]);
    let reals = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    for value in reals {
        for tensor in ["linear1.weight", "linear2.bias"] {
            let message =
                file::read(&with_values(float, tensor, &value.to_le_bytes())).unwrap_err().to_string();
            assert!(message.contains(tensor) && message.contains("expected finite numbers"), "{message}");
        }
        let changed = with_values(int8, "linear3.bias", &value.to_le_bytes());
        assert!(file::read(&changed).unwrap_err().to_string().contains("linear3.bias holds"));
    }
    for value in [0.0, -1.0, 1e-40].into_iter().chain(reals) {
        for tensor in ["linear1.weight_scale", "linear2.scale", "quant.scale"] {
            let message =
                file::read(&with_values(int8, tensor, &value.to_le_bytes())).unwrap_err().to_string();
            assert!(message.contains("expected a positive number"), "{tensor} of {value}: {message}");
        }
    }
    for value in [-1i64, 256, i64::MIN, i64::MAX] {
        let changed = with_values(int8, "linear2.zero_point", &value.to_le_bytes());
        let message = file::read(&changed).unwrap_err().to_string();
        assert!(message.contains(&format!("linear2.zero_point is {value}, expected 0 to 255")), "{message}");
    }
}

#[test]
fn extreme_weights_are_answered() {
    // The greatest finite weights make sums that are not; the least make none.
    for value in [f32::MAX, f32::MIN, f32::MIN_POSITIVE, 1e-45, -0.0] {
        for tensor in ["linear1.weight", "linear2.weight", "linear3.weight", "linear1.bias", "linear3.bias"] {
            try_out(&with_values(&MODELS[0], tensor, &value.to_le_bytes()));
        }
    }
    for value in [3e38f32, 1.2e-38] {
        for model in &MODELS[1..] {
            for tensor in ["linear1.weight_scale", "linear2.weight_scale", "linear3.weight_scale"] {
                try_out(&with_values(model, tensor, &value.to_le_bytes()));
            }
        }
    }
}
