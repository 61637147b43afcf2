use crate::Result;
use crate::quant::repairs::Moments;

/// What is added to the diagonal, as a share of its mean: GPTQ's 1 %.
const DAMPING: f64 = 0.01;

/// How a layer's squared error depends on the errors `e` of a row of weights: `Σ (e · (x - E[x]))² / n = eᵀ H e`, with `H` the inputs'
/// covariance. (Frantar et al. have 2 X Xᵀ of inputs that are not centred; the bias, which can be corrected, takes care of the mean here.
/// Pixels at the border are constant, and covered by the damping.)
#[derive(Clone, Debug)]
pub struct Hessian {
    n: usize,
    /// `[n, n]`, symmetric, row-major.
    values: Vec<f64>,
}

impl Hessian {
    /// The covariance, with 1 % of its diagonal's mean added to the diagonal. Where no input ever changes it is the identity: then every
    /// weight counts alike.
    ///
    /// # Errors
    /// Those of [`Moments::covariance`].
    pub fn of(moments: &Moments) -> Result<Self> {
        let n = moments.inputs();
        let mut values = moments.covariance()?;
        let trace: f64 = (0..n).map(|at| values[at * n + at]).sum();
        let damping = if trace > 0.0 { DAMPING * trace / n as f64 } else { 1.0 };
        (0..n).for_each(|at| values[at * n + at] += damping);
        Ok(Self { n, values })
    }

    /// How many inputs the layer has.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Whether the layer has no inputs.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Row `at`, which is column `at` too.
    pub fn row(&self, at: usize) -> &[f64] {
        &self.values[at * self.n..][..self.n]
    }

    /// Element `at` of the diagonal.
    pub fn diagonal(&self, at: usize) -> f64 {
        self.values[at * self.n + at]
    }

    /// `H e`.
    pub fn times(&self, e: &[f64]) -> Vec<f64> {
        let mut product = vec![0.0; self.n];
        for (at, &e) in e.iter().enumerate() {
            add(&mut product, e, self.row(at));
        }
        product
    }

    /// `aᵀ H b`.
    pub fn form(&self, a: &[f64], b: &[f64]) -> f64 {
        self.times(b).iter().zip(a).map(|(product, a)| product * a).sum()
    }

    /// The lower triangle `L`, row-major, of `H = L Lᵀ` with the rows and columns in the order of `order` (Cholesky). `n³ / 6`
    /// multiplications, along rows.
    pub fn cholesky(&self, order: &[usize]) -> Vec<f64> {
        let n = self.n;
        let mut lower = vec![0.0; n * n];
        for row in 0..n {
            let (above, this) = lower.split_at_mut(row * n);
            let this = &mut this[..=row];
            for column in 0..row {
                let other = &above[column * n..][..=column];
                let rest = self.row(order[row])[order[column]] - dot(&this[..column], &other[..column]);
                this[column] = rest / other[column];
            }
            let square = self.diagonal(order[row]) - dot(&this[..row], &this[..row]);
            // Damping keeps it positive; rounding must not make it the root of a negative number all the same.
            this[row] = square.max(f64::EPSILON * self.diagonal(order[row])).sqrt();
        }
        lower
    }
}

/// `to += factor · values`.
pub(super) fn add(to: &mut [f64], factor: f64, values: &[f64]) {
    if factor != 0.0 {
        to.iter_mut().zip(values).for_each(|(to, value)| *to += factor * value);
    }
}

/// `Σ a b`, in eight columns: in one, each addition would wait for the last.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    const COLUMNS: usize = 8;
    let mut sums = [0.0; COLUMNS];
    let (a, b) = (a.chunks_exact(COLUMNS), b.chunks_exact(COLUMNS));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for column in 0..COLUMNS {
            sums[column] += a[column] * b[column];
        }
    }
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The Hessian of `[rows, n]` values.
    pub fn hessian(n: usize, x: &[f32]) -> Hessian {
        let mut moments = Moments::new(n, 0.0);
        moments.observe(x);
        Hessian::of(&moments).unwrap()
    }

    #[test]
    fn two_inputs_by_hand() {
        // Covariance 8/3, 4, 4, 8, with 1 % of 16/3 on the diagonal.
        let h = hessian(2, &[1.0, 0.0, 3.0, 0.0, 5.0, 6.0]);
        let expected = [8.0 / 3.0 + 0.16 / 3.0, 4.0, 4.0, 8.0 + 0.16 / 3.0];
        for (found, expected) in h.values.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12);
        }
        let (product, form) = (h.times(&[1.0, -2.0]), h.form(&[1.0, 0.0], &[1.0, -2.0]));
        assert!((product[0] - (expected[0] - 8.0)).abs() < 1e-12 && (form - product[0]).abs() < 1e-12);
    }

    #[test]
    fn inputs_that_never_change_leave_a_hessian() {
        let h = hessian(3, &[1.0, 2.0, 3.0, 1.0, 2.0, 3.0]);
        assert_eq!(h.values, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        assert!(h.cholesky(&[0, 1, 2]).iter().all(|value| value.is_finite()));
    }

    proptest! {
        #[test]
        fn cholesky_gives_the_matrix_again(x in prop::collection::vec(-2f32..2.0, 19 * 5), shift in 0usize..19) {
            // Of 19 inputs and 5 rows: singular, but for the damping.
            let h = hessian(19, &x);
            let order: Vec<usize> = (0..19).map(|at| (at * 7 + shift) % 19).collect();
            let lower = h.cholesky(&order);
            for row in 0..19 {
                for column in 0..19 {
                    let product = dot(&lower[row * 19..][..19], &lower[column * 19..][..19]);
                    let expected = h.row(order[row])[order[column]];
                    prop_assert!((product - expected).abs() < 1e-9, "{row}, {column}: {product}, {expected}");
                }
            }
        }
    }
}
