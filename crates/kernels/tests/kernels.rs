//! Every kernel that this machine has, against the scalar one.
//!
//! `DIGIT8_EXPECT_KERNELS=avx2,avx512` makes the test fail if one of these could not be run.

use digit8_kernels::Kernel;
use digit8_kernels::float;
use digit8_kernels::int8::{self, Dequantize, Output, Requantize, Weights};

/// A small generator, so that a failure can be run again: a linear congruence, high bits out.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as u32
    }

    fn below(&mut self, limit: u32) -> u32 {
        self.next() % limit
    }

    fn real(&mut self) -> f32 {
        self.below(2_000_001) as f32 / 1_000_000.0 - 1.0
    }
}

/// The kernels to be held against the scalar one.
fn kernels() -> Vec<Kernel> {
    let kernels = Kernel::available();
    let names: Vec<_> = kernels.iter().map(|kernel| kernel.name()).collect();
    println!("kernels covered: {}", names.join(", "));
    let expected = std::env::var("DIGIT8_EXPECT_KERNELS").unwrap_or_default();
    for name in expected.split(',').filter(|name| !name.is_empty()) {
        assert!(names.contains(&name), "{name} was expected, but this machine ran {names:?}");
    }
    kernels
}

/// Random cases of each test: few where every instruction is interpreted, many elsewhere, or as many as `DIGIT8_CASES` says.
fn random_cases() -> u64 {
    let set = std::env::var("DIGIT8_CASES").ok().and_then(|number| number.parse().ok());
    set.unwrap_or(if cfg!(miri) { 4 } else { 300 })
}

const LARGEST: u32 = if cfg!(miri) { 40 } else { 1000 };

/// Inputs and outputs, up to [`LARGEST`] of both. Now and then a row is so long that its groups are searched in parts, and
/// then there are few neurons.
fn shape(random: &mut Random) -> (usize, usize) {
    let (inputs, outputs) = match random.below(8) {
        0 => (6 * LARGEST, 40),
        _ => (LARGEST, LARGEST),
    };
    (1 + random.below(inputs) as usize, 1 + random.below(outputs) as usize)
}

/// Rows of a batch: a few, or now and then so many that they go through tiles, the last of them not full.
fn rows(random: &mut Random) -> usize {
    let most = if random.below(4) == 0 && !cfg!(miri) { 80 } else { 9 };
    1 + random.below(most) as usize
}

/// Activations: anything, mostly background, or only extremes.
fn activations(random: &mut Random, count: usize) -> Vec<u8> {
    let style = random.below(4);
    let value = |random: &mut Random| match style {
        0 => random.below(256) as u8,
        1 if random.below(5) > 0 => 0,
        1 => random.below(129) as u8,
        2 => [0, 127, 128, 255][random.below(4) as usize],
        _ => 255,
    };
    (0..count).map(|_| value(random)).collect()
}

fn weights(random: &mut Random, count: usize) -> Vec<i8> {
    let style = random.below(3);
    let value = |random: &mut Random| match style {
        0 => random.below(256) as u8 as i8,
        1 => [-128, 127][random.below(2) as usize],
        _ => -128,
    };
    (0..count).map(|_| value(random)).collect()
}

/// A real number of any size, now and then an extreme one.
fn wild(random: &mut Random) -> f32 {
    match random.below(12) {
        0 => 0.0,
        1 => 1e30,
        2 => -1e30,
        3 => f32::MIN_POSITIVE,
        4 => 0.5,
        _ => random.real() * 10f32.powi(random.below(9) as i32 - 4),
    }
}

/// Of eight bits or fewer, with and without ReLU.
fn output(random: &mut Random) -> Output {
    let max = [255, 255, 127, 15, 3][random.below(5) as usize];
    let zero_point = random.below(u32::from(max) + 1) as u8;
    Output { zero_point, min: [0, zero_point][random.below(2) as usize], max }
}

#[test]
fn every_kernel_gives_the_scalar_integers() {
    for kernel in kernels() {
        for case in 0..random_cases() {
            let random = &mut Random(case);
            let (inputs, outputs) = shape(random);
            let batch = rows(random);
            let x = activations(random, batch * inputs);
            let w = weights(random, outputs * inputs);
            let zero_point = [0, 17, 128, 255][random.below(4) as usize];
            let mut reals = || (0..outputs).map(|_| wild(random)).collect::<Vec<_>>();
            let (addend, multiplier) = (reals(), reals());
            let output = output(random);
            let requantize = Requantize::new(&addend, wild(random), &multiplier, output);
            let dequantize = Dequantize::new(&multiplier, &addend, case % 2 == 0);
            let x_scale = wild(random);

            let run = |kernel| {
                let weights = Weights::pack(kernel, &w, outputs, inputs);
                let (mut sums, mut bytes, mut reals) =
                    (vec![0; batch * outputs], vec![0; batch * outputs], vec![0.0; batch * outputs]);
                weights.accumulate(&x, zero_point, &mut sums);
                weights.requantize(&x, zero_point, &requantize, &mut bytes);
                weights.dequantize(&x, zero_point, x_scale, &dequantize, &mut reals);
                // A NaN is a NaN, whatever its other bits: nobody defines those.
                let bits = |y: f32| if y.is_nan() { f32::NAN.to_bits() } else { y.to_bits() };
                (sums, bytes, reals.into_iter().map(bits).collect::<Vec<_>>())
            };
            let name = kernel.name();
            assert!(
                run(kernel) == run(Kernel::Scalar),
                "{name}, case {case}: {batch} × {inputs} → {outputs}"
            );
        }
    }
}

#[test]
fn the_scalar_sums_are_the_definition() {
    // One neuron, worked by hand: (200-17)·-128 + (0-17)·127 + (255-17)·1.
    let weights = Weights::pack(Kernel::Scalar, &[-128, 127, 1], 1, 3);
    let mut sum = [0];
    weights.accumulate(&[200, 0, 255], 17, &mut sum);
    assert_eq!(sum, [183 * -128 - 17 * 127 + 238]);
    // t = fma(3, 0.5, sum) = 1.5 + sum; half steps round to even; the zero point comes after rounding.
    let stage = Requantize::new(&[0.0], 1.0, &[-0.0001], Output::eight_bits(10));
    let mut out = [0];
    weights.requantize(&[200, 0, 255], 17, &stage, &mut out);
    assert_eq!(f64::from(out[0]), (-0.0001 * f64::from(sum[0])).round() + 10.0);
}

#[test]
fn ties_round_to_even_before_the_zero_point_is_added() {
    for kernel in kernels() {
        let halves: Vec<f32> = (0..40).map(|n| n as f32 + 0.5).collect();
        let mut out = vec![0; halves.len()];
        int8::quantize(kernel, &halves, 1.0, Output::eight_bits(17), &mut out);
        let expected: Vec<u8> = (0..40u8).map(|n| n + n % 2 + 17).collect();
        assert_eq!(out, expected, "{}", kernel.name());
    }
}

#[test]
fn outputs_of_fewer_bits_end_at_their_own_maximum() {
    for kernel in kernels() {
        let reals = [-9.0, -4.0, 0.0, 2.5, 7.0, 8.0, 11.0, 12.0, 300.0, f32::INFINITY];
        let mut out = [0; 10];
        int8::quantize(kernel, &reals, 1.0, Output { zero_point: 4, min: 0, max: 15 }, &mut out);
        assert_eq!(out, [0, 0, 4, 6, 11, 12, 15, 15, 15, 15], "{}", kernel.name());
        let stage = Requantize::new(&[0.0; 3], 1.0, &[1.0; 3], Output { zero_point: 4, min: 4, max: 15 });
        let mut out = [0; 3];
        Weights::pack(kernel, &[-1, 5, 100], 3, 1).requantize(&[1], 0, &stage, &mut out);
        assert_eq!(out, [4, 9, 15], "{}", kernel.name());
    }
}

#[test]
fn quantize_lookup_and_range_agree() {
    for kernel in kernels() {
        for case in 0..random_cases() {
            let random = &mut Random(case);
            let count = random.below(LARGEST) as usize;
            let reals: Vec<f32> = (0..count).map(|_| wild(random)).collect();
            let mut quantized = [vec![0; count], vec![0; count]];
            let output = output(random);
            int8::quantize(kernel, &reals, 37.5, output, &mut quantized[0]);
            int8::quantize(Kernel::Scalar, &reals, 37.5, output, &mut quantized[1]);
            assert_eq!(quantized[0], quantized[1], "{}, case {case}", kernel.name());

            let bytes: Vec<u8> = (0..count).map(|_| random.below(256) as u8).collect();
            let table = std::array::from_fn(|at| (at as u8).wrapping_mul(181) ^ 90);
            let mut found = vec![0; count];
            int8::lookup(kernel, &table, &bytes, &mut found);
            let expected: Vec<u8> = bytes.iter().map(|&byte| table[usize::from(byte)]).collect();
            assert_eq!(found, expected, "{}, case {case}", kernel.name());

            let expected = reals.iter().fold((0f32, 0f32), |(min, max), &x| (min.min(x), max.max(x)));
            assert_eq!(int8::min_max(kernel, &reals), expected, "{}, case {case}", kernel.name());
        }
    }
}

#[test]
fn every_float_kernel_agrees_within_rounding() {
    for kernel in kernels() {
        for case in 0..random_cases() {
            let random = &mut Random(case);
            let (inputs, outputs) = shape(random);
            let batch = 1 + random.below(9) as usize;
            let ink = random.below(5);
            let real = |random: &mut Random| if random.below(5) <= ink { random.real() } else { 0.0 };
            let x: Vec<f32> = (0..batch * inputs).map(|_| real(random)).collect();
            let w: Vec<f32> = (0..outputs * inputs).map(|_| random.real()).collect();
            let bias: Vec<f32> = (0..outputs).map(|_| random.real()).collect();
            let relu = case % 2 == 0;
            let mut out = vec![0.0; batch * outputs];
            float::Weights::pack(kernel, &w, outputs, inputs).forward(&x, &bias, relu, &mut out);
            for (row, (x, out)) in x.chunks_exact(inputs).zip(out.chunks_exact(outputs)).enumerate() {
                for (o, &found) in out.iter().enumerate() {
                    let products = x.iter().zip(&w[o * inputs..]).map(|(&x, &w)| f64::from(x) * f64::from(w));
                    let size: f64 = products.clone().map(f64::abs).sum::<f64>() + 1.0;
                    let exact = products.sum::<f64>() + f64::from(bias[o]);
                    let exact = if relu { exact.max(0.0) } else { exact };
                    let error = (f64::from(found) - exact).abs();
                    let name = kernel.name();
                    assert!(
                        error < 1e-6 * size,
                        "{name}, case {case}, row {row}, neuron {o}: {found} for {exact}"
                    );
                }
            }
        }
    }
}

#[test]
#[cfg(not(any(miri, target_family = "wasm")))]
fn an_expected_kernel_that_is_not_there_is_a_failure() {
    let program = std::env::current_exe().expect("the path of this test");
    let run = |expected: &str| {
        let mut command = std::process::Command::new(&program);
        command.args(["--exact", "ties_round_to_even_before_the_zero_point_is_added"]);
        command.env("DIGIT8_EXPECT_KERNELS", expected).output().expect("this test runs")
    };
    assert!(run("scalar").status.success());
    let failed = run("scalar,avx9");
    assert!(!failed.status.success());
    assert!(String::from_utf8_lossy(&failed.stdout).contains("avx9 was expected"));
}
