//! Observers are PyTorch's to the bit, given the same arrays in the same batches (`tests/fixtures/observers.py` made the values).

use digit8_core::Kernel;
use digit8_core::digits::{PIXELS, normalized};
use digit8_core::int8::{Activations, QuantizedMlp, Scheme, Step, Values};
use digit8_core::quant::observers::HistogramObserver;
use digit8_core::quant::{
    Calibration, Granularity, Grid, Observer, ObserverKind, QParams, Range, Scale, ZeroPoint, quantize,
};
use digit8_tests::equal::assert_equal;
use digit8_tests::fixtures;
use digit8_tests::golden::Golden;
use digit8_tests::npz::Npz;

const KINDS: [ObserverKind; 3] =
    [ObserverKind::MIN_MAX, ObserverKind::MOVING_AVERAGE, ObserverKind::HISTOGRAM];

fn grids() -> [(&'static str, Grid); 3] {
    let full = Grid::activations(8).unwrap();
    [("reduced", Grid::REDUCED), ("full", full), ("pt2e", Grid { epsilon: 2f32.powi(-12), ..full })]
}

/// Every case: its name and its batches, in order.
fn cases(file: &mut Npz) -> Vec<(String, Vec<Vec<f32>>)> {
    let mut names = file.names();
    names.sort();
    let mut cases: Vec<(String, Vec<Vec<f32>>)> = vec![];
    for name in &names {
        if let Some((case, _)) = name.split_once(".batch") {
            if cases.last().is_none_or(|(last, _)| last != case) {
                cases.push((case.into(), vec![]));
            }
            cases.last_mut().unwrap().1.push(file.vector(name).to_vec());
        }
    }
    cases
}

fn ends(Range { min, max }: Range) -> [f32; 2] {
    [min, max]
}

#[test]
fn scales_and_zero_points_are_pytorchs() {
    let mut file = fixtures::npz("observers.npz");
    let known = file.names();
    let cases = cases(&mut file);
    assert!(cases.len() > 30);
    let mut compared = 0;
    for (case, batches) in cases {
        for kind in KINDS {
            let mut observer = kind.observer();
            batches.iter().for_each(|batch| observer.observe(batch));
            for (grid_name, grid) in grids() {
                let what = format!("{case}.{kind}.{grid_name}");
                let ours = observer.qparams(&what, &grid);
                if known.contains(&what) {
                    let QParams { scale, zero_point, .. } = ours.unwrap();
                    assert_equal(&what, &[scale.get(), zero_point.0.into()], &file.vector(&what));
                    compared += 1;
                } else {
                    assert!(ours.is_err(), "{what} is an error of PyTorch's, here it is {ours:?}");
                }
            }
        }
    }
    assert!(compared > 250, "{compared}");
}

#[test]
fn histograms_and_their_ranges_are_pytorchs() {
    let mut file = fixtures::npz("observers.npz");
    let known = file.names();
    let mut compared = 0;
    for (case, batches) in cases(&mut file) {
        if !known.contains(&format!("{case}.histogram.counts")) {
            continue;
        }
        let mut observer = HistogramObserver::default();
        batches.iter().for_each(|batch| observer.observe(batch));
        let mut of = |name: &str| file.vector::<f32>(&format!("{case}.histogram.{name}"));
        assert_equal(&format!("{case}: seen"), &ends(observer.seen()), &of("seen"));
        assert_equal(&format!("{case}: histogram"), observer.counts(), &of("counts"));
        let chosen = observer.range(&Grid::REDUCED);
        assert_equal(&format!("{case}: range"), &ends(chosen), &of("chosen"));
        compared += 1;
    }
    assert!(compared > 28, "{compared}");
}

#[test]
fn weights_scales_of_each_row_are_pytorchs() {
    let mut file = fixtures::npz("observers.npz");
    let (weight, scales) = (file.matrix::<f32>("weight"), file.vector::<f32>("weight.scales"));
    let rows = weight.rows().into_iter().map(|row| {
        let range = ObserverKind::MIN_MAX.range_of(&row.to_vec(), &Grid::WEIGHTS);
        Grid::WEIGHTS.scale("weight", range).unwrap().get()
    });
    assert_equal("scales of rows", &rows.collect::<Vec<_>>(), &scales);
}

/// What `get_default_qconfig('x86')` makes of the notebook's network, given its scales.
#[test]
#[cfg_attr(
    not(pytorch_values),
    ignore = "needs PyTorch's values: DIGIT8_SHARED, or ../shared beside the checkout"
)]
fn default_recipe_for_x86_is_pytorchs() {
    let golden = Golden::open();
    let digits = golden.test_digits();
    let results = golden.json("histogram/results.json");
    for scheme in [Scheme::Static, Scheme::Fused] {
        let result = &results[format!("{scheme}_x86_default_hist")];
        let qparams = |name: &str| {
            let observer = &result["observers"][format!("{name}.activation_post_process")];
            let scale = Scale::new(observer["scale"][0].as_f64().unwrap() as f32).unwrap();
            QParams::new(scale, ZeroPoint(observer["zero_point"][0].as_u64().unwrap() as u8))
        };
        let outputs = ["linear1", "linear2", "linear3"].map(qparams);
        let mlp = golden.model();
        let network = quantize(&mlp, Calibration::Dynamic, Granularity::PerChannel).unwrap();
        let activations =
            Activations::Static { fused: scheme == Scheme::Fused, input: qparams("quant"), outputs };
        let network = QuantizedMlp::new(network.layers().clone(), activations).unwrap();
        for (name, layer) in ["linear1", "linear2", "linear3"].iter().zip(network.layers()) {
            let theirs = golden.array::<i8>(&format!("histogram/{scheme}_weights_int8.npz"), name);
            assert_equal(&format!("{scheme} {name}.weight"), &layer.weight, &theirs);
        }
        let mut layers = golden.npz(&format!("histogram/{scheme}_layers_all.npz"));
        for kernel in Kernel::available() {
            for Step { name, values } in network.trace(kernel, digits.images()) {
                let what = format!("{scheme} {name} ({})", kernel.name());
                match values {
                    // The file has the first 256 images' input alone.
                    Values::Quantized(ours, _) if name == "quant" => {
                        let theirs = layers.matrix::<u8>("quant");
                        assert_equal(&what, ours.rows().into_iter().take(256).flatten(), &theirs);
                    }
                    Values::Quantized(ours, _) => assert_equal(&what, &ours, &layers.matrix::<u8>(name)),
                    Values::Real(ours) => assert_equal(&what, &ours, &layers.matrix::<f32>(name)),
                }
            }
        }
    }
}

/// The normalised pixels are exact, so that the input's observer is PyTorch's from the first value to the last.
#[test]
#[cfg_attr(
    not(pytorch_values),
    ignore = "needs PyTorch's values: DIGIT8_SHARED, or ../shared beside the checkout"
)]
fn histogram_of_the_input_is_pytorchs() {
    let golden = Golden::open();
    let table = normalized();
    let mut observer = HistogramObserver::default();
    for batch in golden.test_digits().images().chunks(10 * PIXELS) {
        let reals: Vec<f32> = batch.iter().map(|&pixel| table[usize::from(pixel)]).collect();
        observer.observe(&reals);
    }
    let results = golden.json("histogram/results.json");
    for scheme in [Scheme::Static, Scheme::Fused] {
        let theirs = golden.vector::<f32>(&format!("histogram/{scheme}_histograms.npz"), "quant");
        assert_equal(&format!("{scheme}: histogram"), observer.counts(), &theirs);
        let theirs =
            &results[format!("{scheme}_x86_default_hist")]["observers"]["quant.activation_post_process"];
        let of = |name: &str| theirs[name].as_f64().unwrap() as f32;
        assert_eq!(observer.seen(), Range { min: of("min"), max: of("max") });
        assert_eq!(
            observer.range(&Grid::REDUCED),
            Range { min: of("hist_new_min"), max: of("hist_new_max") }
        );
        let QParams { scale, zero_point, .. } = observer.qparams("quant", &Grid::REDUCED).unwrap();
        assert_eq!(f64::from(scale.get()), theirs["scale"][0]);
        assert_eq!(u64::from(zero_point.0), theirs["zero_point"][0]);
    }
}

/// The layers' histograms come from sums whose order is PyTorch's own; given these histograms, the choice is PyTorch's.
#[test]
#[cfg_attr(
    not(pytorch_values),
    ignore = "needs PyTorch's values: DIGIT8_SHARED, or ../shared beside the checkout"
)]
fn ranges_of_the_layers_histograms_are_pytorchs() {
    let golden = Golden::open();
    let results = golden.json("histogram/results.json");
    for scheme in [Scheme::Static, Scheme::Fused] {
        for name in ["quant", "linear1", "linear2", "linear3"] {
            let counts = golden.vector::<f32>(&format!("histogram/{scheme}_histograms.npz"), name);
            let theirs = &results[format!("{scheme}_x86_default_hist")]["observers"]
                [format!("{name}.activation_post_process")];
            let of = |name: &str| theirs[name].as_f64().unwrap() as f32;
            let seen = Range { min: of("min"), max: of("max") };
            let observer = HistogramObserver::of(counts.to_vec(), seen).unwrap();
            let expected = Range { min: of("hist_new_min"), max: of("hist_new_max") };
            assert_eq!(observer.range(&Grid::REDUCED), expected, "{scheme} {name}");
        }
    }
}
