use digit8_kernels::int8::MAX_INPUTS;
use digit8_kernels::{Kernel, float::Weights};
use ndarray::{Array1, Array2};

use crate::digits::{CLASSES, PIXELS, normalized};
use crate::error::fault;
use crate::{Error, Result};

/// A linear layer: `y = x · weightᵀ + bias`.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// `[outputs, inputs]`.
    pub weight: Array2<f32>,
    /// `[outputs]`.
    pub bias: Array1<f32>,
}

/// The network's weights: `linear1`, ReLU, `linear2`, ReLU, `linear3`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mlp {
    layers: [Linear; 3],
}

impl Mlp {
    /// A network of these layers.
    ///
    /// # Errors
    /// [`Error::Model`] if the shapes do not follow each other from 784 to 10, or a weight is not finite.
    pub fn new(layers: [Linear; 3]) -> Result<Self> {
        check_shapes(&layers.each_ref().map(|layer| (layer.weight.dim(), layer.bias.len())))?;
        for (number, layer) in (1..).zip(&layers) {
            check_finite(&format!("linear{number}.weight"), layer.weight.iter())?;
            check_finite(&format!("linear{number}.bias"), layer.bias.iter())?;
        }
        Ok(Self { layers })
    }

    /// The three layers.
    pub fn layers(&self) -> &[Linear; 3] {
        &self.layers
    }

    /// The network without its smallest weights: those below `share` of the greatest of their layer are 0 (magnitude pruning, Han
    /// et al. 2015, "Learning both weights and connections for efficient neural networks"). Biases stay.
    pub fn pruned(mut self, share: f32) -> Self {
        for Linear { weight, .. } in &mut self.layers {
            let greatest = weight.iter().fold(0.0f32, |greatest, weight| greatest.max(weight.abs()));
            let least = share * greatest;
            weight.mapv_inplace(|weight| if weight.abs() < least { 0.0 } else { weight });
        }
        self
    }

    /// The sizes of the two hidden layers.
    pub fn hidden(&self) -> [usize; 2] {
        [self.layers[0].bias.len(), self.layers[1].bias.len()]
    }

    /// The outputs of each layer before ReLU, `[batch, outputs]`, for `pixels` `[batch, 784]`.
    pub fn layer_outputs(&self, kernel: Kernel, pixels: &[u8]) -> [Array2<f32>; 3] {
        let table = normalized();
        let batch = pixels.len() / PIXELS;
        let mut x: Vec<f32> = pixels.iter().map(|&pixel| table[usize::from(pixel)]).collect();
        self.layers.each_ref().map(|layer| {
            let (outputs, inputs) = layer.weight.dim();
            let weights = Weights::pack(kernel, &contiguous(&layer.weight), outputs, inputs);
            let mut y = vec![0.0; batch * outputs];
            weights.forward(&x, &layer.bias.to_vec(), false, &mut y);
            x = y.iter().map(|y| y.max(0.0)).collect();
            matrix(&y, outputs)
        })
    }
}

/// The array's values in row-major order, whatever its layout.
pub(crate) fn contiguous<T: Copy>(array: &Array2<T>) -> Vec<T> {
    array.iter().copied().collect()
}

/// The matrix of these values, row by row, with so many columns.
pub(crate) fn matrix<T: Copy>(values: &[T], columns: usize) -> Array2<T> {
    Array2::from_shape_fn((values.len() / columns, columns), |(row, column)| values[row * columns + column])
}

/// Checks that layers of these weight shapes and bias lengths lead from 784 pixels to 10 logits.
pub(crate) fn check_shapes(layers: &[((usize, usize), usize); 3]) -> Result<()> {
    let mut inputs = PIXELS;
    for (number, &((rows, columns), bias)) in (1..).zip(layers) {
        let outputs = if number == 3 { CLASSES } else { rows };
        if (rows, columns) != (outputs, inputs) || !(1..=MAX_INPUTS).contains(&rows) {
            return Err(Error::model(|| {
                let expected = if number == 3 { CLASSES.to_string() } else { format!("1 to {MAX_INPUTS}") };
                format!("linear{number}.weight is [{rows}, {columns}], expected [{expected}, {inputs}]")
            }));
        }
        if bias != outputs {
            return Err(Error::model(|| format!("linear{number}.bias is [{bias}], expected [{outputs}]")));
        }
        inputs = outputs;
    }
    Ok(())
}

/// Checks that every value of a tensor is finite.
pub(crate) fn check_finite<'a>(name: &str, mut values: impl Iterator<Item = &'a f32>) -> Result<()> {
    match values.find(|value| !value.is_finite()) {
        Some(&value) => {
            Err(Error::model(|| format!("{name} holds {}, expected finite numbers", fault(value))))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_must_follow_each_other() {
        let message = |hidden| Mlp::random(hidden, 0).unwrap_err().to_string();
        assert!(Mlp::random([1, 1], 0).is_ok());
        assert!(message([0, 5]).contains("linear1.weight is [0, 784], expected [1 to 32768, 784]"));
        assert!(message([1, MAX_INPUTS + 1]).contains("linear2.weight is [32769, 1]"));
        // Refused before there is an attempt to allocate it.
        assert!(message([1 << 40, 1 << 40]).contains("linear1.weight is [1099511627776, 784]"));
        let [linear1, _, linear3] = Mlp::random([3, 4], 0).unwrap().layers().clone();
        let [_, other, _] = Mlp::random([5, 4], 0).unwrap().layers().clone();
        let error = Mlp::new([linear1, other, linear3]).unwrap_err().to_string();
        assert!(error.contains("linear2.weight is [4, 5], expected [1 to 32768, 3]"), "{error}");
    }
}
