//! GPTQ: the weights of a row are rounded one after another, and those still to come make up for the error so far.

use ndarray::Array2;

use crate::quant::repairs::hessian::add;
use crate::quant::repairs::{Hessian, Levels, Rounded, go_on};
use crate::{Error, Result};

/// Passes over a row's weights, if they do not come to rest.
const PASSES: usize = 20;
/// Times that the integers are found, each with scales fitted to those before.
const ROUNDS: usize = 3;
/// The scales that are tried, as hundredths of the one that clips nothing.
const SHARES: std::ops::RangeInclusive<u8> = 20..=100;

/// The integers of `weight` `[outputs, inputs]`, in steps of `scales` `[outputs]`, that make `eᵀ H e` small, with `e` a row's errors; and
/// the scales that suit them better.
///
/// 1. *Scales*: of the given one and 81 from 0.2 to 1 of the one that clips nothing, that with the least `Σ H_kk e_k²` when each weight is
///    rounded for itself: what rarely varies may be clipped.
/// 2. *GPTQ* (Frantar et al. 2022, arXiv 2210.17323), the inputs that vary most first. With `H = L Lᵀ` the error is `|Lᵀ e|²`, whose last
///    element depends on the last weight alone, the one before it on the last two, and so on; so from the last to the first each weight `k`
///    is rounded to the nearest integer for `w_k + Σ_{j > k} e_j L_jk / L_kk`. These are GPTQ's own integers, without the inverse of `H` that
///    the paper reckons with (Chen et al. 2025, arXiv 2507.18553).
/// 3. *Coordinate descent* (Behdin et al. 2023, arXiv 2309.01885, QuantEase): each weight in turn takes the integer that is best beside all
///    the others, until none moves. The error never grows.
/// 4. The scale that suits these integers best, `s = wᵀ H q / qᵀ H q`, of each row or, unless `per_row`, of all rows together; then from 2
///    again with it, three times in all. The best is kept. Where nearest rounding with the scale given is better than all of it, which
///    GPTQ does not rule out, it is left at that.
///
/// For `n` inputs, `n³ / 6` multiplications, and for each row and round about `3 n²` and `n` for each weight that moves. All of it in
/// `f64`, in one order.
///
/// # Errors
/// [`Error::Mismatch`] if sizes differ; [`Error::Stopped`] if `report` says so, which is told the share that is done.
pub fn gptq(
    weight: &Array2<f32>,
    scales: &[f32],
    per_row: bool,
    levels: Levels,
    hessian: &Hessian,
    report: &mut dyn FnMut(f64) -> bool,
) -> Result<Rounded> {
    let (outputs, inputs) = weight.dim();
    if (scales.len(), hessian.len()) != (outputs, inputs) {
        let (scales, n) = (scales.len(), hessian.len());
        return Err(Error::Mismatch(format!(
            "weights [{outputs}, {inputs}] with {scales} scales and a Hessian of {n} inputs"
        )));
    }
    // What varies most comes last here, and is rounded first.
    let mut order: Vec<usize> = (0..inputs).collect();
    order.sort_by(|&a, &b| hessian.diagonal(a).total_cmp(&hessian.diagonal(b)).then(a.cmp(&b)));
    let lower = hessian.cholesky(&order);
    let weights: Vec<Vec<f64>> =
        weight.rows().into_iter().map(|row| row.iter().map(|&w| f64::from(w)).collect()).collect();
    let mut best: Vec<Row> =
        weights.iter().zip(scales).map(|(row, &scale)| Row::nearest(row, scale, levels, hessian)).collect();
    let mut scales = searched(&weights, scales, per_row, levels, hessian);
    for round in 0..ROUNDS {
        let mut next = Vec::with_capacity(outputs);
        for (at, (row, &scale)) in weights.iter().zip(&scales).enumerate() {
            go_on(report, (round * outputs + at) as f64 / (ROUNDS * outputs) as f64)?;
            next.push(Row::rounded(row, scale, levels, hessian, &order, &lower));
        }
        scales = refitted(&weights, &next, per_row, hessian);
        let sum = |rows: &[Row]| rows.iter().map(|row| row.error).sum::<f64>();
        let all_better = sum(&next) < sum(&best);
        for (best, next) in best.iter_mut().zip(next) {
            if if per_row { next.error < best.error } else { all_better } {
                *best = next;
            }
        }
    }
    Ok(Rounded {
        integers: Array2::from_shape_fn((outputs, inputs), |(row, column)| best[row].integers[column]),
        scales: best.iter().map(|row| row.scale).collect(),
    })
}

/// A row of weights with its integers.
struct Row {
    integers: Vec<i8>,
    scale: f32,
    /// `eᵀ H e`.
    error: f64,
}

impl Row {
    fn of(weights: &[f64], integers: Vec<i8>, scale: f32, hessian: &Hessian) -> Self {
        let e = errors(weights, scale.into(), &integers);
        Self { error: hessian.form(&e, &e), integers, scale }
    }

    /// Each weight rounded for itself.
    fn nearest(weights: &[f64], scale: f32, levels: Levels, hessian: &Hessian) -> Self {
        let integers = weights.iter().map(|w| levels.nearest(w / f64::from(scale))).collect();
        Self::of(weights, integers, scale, hessian)
    }

    /// Steps 2 and 3.
    fn rounded(
        weights: &[f64],
        scale: f32,
        levels: Levels,
        hessian: &Hessian,
        order: &[usize],
        lower: &[f64],
    ) -> Self {
        let mut integers = one_by_one(weights, scale.into(), levels, order, lower);
        let product = descend(weights, scale.into(), levels, hessian, &mut integers);
        let e = errors(weights, scale.into(), &integers);
        let error = e.iter().zip(product).map(|(e, product)| e * product).sum();
        Self { integers, scale, error }
    }
}

/// `w - ŵ`.
fn errors(weights: &[f64], scale: f64, integers: &[i8]) -> Vec<f64> {
    weights.iter().zip(integers).map(|(w, &q)| w - f64::from(q) * scale).collect()
}

/// GPTQ's integers of a row.
fn one_by_one(weights: &[f64], scale: f64, levels: Levels, order: &[usize], lower: &[f64]) -> Vec<i8> {
    let n = weights.len();
    let mut integers = vec![0; n];
    // Σ e_j L_jk, of the j so far.
    let mut sums = vec![0.0; n];
    for k in (0..n).rev() {
        let row = &lower[k * n..][..=k];
        let w = weights[order[k]];
        let integer = levels.nearest((w + sums[k] / row[k]) / scale);
        add(&mut sums[..k], w - f64::from(integer) * scale, row);
        integers[order[k]] = integer;
    }
    integers
}

/// Moves one weight at a time to the integer that makes `eᵀ H e` least. Gives `H e`.
fn descend(weights: &[f64], scale: f64, levels: Levels, hessian: &Hessian, integers: &mut [i8]) -> Vec<f64> {
    let mut product = hessian.times(&errors(weights, scale, integers));
    for _ in 0..PASSES {
        let mut moved = false;
        for (at, integer) in integers.iter_mut().enumerate() {
            let steps = product[at] / (hessian.diagonal(at) * scale);
            // Within half a step there is nothing better; rounding must not send it to and fro.
            if steps.abs() <= 0.5 + 1e-9 {
                continue;
            }
            let better = levels.nearest(f64::from(*integer) + steps);
            if better != *integer {
                add(&mut product, (f64::from(*integer) - f64::from(better)) * scale, hessian.row(at));
                *integer = better;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    product
}

/// Step 1: the scales, for each row or for all together, among them the ones given.
fn searched(
    weights: &[Vec<f64>],
    given: &[f32],
    per_row: bool,
    levels: Levels,
    hessian: &Hessian,
) -> Vec<f32> {
    let error = |row: &[f64], scale: f32| -> f64 {
        let integer = |w: &f64| f64::from(levels.nearest(w / f64::from(scale)));
        let errors = row.iter().enumerate().map(|(at, w)| (w - integer(w) * f64::from(scale), at));
        errors.map(|(e, at)| hessian.diagonal(at) * e * e).sum()
    };
    let best = |rows: &[Vec<f64>], given: f32| {
        let greatest = rows.iter().flatten().fold(0f64, |max, w| max.max(w.abs()));
        let widest = greatest / ((f64::from(levels.most) - f64::from(levels.least)) / 2.0);
        let tried = SHARES.map(|share| (widest * f64::from(share) / 100.0) as f32);
        let mut best = (f64::INFINITY, given);
        for scale in [given].into_iter().chain(tried.filter(|&scale| scale > f32::EPSILON)) {
            let error = rows.iter().map(|row| error(row, scale)).sum();
            if error < best.0 {
                best = (error, scale);
            }
        }
        best.1
    };
    if per_row {
        weights.iter().zip(given).map(|(row, &given)| best(std::slice::from_ref(row), given)).collect()
    } else {
        given.first().map_or(vec![], |&given| vec![best(weights, given); weights.len()])
    }
}

/// The scales with which the rows' integers come closest to their weights. Where there is no such positive number, a scale stays.
fn refitted(weights: &[Vec<f64>], rows: &[Row], per_row: bool, hessian: &Hessian) -> Vec<f32> {
    let forms = weights.iter().zip(rows).map(|(w, row)| {
        let q: Vec<f64> = row.integers.iter().map(|&q| f64::from(q)).collect();
        let product = hessian.times(&q);
        let along = |a: &[f64]| a.iter().zip(&product).map(|(a, product)| a * product).sum::<f64>();
        (along(w), along(&q))
    });
    let forms: Vec<(f64, f64)> = forms.collect();
    let all = forms.iter().fold((0.0, 0.0), |sum, form| (sum.0 + form.0, sum.1 + form.1));
    let fitted = |(wq, qq): (f64, f64), scale: f32| {
        let fitted = (wq / qq) as f32;
        if fitted > f32::EPSILON && fitted.is_finite() { fitted } else { scale }
    };
    forms.iter().zip(rows).map(|(&form, row)| fitted(if per_row { form } else { all }, row.scale)).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use proptest::prelude::*;

    use super::*;
    use crate::quant::repairs::hessian::tests::hessian;

    const TERNARY: Levels = Levels { least: -1, most: 1, zero: true };

    fn error(weight: &Array2<f32>, rounded: &Rounded, hessian: &Hessian) -> f64 {
        let rows = weight.rows().into_iter().zip(rounded.integers.rows()).zip(&rounded.scales);
        rows.map(|((w, q), &scale)| {
            let w: Vec<f64> = w.iter().map(|&w| f64::from(w)).collect();
            let e = errors(&w, scale.into(), &q.to_vec());
            hessian.form(&e, &e)
        })
        .sum()
    }

    #[test]
    fn two_inputs_that_vary_together_by_hand() {
        // Both inputs are equal, so that only the sum of a row counts: 0.4 + 0.4 is nearer to 1 than to the 0 that nearest rounding gives.
        let h = hessian(2, &[-3.0, -3.0, 1.0, 1.0, 2.0, 2.0]);
        let order = [0, 1];
        let lower = h.cholesky(&order);
        let mut integers = one_by_one(&[0.4, 0.4], 1.0, TERNARY, &order, &lower);
        assert_eq!(integers, [1, 0]);
        descend(&[0.4, 0.4], 1.0, TERNARY, &h, &mut integers);
        assert_eq!(integers, [1, 0]);
        // Descent finds as much from nearest rounding.
        let mut integers = vec![0, 0];
        descend(&[0.4, 0.4], 1.0, TERNARY, &h, &mut integers);
        assert_eq!(integers, [1, 0]);
    }

    #[test]
    fn inputs_apart_by_hand() {
        // Each weight counts for itself. Ternary, 0.4 and -0.7 are nearest to ±0.55, and 2 and 0.6 to 2 and 0; with one scale for all, that is 2.
        let h = hessian(2, &[1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0, -1.0]);
        let weight = array![[0.4, -0.7], [2.0, 0.6]];
        let rounded = gptq(&weight, &[1.0, 1.0], true, TERNARY, &h, &mut |_| true).unwrap();
        assert_eq!(rounded.integers, array![[1, -1], [1, 0]]);
        assert!((rounded.scales[0] - 0.55).abs() < 1e-6 && (rounded.scales[1] - 2.0).abs() < 1e-6);
        let together = gptq(&weight, &[1.0, 1.0], false, TERNARY, &h, &mut |_| true).unwrap();
        assert_eq!(together.integers, array![[0, 0], [1, 0]]);
        assert!(together.scales.iter().all(|scale| (scale - 2.0).abs() < 1e-6), "{:?}", together.scales);
    }

    #[test]
    fn it_stops_and_says_what_does_not_fit() {
        let h = hessian(2, &[1.0, 1.0, 1.0, -1.0]);
        let run =
            |weight: &Array2<f32>, go_on: bool| gptq(weight, &[1.0, 1.0], true, TERNARY, &h, &mut |_| go_on);
        assert!(matches!(run(&array![[1.0, 1.0], [1.0, 1.0]], false), Err(Error::Stopped)));
        let message = run(&array![[1.0, 1.0]], true).err().unwrap().to_string();
        assert!(message.contains("weights [1, 2] with 2 scales"), "{message}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn the_error_is_at_most_nearest_roundings(
            w in prop::collection::vec(-1f32..1.0, 3 * 12),
            x in prop::collection::vec(-2f32..2.0, 12 * 7),
            mix in 0f32..1.0,
            bits in 2u32..6,
            per_row in any::<bool>(),
            zero in any::<bool>(),
        ) {
            // Fewer rows than inputs, and inputs that vary together: singular but for the damping.
            let x: Vec<f32> = x.chunks(12).flat_map(|row| row.iter().map(|x| x * (1.0 - mix) + row[0] * mix)).collect();
            let h = hessian(12, &x);
            let weight = Array2::from_shape_vec((3, 12), w).unwrap();
            let levels = if zero { Levels::bits(bits) } else { Levels { least: -1, most: 1, zero } };
            let scale = 1.2 / f32::from(levels.most);
            let nearest = Rounded {
                integers: weight.mapv(|w| levels.nearest(f64::from(w) / f64::from(scale))),
                scales: vec![scale; 3],
            };
            let rounded = gptq(&weight, &nearest.scales, per_row, levels, &h, &mut |_| true).unwrap();
            let (ours, theirs) = (error(&weight, &rounded, &h), error(&weight, &nearest, &h));
            prop_assert!(ours <= theirs * (1.0 + 1e-9), "{ours} above {theirs}");
            prop_assert!(rounded.integers.iter().all(|&q| levels.nearest(q.into()) == q), "integers that are levels");
            if !per_row {
                prop_assert!(rounded.scales.iter().all(|&scale| scale == rounded.scales[0]));
            }
        }
    }
}
