//! A difference that was made on purpose is found, and its cause named.

use digit8_core::Kernel;
use digit8_core::digits::PIXELS;
use digit8_core::file::{Info, Model};
use digit8_core::float::Mlp;
use digit8_core::int8::{QuantizedMlp, Scheme};
use digit8_core::quant::{Calibration, Granularity, Scale, WeightScale, calibrate, quantize};
use digit8_core::random::Random;
use digit8_interchange::compare::{Arithmetic, Cause, Comparison, Subject, compare};
use digit8_interchange::export::{Form, Input, Options, export};
use digit8_interchange::import::Scaling;

const KERNEL: Kernel = Kernel::Scalar;

fn images(seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut pixel = || if random.below(4) == 0 { random.below(256) as u8 } else { 0 };
    (0..60 * PIXELS).map(|_| pixel()).collect()
}

fn quantized(scheme: Scheme, granularity: Granularity, calibration: u64) -> QuantizedMlp {
    let mlp = Mlp::random([60, 40], 5).unwrap();
    let seen = || calibrate(&mlp, KERNEL, scheme, &images(calibration), |_| ());
    quantize(&mlp, Calibration::of(scheme, seen).unwrap(), granularity).unwrap()
}

fn network(mlp: QuantizedMlp) -> Subject {
    Subject::Network(Box::new(Model::Int8(mlp)))
}

fn graph(mlp: &QuantizedMlp, form: Form) -> Subject {
    let options = Options { form, input: Input::Pixels, all_layers: false };
    let bytes = export(&Model::Int8(mlp.clone()), options, &Info::new());
    Subject::of_onnx(&bytes, Scaling::Normalized).unwrap()
}

fn compared(a: &Subject, b: &Subject) -> Comparison {
    compare(a, b, KERNEL, &images(1), |_| ()).unwrap()
}

fn causes(comparison: &Comparison) -> Vec<Cause> {
    let mut causes: Vec<Cause> = comparison.parameters.iter().map(|parameter| parameter.cause).collect();
    causes.dedup();
    causes
}

#[test]
fn a_network_and_its_exact_graph_are_the_same_in_every_step() {
    for scheme in Scheme::ALL {
        let int8 = quantized(scheme, Granularity::PerTensor, 1);
        let comparison = compared(&network(int8.clone()), &graph(&int8, Form::Exact));
        assert_eq!(comparison.images, 60);
        assert_eq!(comparison.digits, (0, None));
        assert_eq!(comparison.steps.len(), if scheme == Scheme::Dynamic { 3 } else { 4 });
        for step in &comparison.steps {
            assert!(step.on_integers == (scheme != Scheme::Dynamic), "{scheme} {}", step.name);
            assert_eq!((step.differing, step.place), (0, None), "{scheme} {}", step.name);
        }
    }
}

#[test]
fn what_qdq_does_otherwise_is_named() {
    let int8 = quantized(Scheme::Static, Granularity::PerTensor, 1);
    let comparison = compared(&network(int8.clone()), &graph(&int8, Form::Qdq));
    assert_eq!(causes(&comparison), [Cause::Bias]);
    // Real numbers divided by the scale, as the graph says, account for all or nearly all of its integers.
    for explained in &comparison.arithmetic {
        assert!(explained.unexplained <= explained.differing, "{explained:?}");
        assert!(explained.unexplained <= 2, "{explained:?}");
    }
    assert_eq!(comparison.steps[0].differing, 0);
}

#[test]
fn each_changed_parameter_has_its_cause() {
    let first = || network(quantized(Scheme::Fused, Granularity::PerTensor, 1));
    let against = |second: QuantizedMlp| causes(&compared(&first(), &network(second)));
    assert_eq!(against(quantized(Scheme::Fused, Granularity::PerTensor, 1)), []);
    assert_eq!(against(quantized(Scheme::Fused, Granularity::PerChannel, 1)), [Cause::Granularity]);
    assert_eq!(against(quantized(Scheme::Fused, Granularity::PerTensor, 2)), [Cause::Range]);
    let scheme = against(quantized(Scheme::Static, Granularity::PerTensor, 1));
    assert_eq!(scheme[0], Cause::Scheme);
    let int8 = quantized(Scheme::Fused, Granularity::PerTensor, 1);
    let mut layers = int8.layers().clone();
    for layer in &mut layers {
        let WeightScale::PerTensor(scale) = layer.weight_scale else { panic!("one scale") };
        layer.weight_scale = WeightScale::PerTensor(Scale::new(scale.get() * 127.5 / 127.0).unwrap());
    }
    assert_eq!(against(QuantizedMlp::new(layers, *int8.activations()).unwrap()), [Cause::Divisor]);
}

#[test]
fn the_first_place_where_networks_part_is_the_first() {
    let first = quantized(Scheme::Fused, Granularity::PerTensor, 1);
    let mut layers = first.layers().clone();
    layers[1].bias[7] += 3.0;
    let second = QuantizedMlp::new(layers, *first.activations()).unwrap();
    let comparison = compared(&network(first), &network(second));
    let [quant, linear1, linear2, _] = &comparison.steps[..] else { panic!("four steps") };
    assert_eq!((quant.differing, linear1.differing), (0, 0));
    let place = linear2.place.unwrap();
    assert_eq!(place.output, 7);
    assert!(place.second > place.first);
    assert!(linear2.differing <= comparison.images);
}

#[test]
fn every_arithmetic_is_pytorchs_but_for_rare_integers() {
    let int8 = quantized(Scheme::Fused, Granularity::PerTensor, 1);
    let trace = int8.trace(KERNEL, &images(1)[..PIXELS]);
    let integers =
        |index: usize| trace[index].values.as_integers().unwrap().iter().copied().collect::<Vec<u8>>();
    let digit8_core::int8::Activations::Static { input, outputs, .. } = *int8.activations() else {
        panic!("static")
    };
    let found =
        |arithmetic: Arithmetic| arithmetic.outputs(&int8.layers()[0], input, outputs[0], true, &integers(0));
    assert_eq!(found(Arithmetic::PyTorch), integers(1));
    for arithmetic in Arithmetic::ALL {
        for (found, expected) in found(arithmetic).iter().zip(integers(1)) {
            assert!(found.abs_diff(expected) <= 1, "{arithmetic:?}: {found} and {expected}");
        }
    }
}
