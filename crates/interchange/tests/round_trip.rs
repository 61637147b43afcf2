//! What is written means what digit8 computes, and is read back as what it was.

use digit8_core::Kernel;
use digit8_core::digits::PIXELS;
use digit8_core::file::{Info, Model};
use digit8_core::float::Mlp;
use digit8_core::int8::{QuantizedMlp, Scheme, Values as Step};
use digit8_core::quant::{Calibration, Granularity, calibrate, quantize};
use digit8_core::random::Random;
use digit8_interchange::evaluate::run;
use digit8_interchange::export::{Form, Input, Options, export};
use digit8_interchange::import::{Scaling, decode, import};
use digit8_interchange::tensor::{Tensor, Values};

const KERNEL: Kernel = Kernel::Scalar;
const IMAGES: usize = 20;

fn images() -> Vec<u8> {
    let mut random = Random::new(7);
    let mut pixel = || if random.below(4) == 0 { random.below(256) as u8 } else { 0 };
    (0..IMAGES * PIXELS).map(|_| pixel()).collect()
}

fn networks() -> Vec<(String, QuantizedMlp)> {
    let mlp = Mlp::random([30, 20], 5).unwrap();
    let mut networks = Vec::new();
    for scheme in Scheme::ALL {
        for granularity in [Granularity::PerTensor, Granularity::PerChannel] {
            let seen = || calibrate(&mlp, KERNEL, scheme, &images(), |_| ());
            let int8 = quantize(&mlp, Calibration::of(scheme, seen).unwrap(), granularity).unwrap();
            networks.push((format!("{scheme} {granularity:?}"), int8));
        }
    }
    networks
}

fn options(form: Form) -> Options {
    Options { form, input: Input::Pixels, all_layers: true }
}

fn evaluated(model: &Model, form: Form, pixels: &[u8]) -> Vec<(String, Tensor)> {
    let file = decode(&export(model, options(form), &Info::new())).unwrap();
    run(&file, Tensor::new(vec![pixels.len() / PIXELS, PIXELS], Values::U8(pixels.to_vec())).unwrap())
        .unwrap()
}

#[test]
fn the_exact_form_means_digit8s_integers_in_every_layer() {
    for (name, int8) in networks() {
        let tensors = evaluated(&Model::Int8(int8.clone()), Form::Exact, &images());
        let tensor = |name: &str| &tensors.iter().find(|(found, _)| found == name).expect(name).1.values;
        for step in int8.trace(KERNEL, &images()) {
            let expected = match step.values {
                Step::Quantized(integers, _) => Values::U8(integers.iter().copied().collect()),
                Step::Real(reals) => Values::F32(reals.iter().copied().collect()),
            };
            // The last step of a static network is the output itself.
            let found = tensor(if step.name == "dequant" { "logits" } else { step.name });
            assert!(*found == expected, "{name}: {}", step.name);
        }
    }
}

#[test]
fn the_qdq_form_differs_in_few_integers_and_by_one() {
    for (name, int8) in networks() {
        if int8.scheme() == Scheme::Dynamic {
            continue;
        }
        let tensors = evaluated(&Model::Int8(int8.clone()), Form::Qdq, &images());
        let (mut different, mut all) = (0, 0);
        for step in int8.trace(KERNEL, &images()) {
            let Step::Quantized(expected, _) = step.values else { continue };
            let (_, found) = tensors.iter().find(|(found, _)| found == step.name).expect(step.name);
            let Values::U8(found) = &found.values else { panic!("{name}: {} is not uint8", step.name) };
            for (found, expected) in found.iter().zip(&expected) {
                assert!(found.abs_diff(*expected) <= 1, "{name}: {}: {found} and {expected}", step.name);
                different += usize::from(found != expected);
                all += 1;
            }
        }
        assert!(different * 100 <= all, "{name}: {different} of {all}");
    }
}

#[test]
fn a_float_network_comes_back_to_the_bit() {
    let model = Model::Float(Mlp::random([30, 20], 3).unwrap());
    for input in [Input::Pixels, Input::Normalized] {
        let file = export(&model, Options { input, ..options(Form::Exact) }, &Info::new());
        let back = import(&file, Scaling::Normalized).unwrap();
        assert_eq!(back.model, model);
        assert!(back.notes.is_empty(), "{:?}", back.notes);
    }
}

#[test]
fn a_qdq_network_comes_back_but_for_the_bias_that_became_an_integer() {
    for (name, int8) in networks() {
        let file = export(&Model::Int8(int8.clone()), options(Form::Qdq), &Info::new());
        let back = import(&file, Scaling::Normalized);
        if int8.scheme() == Scheme::Dynamic {
            assert!(back.unwrap_err().to_string().contains("DynamicQuantizeLinear"), "{name}");
            continue;
        }
        let Model::Int8(back) = back.unwrap().model else { panic!("{name} came back as a float network") };
        assert_eq!(back.activations(), int8.activations(), "{name}");
        for (back, layer) in back.layers().iter().zip(int8.layers()) {
            assert_eq!((&back.weight, &back.weight_scale), (&layer.weight, &layer.weight_scale), "{name}");
            for (back, bias) in back.bias.iter().zip(&layer.bias) {
                assert!((back - bias).abs() < 1e-3, "{name}: {back} and {bias}");
            }
        }
    }
}

#[test]
fn pixels_of_another_scaling_are_taken_into_the_first_layer() {
    let mlp = Mlp::random([30, 20], 3).unwrap();
    let file = export(
        &Model::Float(mlp.clone()),
        Options { input: Input::Normalized, ..options(Form::Exact) },
        &Info::new(),
    );
    let Model::Float(unit) = import(&file, Scaling::Unit).unwrap().model else { panic!("a float network") };
    // The same network, as if it had been trained on p / 255: for a normalised n that is 0.3081 · n + 0.1307.
    let (before, after) = (&mlp.layers()[0], &unit.layers()[0]);
    assert!((after.weight[[4, 100]] - before.weight[[4, 100]] * 0.3081).abs() < 1e-7);
    let sum: f32 = before.weight.row(4).sum();
    assert!((after.bias[4] - (before.bias[4] + 0.1307 * sum)).abs() < 1e-5);
}
