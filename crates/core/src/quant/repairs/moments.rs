use crate::{Error, Result};

/// What calibration tells about the inputs of a layer: their mean and covariance. The covariance is the Hessian of the layer's squared
/// error, halved, once the bias takes care of the mean.
///
/// Sums are of `f64`, in the order of the rows, so that the same rows give the same bits everywhere.
#[derive(Clone, Debug)]
pub struct Moments {
    inputs: usize,
    origin: f32,
    rows: usize,
    sums: Vec<f64>,
    /// `[inputs, inputs]`, row-major; the lower triangle is filled.
    products: Vec<f64>,
}

impl Moments {
    /// Of a layer with so many inputs. They are reckoned from `origin`, which should be the value that most of them have: these cost
    /// nothing. It changes nothing else.
    pub fn new(inputs: usize, origin: f32) -> Self {
        Self { inputs, origin, rows: 0, sums: vec![0.0; inputs], products: vec![0.0; inputs * inputs] }
    }

    /// Takes `[n, inputs]` values into account: `n · k · inputs / 2` multiplications, if `k` values of a row are not the origin.
    ///
    /// # Panics
    /// If there is no whole number of rows.
    pub fn observe(&mut self, x: &[f32]) {
        assert_eq!(x.len() % self.inputs, 0, "a whole number of rows");
        let mut row = vec![0.0; self.inputs];
        for x in x.chunks_exact(self.inputs) {
            for ((row, sum), &x) in row.iter_mut().zip(&mut self.sums).zip(x) {
                *row = f64::from(x) - f64::from(self.origin);
                *sum += *row;
            }
            for (at, &factor) in row.iter().enumerate() {
                if factor != 0.0 {
                    let products = &mut self.products[at * self.inputs..][..=at];
                    products.iter_mut().zip(&row).for_each(|(product, value)| *product += factor * value);
                }
            }
            self.rows += 1;
        }
    }

    /// How many inputs the layer has.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The mean of each input.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if there were no rows.
    pub fn mean(&self) -> Result<Vec<f64>> {
        self.check()?;
        let origin = f64::from(self.origin);
        Ok(self.sums.iter().map(|sum| origin + sum / self.rows as f64).collect())
    }

    /// The covariance of the inputs, `[inputs, inputs]`.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if there were no rows, or values that are not finite.
    pub fn covariance(&self) -> Result<Vec<f64>> {
        self.check()?;
        let (n, rows) = (self.inputs, self.rows as f64);
        let mut covariance = vec![0.0; n * n];
        for at in 0..n {
            for other in 0..=at {
                let product = self.products[at * n + other] / rows;
                let value = product - self.sums[at] / rows * (self.sums[other] / rows);
                covariance[at * n + other] = value;
                covariance[other * n + at] = value;
            }
        }
        Ok(covariance)
    }

    fn check(&self) -> Result<()> {
        if self.rows == 0 {
            return Err(Error::Mismatch("a repair needs at least one digit to calibrate with".into()));
        }
        if !self.sums.iter().all(|sum| sum.is_finite()) {
            return Err(Error::Mismatch("a layer's inputs are not all finite".into()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn mean_and_covariance_by_hand() {
        // (1, 0), (3, 0), (5, 6): means 3 and 2, variances 8/3 and 8, covariance 4.
        for origin in [0.0, 1.0, -7.5] {
            let mut moments = Moments::new(2, origin);
            moments.observe(&[1.0, 0.0, 3.0, 0.0]);
            moments.observe(&[5.0, 6.0]);
            assert_eq!(moments.mean().unwrap(), [3.0, 2.0]);
            let covariance = moments.covariance().unwrap();
            for (found, expected) in covariance.iter().zip([8.0 / 3.0, 4.0, 4.0, 8.0]) {
                assert!((found - expected).abs() < 1e-12, "{covariance:?}");
            }
        }
    }

    #[test]
    fn no_digits_and_no_numbers_are_errors() {
        let mut moments = Moments::new(2, 0.0);
        assert!(moments.mean().unwrap_err().to_string().contains("at least one digit"));
        moments.observe(&[1.0, f32::NAN]);
        assert!(moments.covariance().unwrap_err().to_string().contains("not all finite"));
    }

    proptest! {
        #[test]
        fn batches_do_not_matter(x in prop::collection::vec(-2f32..2.0, 12), origin in -1f32..1.0) {
            let (mut whole, mut parts) = (Moments::new(3, origin), Moments::new(3, origin));
            whole.observe(&x);
            x.chunks(3).for_each(|row| parts.observe(row));
            prop_assert_eq!(whole.covariance().unwrap(), parts.covariance().unwrap());
        }
    }
}
