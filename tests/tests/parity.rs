//! Given PyTorch's weights and the extremes its observers saw, every integer of every layer is PyTorch's, and every float
//! has its bits: 10,000 images, every scheme, every kernel of this machine.

use std::convert::Infallible;

use digit8_core::Kernel;
use digit8_core::compare::Confusion;
use digit8_core::digits::{CLASSES, PIXELS};
use digit8_core::int8::{Activations, QuantizedMlp, Scheme, Values};
use digit8_core::quant::{Calibration, Granularity, Observations, Range, calibrate, quantize};
use digit8_tests::equal::{assert_equal, assert_every_step};
use digit8_tests::golden::Golden;

const GRANULARITIES: [Granularity; 2] = [Granularity::PerTensor, Granularity::PerChannel];

fn calibration(golden: &Golden, scheme: Scheme) -> Calibration {
    let Ok(calibration) = Calibration::of(scheme, || Ok::<_, Infallible>(golden.observations(scheme)));
    calibration
}

fn network(golden: &Golden, scheme: Scheme, granularity: Granularity) -> QuantizedMlp {
    quantize(&golden.model(), calibration(golden, scheme), granularity).unwrap()
}

/// The file with PyTorch's values of a static scheme.
fn layers_file(scheme: Scheme, granularity: Granularity) -> String {
    match granularity {
        Granularity::PerTensor => format!("{scheme}_x86_layers_all.npz"),
        Granularity::PerChannel => format!("per-channel/{scheme}_minmax_perchannel_layers_all.npz"),
    }
}

#[test]
#[cfg_attr(
    not(pytorch_values),
    ignore = "needs PyTorch's values: DIGIT8_SHARED, or ../shared beside the checkout"
)]
fn int8_weights_are_pytorchs() {
    let golden = Golden::open();
    let files = [
        ("static_weights_int8.npz", Scheme::Static, Granularity::PerTensor),
        ("dynamic_weights_int8.npz", Scheme::Dynamic, Granularity::PerTensor),
        ("per-channel/static_minmax_perchannel_weights_int8.npz", Scheme::Static, Granularity::PerChannel),
    ];
    for (file, scheme, granularity) in files {
        let network = network(&golden, scheme, granularity);
        for (name, layer) in ["linear1", "linear2", "linear3"].iter().zip(network.layers()) {
            let theirs = golden.array::<i8>(file, name);
            assert_eq!(layer.weight.dim(), theirs.dim(), "{file} {name}: shape");
            assert_equal(&format!("{file} {name}"), &layer.weight, &theirs);
        }
    }
}

#[test]
#[cfg_attr(
    not(pytorch_values),
    ignore = "needs PyTorch's values: DIGIT8_SHARED, or ../shared beside the checkout"
)]
fn scales_and_zero_points_are_pytorchs() {
    let golden = Golden::open();
    let per_channel = golden.json("per-channel/results.json");
    let per_tensor = golden.json("qparams.json");
    for scheme in [Scheme::Static, Scheme::Fused] {
        for granularity in GRANULARITIES {
            let theirs = match granularity {
                Granularity::PerTensor => &per_tensor[scheme.name()],
                Granularity::PerChannel => &per_channel[format!("{scheme}_minmax_perchannel")],
            };
            let network = network(&golden, scheme, granularity);
            let Activations::Static { input, outputs, .. } = network.activations() else {
                panic!("{scheme} is a static scheme")
            };
            let float = |value: &serde_json::Value| value.as_f64().unwrap() as f32;
            let theirs = &theirs["qparams"];
            assert_eq!(input.scale.get(), float(&theirs["quant"]["scale"]));
            assert_eq!(u64::from(input.zero_point.0), theirs["quant"]["zero_point"]);
            for (number, (layer, output)) in (1..).zip(network.layers().iter().zip(outputs)) {
                let theirs = &theirs[format!("linear{number}")];
                assert_eq!(output.scale.get(), float(&theirs["out_scale"]), "{scheme} linear{number}");
                assert_eq!(
                    u64::from(output.zero_point.0),
                    theirs["out_zero_point"],
                    "{scheme} linear{number}"
                );
                for row in 0..layer.bias.len() {
                    let theirs = match granularity {
                        Granularity::PerTensor => &theirs["w_scale"],
                        Granularity::PerChannel => &theirs["w_scale"][row],
                    };
                    assert_eq!(layer.weight_scale.of(row).get(), float(theirs), "{scheme} linear{number}");
                }
            }
        }
    }
}

#[test]
#[cfg_attr(
    not(pytorch_values),
    ignore = "needs PyTorch's values: DIGIT8_SHARED, or ../shared beside the checkout"
)]
fn every_static_layer_is_pytorchs() {
    let golden = Golden::open();
    let digits = golden.test_digits();
    for scheme in [Scheme::Static, Scheme::Fused] {
        for granularity in GRANULARITIES {
            let network = network(&golden, scheme, granularity);
            let mut layers = golden.npz(&layers_file(scheme, granularity));
            assert_every_step(&network, digits.images(), digits.len(), &mut layers, str::to_owned);
        }
    }
}

#[test]
#[cfg_attr(
    not(pytorch_values),
    ignore = "needs PyTorch's values: DIGIT8_SHARED, or ../shared beside the checkout"
)]
fn every_dynamic_layer_is_pytorchs() {
    let golden = Golden::open();
    let digits = golden.test_digits().first(256);
    let network = network(&golden, Scheme::Dynamic, Granularity::PerTensor);
    let mut layers = golden.npz("dynamic_x86.npz");
    let cases = [
        (1, ["single_l1_256", "single_l2_256", "single_logits_256"]),
        (256, ["batch256_l1", "batch256_l2", "batch256_logits"]),
    ];
    for (batch, names) in cases {
        let name = |step: &str| match step {
            "linear1" => names[0].to_owned(),
            "linear2" => names[1].to_owned(),
            _ => names[2].to_owned(),
        };
        assert_every_step(&network, digits.images(), batch, &mut layers, name);
    }
}

#[test]
#[cfg_attr(
    not(pytorch_values),
    ignore = "needs PyTorch's values: DIGIT8_SHARED, or ../shared beside the checkout"
)]
fn as_many_digits_are_read_right() {
    let golden = Golden::open();
    let digits = golden.test_digits();
    let correct = |classify: &mut dyn FnMut(&[u8], &mut [f32]), batch: usize| {
        let mut logits = vec![0.0; digits.len() * CLASSES];
        let batches = digits.images().chunks(batch * PIXELS);
        batches.zip(logits.chunks_mut(batch * CLASSES)).for_each(|(pixels, logits)| classify(pixels, logits));
        Confusion::count(&logits, digits.labels())
    };
    let kernel = Kernel::best();
    let per_tensor = |scheme| network(&golden, scheme, Granularity::PerTensor).engine(kernel);

    let mut float = golden.model().engine(kernel);
    assert_eq!(correct(&mut |x, y| float.logits(x, y), 100).correct(), 9607);
    let mut int8 = per_tensor(Scheme::Static);
    assert_eq!(correct(&mut |x, y| int8.logits(x, y), 100).correct(), 9613);
    let mut int8 = per_tensor(Scheme::Fused);
    assert_eq!(correct(&mut |x, y| int8.logits(x, y), 100).correct(), 9605);
    let mut int8 = per_tensor(Scheme::Dynamic);
    let single = correct(&mut |x, y| int8.logits(x, y), 1);
    assert_eq!(single.correct(), 9610);
    assert_eq!(correct(&mut |x, y| int8.logits(x, y), digits.len()).correct(), 9606);

    let theirs = golden.json("results.json")["dynamic"]["x86"]["conf_single"].take();
    let theirs: [[u32; CLASSES]; CLASSES] = serde_json::from_value(theirs).unwrap();
    assert_eq!(single.0, theirs, "dynamic, one image at a time: confusion");
}

/// How far two orders of adding may lie apart, in units in the last place: a sum of 784 products is rounded 784 times, by
/// up to half a unit, which walks about √784 / 2 units from the exact sum. PyTorch is up to 4 units from itself, by the size
/// of its batches; our kernels are up to 7 from it.
const SUMMATION_ORDER: i32 = 14;

#[test]
#[cfg_attr(
    not(pytorch_values),
    ignore = "needs PyTorch's values: DIGIT8_SHARED, or ../shared beside the checkout"
)]
fn observers_see_what_pytorchs_see() {
    let golden = Golden::open();
    let digits = golden.test_digits();
    let mlp = golden.model();
    for scheme in [Scheme::Static, Scheme::Fused] {
        for kernel in Kernel::available() {
            // Some kernels add in another order where a batch has other images in it, and so does PyTorch.
            for batch in [10, digits.len()] {
                let ours = digits.images().chunks(batch * PIXELS);
                let ours: Vec<Observations> =
                    ours.map(|pixels| calibrate(&mlp, kernel, scheme, pixels, |_| ()).unwrap()).collect();
                for (name, theirs) in pytorchs_observations(&golden, scheme) {
                    let what = format!("{scheme} ({}), batches of {batch}, PyTorch's {name}", kernel.name());
                    assert_eq!(widest(&ours, |seen| seen.quant), theirs.quant, "{what}: no sum in pixels");
                    let layers = [
                        (widest(&ours, |seen| seen.linear1), theirs.linear1),
                        (widest(&ours, |seen| seen.linear2), theirs.linear2),
                        (widest(&ours, |seen| seen.linear3), theirs.linear3),
                    ];
                    for (number, (ours, theirs)) in (1..).zip(layers) {
                        let ulps = ulps(ours.min, theirs.min).max(ulps(ours.max, theirs.max));
                        assert!(ulps <= SUMMATION_ORDER, "{what}, linear{number}: {ulps} ulp apart");
                    }
                }
            }
        }
    }
}

/// What PyTorch's observers saw; of the static scheme also in batches of other sizes.
fn pytorchs_observations(golden: &Golden, scheme: Scheme) -> Vec<(String, Observations)> {
    let mut found = vec![("batches of 10".to_owned(), golden.observations(scheme))];
    if scheme == Scheme::Static {
        let by_batch = golden.json("results.json")["calibration_by_batch"].take();
        for (size, seen) in by_batch.as_object().unwrap() {
            let range = |name: &str| {
                let ends = &seen[format!("{name}.activation_post_process")];
                let end = |at: usize| ends[at].as_f64().unwrap() as f32;
                Range { min: end(0), max: end(1) }
            };
            let [quant, linear1, linear2, linear3] = ["quant", "linear1", "linear2", "linear3"].map(range);
            found.push((format!("batches {size}"), Observations { quant, linear1, linear2, linear3 }));
        }
        assert_eq!(found.len(), 4);
    }
    found
}

/// The range that holds those of all batches.
fn widest(batches: &[Observations], of: impl Fn(&Observations) -> Range) -> Range {
    let ranges = batches.iter().map(of);
    ranges.reduce(|a, b| Range { min: a.min.min(b.min), max: a.max.max(b.max) }).unwrap()
}

#[test]
#[cfg_attr(
    not(pytorch_values),
    ignore = "needs PyTorch's values: DIGIT8_SHARED, or ../shared beside the checkout"
)]
fn our_own_calibration_changes_next_to_nothing() {
    let golden = Golden::open();
    let digits = golden.test_digits();
    for scheme in [Scheme::Static, Scheme::Fused] {
        let theirs = network(&golden, scheme, Granularity::PerTensor).trace(Kernel::best(), digits.images());
        for kernel in Kernel::available() {
            let seen = || calibrate(&golden.model(), kernel, scheme, digits.images(), |_| ());
            let calibration = Calibration::of(scheme, seen).unwrap();
            let ours = quantize(&golden.model(), calibration, Granularity::PerTensor).unwrap();
            for (ours, theirs) in ours.trace(kernel, digits.images()).iter().zip(&theirs) {
                let (Values::Quantized(ours, our), Values::Quantized(theirs, their)) =
                    (&ours.values, &theirs.values)
                else {
                    continue;
                };
                assert_eq!(our.zero_point, their.zero_point);
                let different = ours.iter().zip(theirs).filter(|(a, b)| a != b).count();
                // As measured, 20 in a million, where a sum was as good as a tie.
                assert!(different * 10_000 <= ours.len(), "{scheme} ({}): {different}", kernel.name());
            }
        }
    }
}

/// The distance of two floats of one sign, in units in the last place.
fn ulps(a: f32, b: f32) -> i32 {
    (a.to_bits() as i32 - b.to_bits() as i32).abs()
}
