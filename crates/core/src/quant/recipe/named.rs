//! Recipes that have a name.

use super::Recipe;
use crate::Result;

/// A recipe with a name.
#[derive(Debug)]
pub struct Named {
    /// The name.
    pub name: &'static str,
    /// Whose it is, or what it is good for, in a sentence or two.
    pub about: &'static str,
    /// The recipe, written as [`Recipe`] is.
    pub text: &'static str,
}

/// All recipes that have a name.
pub static NAMED: [Named; 7] = [
    Named {
        name: "pytorch",
        about: "The reference notebook's: PyTorch's eager mode with min-max observers, one scale a matrix, 7 bits of activations.",
        text: "",
    },
    Named {
        name: "pytorch-x86",
        about: "PyTorch's get_default_qconfig('x86'): histogram observers, a scale for each channel, 7 bits of activations.",
        text: "scheme=fused/per-channel/observer=histogram",
    },
    Named {
        name: "pt2e",
        about: "torchao's X86InductorQuantizer: histogram observers, a scale for each channel, 8 bits of activations, \
                scales of 2^-12 at least.",
        text: "scheme=fused/per-channel/activation-bits=8/observer=histogram/epsilon=0.00024414063",
    },
    Named {
        name: "integer-only",
        about: "That of Jacob et al. 2017: ReLU fused, one scale a matrix, 8 bits of activations, ranges by moving averages. \
                The bias stays real, as PyTorch keeps it.",
        text: "scheme=fused/activation-bits=8/observer=moving-average/calibrate=train",
    },
    Named {
        name: "best-4",
        about: "The most that 4 bits a weight gave on training digits kept apart.",
        text: "scheme=fused/weight-bits=4/per-channel/weight-range=mse/calibrate=train/samples=1000/rounding=gptq",
    },
    Named {
        name: "best-3",
        about: "The most that 3 bits a weight gave on training digits kept apart.",
        text: "scheme=fused/weight-bits=3/per-channel/weight-range=mse/calibrate=train/samples=1000/equalize/rounding=gptq",
    },
    Named {
        name: "best-2",
        about: "The most that 2 bits a weight gave on training digits kept apart.",
        text: "scheme=fused/weight-bits=2/per-channel/weight-range=mse/calibrate=train/samples=1000/rounding=gptq",
    },
];

/// The recipe of a name.
pub(super) fn named(name: &str) -> Option<&'static Named> {
    NAMED.iter().find(|named| named.name == name)
}

impl Named {
    /// The recipe.
    ///
    /// # Errors
    /// None that the tests of this table let pass.
    pub fn recipe(&self) -> Result<Recipe> {
        if self.text.is_empty() { Ok(Recipe::default()) } else { self.text.parse() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_recipe_is_written_as_it_would_be() {
        for named in &NAMED[1..] {
            assert_eq!(named.recipe().unwrap().to_string(), named.text, "{}", named.name);
            assert_eq!(named.name.parse::<Recipe>().unwrap(), named.recipe().unwrap());
        }
        assert_eq!(NAMED[0].recipe().unwrap(), Recipe::default());
    }

    #[test]
    fn the_least_scale_of_pt2e_is_a_power_of_two() {
        assert_eq!("pt2e".parse::<Recipe>().unwrap().epsilon.0, 2f32.powi(-12));
    }
}
