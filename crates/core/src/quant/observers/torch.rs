//! Steps of PyTorch's whose last bit depends on how it takes them, as its kernels for AVX2 do (its sums and the like have none for
//! AVX-512). Found with the pinned wheel; the fixtures hold them.

use crate::quant::Range;

/// Lanes of PyTorch's vectors.
const LANES: usize = 8;
/// Vectors that a sum adds up side by side.
const ABREAST: usize = 4;
const COLUMNS: usize = LANES * ABREAST;
/// Partial sums above each other: the first takes in values, each other the sums of the one below.
const LEVELS: usize = 4;

/// `tensor.sum()` of contiguous `f32` values, of a whole number of blocks of 32: columns of 32 added up in cascades, so that errors grow
/// with the logarithm of the number of values, then the four vectors, then their eight lanes.
///
/// # Panics
/// If there is no whole number of blocks.
pub(super) fn sum(values: &[f32]) -> f32 {
    assert_eq!(values.len() % COLUMNS, 0, "a whole number of blocks");
    let rows = values.len() / COLUMNS;
    let ceil_log2 = usize::BITS - rows.saturating_sub(1).leading_zeros();
    let power = (ceil_log2 as usize / LEVELS).max(4);
    let step = 1 << power;
    let mut levels = [[0f32; COLUMNS]; LEVELS];
    for (row, block) in (1..).zip(values.chunks_exact(COLUMNS)) {
        add(&mut levels[0], block);
        if row % step == 0 {
            for level in 1..LEVELS {
                let below = std::mem::replace(&mut levels[level - 1], [0.0; COLUMNS]);
                add(&mut levels[level], &below);
                if row & ((step - 1) << (level * power)) != 0 {
                    break;
                }
            }
        }
    }
    let [mut all, above @ ..] = levels;
    above.iter().for_each(|level| add(&mut all, level));
    let (vector, others) = all.split_at_mut(LANES);
    others.chunks_exact(LANES).for_each(|other| add(vector, other));
    vector.iter().fold(0.0, |sum, lane| sum + lane)
}

fn add(to: &mut [f32], values: &[f32]) {
    to.iter_mut().zip(values).for_each(|(to, value)| *to += value);
}

/// Number `index` of the `parts + 1` of `torch.linspace(min, max, parts + 1)`: from the nearer end, with one rounding.
pub(super) fn linspace(Range { min, max }: Range, parts: usize, index: usize) -> f32 {
    let step = (max - min) / parts as f32;
    if index < parts.div_ceil(2) {
        step.mul_add(index as f32, min)
    } else {
        (-step).mul_add((parts - index) as f32, max)
    }
}

/// The bin of a value in `range` as `torch.histc` finds it; a range without width is taken to be 2 wide. Where the product overflows,
/// PyTorch's index wraps around to the first bin.
pub(super) fn bin(value: f32, Range { min, max }: Range, bins: usize) -> usize {
    let (min, max) = if min == max { (min - 1.0, max + 1.0) } else { (min, max) };
    let at = (value - min) * bins as f32 / (max - min);
    if at.is_finite() { (at as usize).min(bins - 1) } else { 0 }
}

/// `torch.div(a, b, rounding_mode="floor")` for a positive `b`: from the exact remainder, as Python divides.
pub(super) fn divide_floor(a: f32, b: f32) -> f32 {
    let remainder = a % b;
    let mut quotient = (a - remainder) / b;
    if remainder < 0.0 {
        quotient -= 1.0;
    }
    let floor = quotient.floor();
    if quotient - floor > 0.5 { floor + 1.0 } else { floor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_of_whole_numbers_is_exact() {
        for blocks in [0, 1, 15, 16, 17, 64, 700] {
            let values: Vec<f32> = (0..blocks * COLUMNS).map(|at| (at % 97) as f32).collect();
            assert_eq!(sum(&values), values.iter().sum::<f32>());
        }
    }

    #[test]
    fn small_values_are_not_lost_beside_a_large_one() {
        // One after another, each 1 would vanish beside 2^24.
        let mut values = vec![1.0; 2048];
        values[0] = 16_777_216.0;
        assert!((sum(&values) - 16_779_263.0).abs() <= 64.0);
    }

    #[test]
    fn division_rounds_down() {
        assert_eq!(
            [-1.0, -0.5, 0.0, 0.25, 1.0, 1.75].map(|a| divide_floor(a, 0.5)),
            [-2.0, -1.0, 0.0, 0.0, 2.0, 3.0]
        );
    }

    #[test]
    fn the_last_bin_holds_the_greatest_value() {
        let range = Range { min: -1.0, max: 3.0 };
        assert_eq!([-1.0, 0.0, 2.9, 3.0].map(|value| bin(value, range, 4)), [0, 1, 3, 3]);
        assert_eq!(bin(5.0, Range { min: 5.0, max: 5.0 }, 2048), 1024);
    }
}
