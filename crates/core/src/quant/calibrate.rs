//! Calibration: run the float network over sample images and let an observer watch each layer's output.

use serde::{Deserialize, Serialize};

use crate::digits::PIXELS;
use crate::float::Mlp;
use crate::int8::Scheme;
use crate::quant::reals::Reals;
use crate::quant::{Range, Recipe};
use crate::{Error, Kernel, Result};

/// What the observers saw: of the input, and of each layer's output (behind ReLU where the scheme fuses it).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observations {
    /// The normalised pixels.
    pub quant: Range,
    /// The first layer's output.
    pub linear1: Range,
    /// The second layer's output.
    pub linear2: Range,
    /// The logits.
    pub linear3: Range,
}

impl Observations {
    /// The ranges of the three layers' outputs.
    pub fn layers(&self) -> [Range; 3] {
        [self.linear1, self.linear2, self.linear3]
    }
}

/// Observes `pixels` (`[n, 784]`) on their way through the network, as PyTorch's min-max observers do. `progress` is told the number of
/// images done.
///
/// # Errors
/// [`Error::Range`] if there were no images or a layer's output was not finite.
pub fn calibrate(
    mlp: &Mlp,
    kernel: Kernel,
    scheme: Scheme,
    pixels: &[u8],
    mut progress: impl FnMut(usize),
) -> Result<Observations> {
    let mut recipe = Recipe { scheme, ..Recipe::default() };
    recipe.calibration.batch = 100;
    observe(mlp, kernel, &recipe, pixels, &mut |done| {
        progress(done);
        Ok(())
    })
}

/// Observes `pixels` (`[n, 784]`) on their way through the network, in batches and with observers as the recipe has them; the same bits
/// on every kernel. `progress` is told the number of images done.
///
/// # Errors
/// [`Error::Range`] if there were no images or a layer's output was not finite; those of `progress`.
pub fn observe(
    mlp: &Mlp,
    kernel: Kernel,
    recipe: &Recipe,
    pixels: &[u8],
    progress: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<Observations> {
    if pixels.len() < PIXELS {
        return Err(Error::Range("activations: there are no digits to calibrate with".into()));
    }
    let fused = recipe.scheme == Scheme::Fused;
    let mut network = Reals::new(mlp, kernel);
    let mut observers = std::array::from_fn::<_, 4, _>(|_| recipe.activations.observer.observer());
    for batch in pixels.chunks(recipe.calibration.batch.max(1).saturating_mul(PIXELS)) {
        for (observer, outputs) in observers.iter_mut().zip(network.run(batch, fused)) {
            let values: Vec<f32> = (0..outputs.count()).flat_map(|row| outputs.row(row)).copied().collect();
            observer.observe(&values);
        }
        progress(batch.len() / PIXELS)?;
    }
    let grid = recipe.activation_grid()?;
    let range = |name: &str, index: usize| observers[index].range(&grid).checked(name);
    Ok(Observations {
        quant: range("quant", 0)?,
        linear1: range("linear1", 1)?,
        linear2: range("linear2", 2)?,
        linear3: range("linear3", 3)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::observers::OBSERVERS;

    /// Noise that is mostly paper, like a digit.
    fn images(count: usize) -> Vec<u8> {
        (0..count * PIXELS).map(|at| if at % 5 == 0 { (at * 7919 % 256) as u8 } else { 0 }).collect()
    }

    #[test]
    fn every_observer_sees_the_same_on_every_kernel() {
        let mlp = Mlp::random([30, 20], 1).unwrap();
        for method in OBSERVERS {
            let mut recipe = Recipe { scheme: Scheme::Fused, ..Recipe::default() };
            recipe.activations.observer = method.name.parse().unwrap();
            let seen = |kernel| observe(&mlp, kernel, &recipe, &images(23), &mut |_| Ok(())).unwrap();
            let scalar = seen(Kernel::Scalar);
            for kernel in Kernel::available() {
                assert_eq!(seen(kernel), scalar, "{} on {}", method.name, kernel.name());
            }
        }
    }

    #[test]
    fn ranges_are_those_of_the_network() {
        let (mlp, pixels) = (Mlp::random([30, 20], 2).unwrap(), images(7));
        for scheme in [Scheme::Static, Scheme::Fused] {
            let seen = calibrate(&mlp, Kernel::Scalar, scheme, &pixels, |_| ()).unwrap();
            for (index, (seen, outputs)) in
                seen.layers().into_iter().zip(mlp.layer_outputs(Kernel::Scalar, &pixels)).enumerate()
            {
                let relu = scheme == Scheme::Fused && index < 2;
                let expected = Range::of(&outputs.mapv(|y| if relu { y.max(0.0) } else { y }));
                assert!((seen.min - expected.min).abs() < 1e-5 && (seen.max - expected.max).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn no_digits_are_an_error() {
        let mlp = Mlp::random([30, 20], 3).unwrap();
        let error = calibrate(&mlp, Kernel::Scalar, Scheme::Static, &[], |_| ()).unwrap_err().to_string();
        assert!(error.contains("no digits to calibrate with"), "{error}");
    }
}
