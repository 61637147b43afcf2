//! The notebook's quantization by hand, of the first layer and the first test image: every integer is the one that the
//! notebook's own code gave, and where PyTorch's differs, the cause is the one that exchanging one step at a time finds.

use digit8_core::digits::{PIXELS, normalized};
use digit8_core::float::Linear;
use digit8_core::int8::Scheme;
use digit8_core::quant::textbook::{self, Cause, Difference, Hybrid, QParams, differences};
use digit8_core::quant::{Observations, Range};
use digit8_tests::golden::Golden;
use ndarray::ArrayView1;

/// What the notebook's code and PyTorch make of test image 0.
fn file(scheme: Scheme) -> String {
    format!("custom_linear1_{scheme}.npz")
}

fn by_hand(linear: &Linear, seen: &Observations) -> textbook::Linear {
    textbook::Linear::new(
        linear,
        QParams::affine(seen.quant, 7).unwrap(),
        QParams::symmetric(Range::of(&linear.weight), 8).unwrap(),
        QParams::affine(seen.linear1, 7).unwrap(),
    )
}

fn reals(pixels: &[u8]) -> Vec<f32> {
    let table = normalized();
    pixels.iter().map(|&pixel| table[usize::from(pixel)]).collect()
}

#[test]
#[cfg_attr(
    not(pytorch_values),
    ignore = "needs PyTorch's values: DIGIT8_SHARED, or ../shared beside the checkout"
)]
fn every_integer_by_hand_is_the_notebooks() {
    let golden = Golden::open();
    let (mlp, digits) = (golden.model(), golden.test_digits());
    let x = reals(digits.image(0));
    let results = golden.json("results.json");
    for scheme in [Scheme::Static, Scheme::Fused] {
        let seen = golden.observations(scheme);
        let linear = by_hand(&mlp.layers()[0], &seen);
        let theirs = &results[format!("custom_{scheme}")];
        for (ours, name) in [(linear.input, "x"), (linear.weights, "w"), (linear.output, "out")] {
            assert_eq!(theirs[format!("{name}_scale")][0], ours.scale, "{scheme} {name}");
            assert_eq!(theirs[format!("{name}_zp")][0], ours.zero_point, "{scheme} {name}");
        }
        let inputs = linear.quantize(&x);
        let sums = linear.sums(&inputs);
        let outputs: Vec<i16> = sums.iter().map(|&sum| linear.requantize(sum)).collect();
        let theirs = |name: &str| golden.array::<i32>(&file(scheme), name);
        assert_eq!(inputs, golden.array::<u8>(&file(scheme), "qx").mapv(i16::from).as_slice().unwrap());
        assert_eq!(
            linear.weight,
            golden.array::<i8>(&file(scheme), "qw").mapv(i16::from).as_slice().unwrap()
        );
        let bias = golden.vector::<i64>(&file(scheme), "qbias");
        assert_eq!(linear.bias, bias.mapv(|bias| bias as i32).as_slice().unwrap());
        let products = golden.array::<i64>(&file(scheme), "acc");
        let without_bias: Vec<i64> =
            sums.iter().zip(&linear.bias).map(|(&sum, &bias)| i64::from(sum - bias)).collect();
        assert_eq!(without_bias, products.as_slice().unwrap());
        assert_eq!(outputs, theirs("qout").mapv(|q| q as i16).as_slice().unwrap());

        // On integers alone, the paper's way, nothing changes here.
        let multiplier = linear.fixed_point().unwrap();
        let on_integers: Vec<i16> =
            sums.iter().map(|&sum| linear.requantize_on_integers(multiplier, sum)).collect();
        assert_eq!(on_integers, outputs, "{scheme}");
    }
}

#[test]
#[cfg_attr(
    not(pytorch_values),
    ignore = "needs PyTorch's values: DIGIT8_SHARED, or ../shared beside the checkout"
)]
fn by_hand_98_and_96_of_100_outputs_are_pytorchs_and_the_divisor_is_why() {
    let golden = Golden::open();
    let (mlp, digits) = (golden.model(), golden.test_digits());
    let x = reals(digits.image(0));
    let linear = &mlp.layers()[0];
    let theirs = golden.array::<i8>("static_weights_int8.npz", "linear1").mapv(i16::from);
    for (scheme, expected) in [
        (Scheme::Static, &[(29, 71, 72), (43, 60, 61)][..]),
        (Scheme::Fused, &[(74, 8, 7), (94, 8, 7), (95, 20, 19), (99, 2, 1)]),
    ] {
        let seen = golden.observations(scheme);
        let weights = by_hand(linear, &seen).weight;
        assert_eq!(weights.iter().zip(&theirs).filter(|(a, b)| a == b).count(), 75_611);

        let expected: Vec<Difference> = expected
            .iter()
            .map(|&(output, textbook, pytorch)| Difference {
                output,
                textbook,
                pytorch,
                cures: vec![vec![Cause::Divisor]],
            })
            .collect();
        assert_eq!(differences(linear, seen.quant, seen.linear1, &x).unwrap(), expected, "{scheme}");

        let pytorchs = golden.array::<u8>(&file(scheme), "pytorch").mapv(i16::from);
        for pytorchs_steps in [&[Cause::Divisor][..], &Cause::ALL] {
            let hybrid = Hybrid::new(linear, seen.quant, seen.linear1, pytorchs_steps).unwrap();
            assert_eq!(hybrid.outputs(&hybrid.quantize(&x)), pytorchs.as_slice().unwrap(), "{scheme}");
        }
    }
}

/// Over all test images: how many of the million outputs each step decides.
#[test]
#[cfg_attr(
    not(pytorch_values),
    ignore = "needs PyTorch's values: DIGIT8_SHARED, or ../shared beside the checkout"
)]
fn the_divisor_decides_most_differences_and_the_bias_the_rest() {
    let golden = Golden::open();
    let (mlp, digits) = (golden.model(), golden.test_digits());
    let linear = &mlp.layers()[0];
    for (scheme, by_hand, by_bias) in [(Scheme::Static, 29_214, 39), (Scheme::Fused, 18_824, 22)] {
        let seen = golden.observations(scheme);
        let pytorchs = golden.array::<u8>(&format!("{scheme}_x86_layers_all.npz"), "linear1");
        let different = |pytorchs_steps: &[Cause]| {
            let hybrid = Hybrid::new(linear, seen.quant, seen.linear1, pytorchs_steps).unwrap();
            let table = hybrid.quantize(&normalized());
            let images = digits.images().chunks_exact(PIXELS).zip(pytorchs.rows());
            let of_image = |(pixels, pytorchs): (&[u8], ArrayView1<u8>)| {
                let inputs: Vec<i16> = pixels.iter().map(|&pixel| table[usize::from(pixel)]).collect();
                let outputs = hybrid.outputs(&inputs);
                outputs.iter().zip(pytorchs).filter(|&(&a, &b)| a != i16::from(b)).count()
            };
            images.map(of_image).sum::<usize>()
        };
        assert_eq!(different(&[]), by_hand, "{scheme}, by hand");
        assert_eq!(different(&[Cause::Divisor]), by_bias, "{scheme}, with PyTorch's divisor");
        assert_eq!(different(&[Cause::Divisor, Cause::Bias]), different(&but(Cause::Single)), "{scheme}");
        assert_eq!(different(&but(Cause::Bias)), by_bias, "{scheme}, with an int32 bias");
        assert_eq!(different(&Cause::ALL), 0, "{scheme}, all steps PyTorch's");
    }
}

/// All steps but one.
fn but(left_out: Cause) -> Vec<Cause> {
    Cause::ALL.into_iter().filter(|&cause| cause != left_out).collect()
}
