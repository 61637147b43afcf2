//! Recipes in one line: `scheme=fused/weight-bits=4,8,8/per-channel`.
//!
//! A part is a word, as the command line's flags have it, and what it is set to. The parts stand in the order of [`PARTS`], only
//! those that are not as by default, so that a recipe is written in one way; `pytorch` is the one that has none. What is read may be
//! in any order, and may start from a recipe that has a name: `best-3/scheme=dynamic`.

use std::fmt;
use std::str::FromStr;

use super::{Epsilon, Recipe, Set, named};
use crate::quant::{Granularity, Width};
use crate::{Error, Result};

/// A part of a recipe, as it is written.
#[derive(Debug)]
pub struct Part {
    /// What it is called: the flag's name, and the word in text.
    pub name: &'static str,
    /// What stands for its value in help; nothing for a part that is either there or not.
    pub value: Option<&'static str>,
    /// What it does, in two sentences.
    pub about: &'static str,
    get: fn(&Recipe) -> String,
    set: fn(&mut Recipe, &str) -> Result<()>,
}

/// All parts, in the order of their text.
pub static PARTS: [Part; 19] = [
    Part {
        name: "scheme",
        value: Some("SCHEME"),
        about: "What turns activations into integers: static, fused (static with ReLU in the layer before it) or dynamic. \
                Static schemes fix their scales by calibration, the dynamic one measures each batch as it comes.",
        get: |recipe| recipe.scheme.to_string(),
        set: |recipe, text| set(&mut recipe.scheme, text),
    },
    Part {
        name: "weight-bits",
        value: Some("BITS"),
        about: "The width of weights: 8 to 2 bits, ternary (-1, 0, 1) or binary (-1, 1), for all layers or for each (4,8,8). \
                The file shrinks with it; below 5 bits the other parts decide what is still read right.",
        get: |recipe| {
            let [one, two, three] = recipe.weights.bits;
            if one == two && two == three { one.to_string() } else { format!("{one},{two},{three}") }
        },
        set: |recipe, text| {
            let widths = text.split(',').map(str::parse).collect::<Result<Vec<Width>>>()?;
            recipe.weights.bits = match widths[..] {
                [all] => [all; 3],
                [one, two, three] => [one, two, three],
                _ => {
                    return Err(Error::Recipe(format!(
                        "{} widths of weights, expected 1 or 3",
                        widths.len()
                    )));
                }
            };
            Ok(())
        },
    },
    Part {
        name: "per-channel",
        value: None,
        about: "Each output channel's weights have a scale of their own, instead of one for the whole matrix. \
                Channels of small weights then lose nothing to those of large ones.",
        get: |recipe| (recipe.weights.granularity == Granularity::PerChannel).to_string(),
        set: |recipe, text| {
            let per_channel = yes(text)?;
            recipe.weights.granularity =
                if per_channel { Granularity::PerChannel } else { Granularity::PerTensor };
            Ok(())
        },
    },
    Part {
        name: "weight-range",
        value: Some("OBSERVER"),
        about: "The range that the weights' integers cover: min-max, mse, percentile:99.9, or another observer. \
                A smaller range clips the greatest weights and gives all others finer steps.",
        get: |recipe| recipe.weights.range.to_string(),
        set: |recipe, text| set(&mut recipe.weights.range, text),
    },
    Part {
        name: "activation-bits",
        value: Some("BITS"),
        about: "The bits of activations, 2 to 8. Seven are PyTorch's reduce_range on x86, which aims at 0 to 127 and \
                keeps what lies above.",
        get: |recipe| recipe.activations.bits.to_string(),
        set: |recipe, text| number(&mut recipe.activations.bits, "activation bits", text),
    },
    Part {
        name: "symmetric",
        value: None,
        about: "Activations have 0 at the integer in the middle, instead of where it happens to lie. \
                Simpler, and half of the integers are lost on activations behind ReLU.",
        get: |recipe| recipe.activations.symmetric.to_string(),
        set: |recipe, text| yes(text).map(|yes| recipe.activations.symmetric = yes),
    },
    Part {
        name: "observer",
        value: Some("OBSERVER"),
        about: "What chooses the range of activations: min-max, moving-average, histogram, percentile:99.99, mse or entropy. \
                It watches calibration digits on their way through the float network.",
        get: |recipe| recipe.activations.observer.to_string(),
        set: |recipe, text| set(&mut recipe.activations.observer, text),
    },
    Part {
        name: "epsilon",
        value: Some("SCALE"),
        about: "The least scale there is, for a tensor whose values are all nearly 0. PyTorch's eager mode has 2^-23, \
                its pt2e quantizers 2^-12.",
        get: |recipe| recipe.epsilon.0.to_string(),
        set: |recipe, text| {
            let Epsilon(epsilon) = &mut recipe.epsilon;
            number(epsilon, "epsilon", text)
        },
    },
    Part {
        name: "calibrate",
        value: Some("SET"),
        about: "The digits that calibrate: test or train. The reference notebook takes the test digits; whoever reports an \
                accuracy on them should not.",
        get: |recipe| match recipe.calibration.set {
            Set::Test => "test".into(),
            Set::Train => "train".into(),
        },
        set: |recipe, text| {
            recipe.calibration.set = match text {
                "test" => Set::Test,
                "train" => Set::Train,
                _ => return Err(Error::Recipe(format!("calibrate '{text}', expected test or train"))),
            };
            Ok(())
        },
    },
    Part {
        name: "samples",
        value: Some("N"),
        about: "How many digits calibrate, the first ones of their set, or all. A few hundred are as good as all for \
                ranges; GPTQ and AdaRound like a thousand.",
        get: |recipe| count(recipe.calibration.digits),
        set: |recipe, text| counted(&mut recipe.calibration.digits, "samples", text),
    },
    Part {
        name: "sample-batch",
        value: Some("N"),
        about: "Digits in a batch of calibration. Observers that average or merge batches depend on it; min-max does not.",
        get: |recipe| recipe.calibration.batch.to_string(),
        set: |recipe, text| number(&mut recipe.calibration.batch, "sample-batch", text),
    },
    Part {
        name: "equalize",
        value: None,
        about: "Moves scales from layer to layer, so that the channels of a layer become alike (Nagel et al. 2019). \
                The float network's answers stay, and one scale a matrix fits all of its channels better.",
        get: |recipe| recipe.repairs.equalize.to_string(),
        set: |recipe, text| yes(text).map(|yes| recipe.repairs.equalize = yes),
    },
    Part {
        name: "correct-bias",
        value: None,
        about: "Takes the mean error of each output, as calibration digits have it, off its bias (Nagel et al. 2019, 4.2). \
                It helps at 4 and 3 bits; at 2 the errors are no longer a mean.",
        get: |recipe| recipe.repairs.correct_bias.to_string(),
        set: |recipe, text| yes(text).map(|yes| recipe.repairs.correct_bias = yes),
    },
    Part {
        name: "rounding",
        value: Some("HOW"),
        about: "How a weight between two integers chooses one: nearest, adaround or gptq. The last two look at \
                calibration digits, to change the layer's output least.",
        get: |recipe| recipe.repairs.rounding.to_string(),
        set: |recipe, text| set(&mut recipe.repairs.rounding, text),
    },
    Part {
        name: "retrain",
        value: Some("EPOCHS"),
        about: "Trains on with the quantized weights in view, so many times over the training digits; 0 for not at all. \
                Forwards it computes with what the integers stand for, and gradients go straight through the rounding.",
        get: |recipe| recipe.retraining.epochs.to_string(),
        set: |recipe, text| number(&mut recipe.retraining.epochs, "retrain", text),
    },
    Part {
        name: "retrain-digits",
        value: Some("N"),
        about: "How many training digits retrain, the first ones, or all. Ten thousand bring most of what sixty thousand do.",
        get: |recipe| count(recipe.retraining.digits),
        set: |recipe, text| counted(&mut recipe.retraining.digits, "retrain-digits", text),
    },
    Part {
        name: "retrain-batch",
        value: Some("N"),
        about: "Digits in a batch of retraining. Small batches make more steps of an epoch and take longer.",
        get: |recipe| recipe.retraining.batch.to_string(),
        set: |recipe, text| number(&mut recipe.retraining.batch, "retrain-batch", text),
    },
    Part {
        name: "learning-rate",
        value: Some("RATE"),
        about: "Adam's learning rate at the start of retraining; it falls to 0 along half a cosine. \
                Fewer bits like a higher one.",
        get: |recipe| recipe.retraining.learning_rate.to_string(),
        set: |recipe, text| number(&mut recipe.retraining.learning_rate, "learning-rate", text),
    },
    Part {
        name: "seed",
        value: Some("SEED"),
        about: "Where the order of the digits in retraining starts from. The same seed gives the same bits everywhere.",
        get: |recipe| recipe.retraining.seed.to_string(),
        set: |recipe, text| number(&mut recipe.retraining.seed, "seed", text),
    },
];

impl Recipe {
    /// Sets one part, as `--name value` does on the command line; `true` for a part that is either there or not.
    ///
    /// # Errors
    /// [`Error::Recipe`] if there is no such part, or it cannot be that.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match PARTS.iter().find(|part| part.name == name) {
            Some(part) => (part.set)(self, value),
            None => {
                let names: Vec<_> = PARTS.iter().map(|part| part.name).collect();
                Err(Error::Recipe(format!("no part '{name}', expected one of {}", names.join(", "))))
            }
        }
    }
}

impl Part {
    /// What it is in a recipe, as text.
    pub fn of(&self, recipe: &Recipe) -> String {
        (self.get)(recipe)
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let default = Recipe::default();
        let parts = PARTS.iter().map(|part| (part, part.of(self), part.of(&default)));
        let parts: Vec<String> = parts
            .filter(|(_, value, default)| value != default)
            .map(|(part, value, _)| match part.value {
                Some(_) => format!("{}={value}", part.name),
                None => part.name.into(),
            })
            .collect();
        f.write_str(&if parts.is_empty() { "pytorch".into() } else { parts.join("/") })
    }
}

impl FromStr for Recipe {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut recipe = Recipe::default();
        for (index, part) in text.split('/').enumerate() {
            match part.split_once('=') {
                Some((name, value)) => recipe.set(name, value)?,
                None => match named::named(part) {
                    Some(found) if index == 0 => recipe = found.recipe()?,
                    Some(_) => {
                        return Err(Error::Recipe(format!(
                            "{part} behind other parts, expected before them"
                        )));
                    }
                    None if PARTS.iter().any(|known| known.name == part) => recipe.set(part, "true")?,
                    None => {
                        let names =
                            named::NAMED.iter().map(|named| named.name).collect::<Vec<_>>().join(", ");
                        return Err(Error::Recipe(format!(
                            "'{part}', expected a recipe's name ({names}) or a part such as weight-bits=4"
                        )));
                    }
                },
            }
        }
        recipe.check()?;
        Ok(recipe)
    }
}

fn set<T: FromStr<Err = Error>>(part: &mut T, text: &str) -> Result<()> {
    *part = text.parse()?;
    Ok(())
}

fn number<T: FromStr>(part: &mut T, what: &str, text: &str) -> Result<()> {
    *part = text.parse().map_err(|_| Error::Recipe(format!("{what} '{text}', expected a number")))?;
    Ok(())
}

fn yes(text: &str) -> Result<bool> {
    text.parse().map_err(|_| Error::Recipe(format!("'{text}', expected true or false")))
}

fn count(count: Option<usize>) -> String {
    count.map_or("all".into(), |count| count.to_string())
}

fn counted(part: &mut Option<usize>, what: &str, text: &str) -> Result<()> {
    *part = match text {
        "all" => None,
        _ => Some(
            text.parse()
                .map_err(|_| Error::Recipe(format!("{what} '{text}', expected a whole number, or all")))?,
        ),
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::int8::Scheme;
    use crate::quant::observers::OBSERVERS;
    use crate::quant::{ObserverKind, Rounding, recipe};

    fn observers() -> impl Strategy<Value = ObserverKind> {
        (0..OBSERVERS.len()).prop_map(|index| OBSERVERS[index].name.parse().unwrap())
    }

    fn recipes() -> impl Strategy<Value = Recipe> {
        let width = || proptest::sample::select(Width::ALL.to_vec());
        let granularity = proptest::sample::select(vec![Granularity::PerTensor, Granularity::PerChannel]);
        let weights = ([width(), width(), width()], granularity, observers())
            .prop_map(|(bits, granularity, range)| recipe::Weights { bits, granularity, range });
        let activations = (2..=8u32, any::<bool>(), observers())
            .prop_map(|(bits, symmetric, observer)| recipe::Activations { bits, symmetric, observer });
        let set = proptest::sample::select(vec![Set::Train, Set::Test]);
        let calibration = (set, proptest::option::of(1..70_000usize), 1..1000usize)
            .prop_map(|(set, digits, batch)| recipe::Calibration { set, digits, batch });
        let rounding = (0..Rounding::ALL.len()).prop_map(|index| Rounding::ALL[index].0);
        let repairs =
            (any::<bool>(), any::<bool>(), rounding).prop_map(|(equalize, correct_bias, rounding)| {
                recipe::Repairs { equalize, correct_bias, rounding }
            });
        let retraining =
            (0..=1000usize, proptest::option::of(1..70_000usize), 1..1000usize, 1e-9..1f32, any::<u32>())
                .prop_map(|(epochs, digits, batch, learning_rate, seed)| recipe::Retraining {
                    epochs,
                    digits,
                    batch,
                    learning_rate,
                    seed,
                });
        let scheme = proptest::sample::select(vec![Scheme::Static, Scheme::Fused]);
        (scheme, weights, activations, 1e-30..1f32, calibration, repairs, retraining).prop_map(
            |(scheme, weights, activations, epsilon, calibration, repairs, retraining)| Recipe {
                scheme,
                weights,
                activations,
                epsilon: Epsilon(epsilon),
                calibration,
                repairs,
                retraining,
            },
        )
    }

    proptest! {
        #[test]
        fn every_recipe_is_read_as_it_is_written(recipe in recipes()) {
            let text = recipe.to_string();
            prop_assert_eq!(&text.parse::<Recipe>().unwrap(), &recipe);
            prop_assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || "-=,:/.".contains(c)), "{}", text);
            let json = serde_json::to_string(&recipe).unwrap();
            prop_assert_eq!(Recipe::from_json(&json).unwrap(), recipe);
        }

        #[test]
        fn text_that_is_no_recipe_is_an_error_and_no_panic(text in "[a-z0-9=/,:.-]{0,40}") {
            let _ = text.parse::<Recipe>();
        }
    }

    #[test]
    fn parts_are_written_in_one_order_and_read_in_any() {
        let recipe: Recipe =
            "rounding=gptq/per-channel/scheme=fused/equalize=true/symmetric=false".parse().unwrap();
        assert_eq!(recipe.to_string(), "scheme=fused/per-channel/equalize/rounding=gptq");
        assert_eq!(Recipe::default().to_string(), "pytorch");
        assert_eq!("pytorch".parse::<Recipe>().unwrap(), Recipe::default());
        let over: Recipe = "pytorch/weight-bits=3".parse().unwrap();
        assert_eq!(over.to_string(), "weight-bits=3");
    }

    #[test]
    fn what_is_no_recipe_is_said() {
        let message = |text: &str| text.parse::<Recipe>().unwrap_err().to_string();
        assert!(message("").contains("expected a recipe's name (pytorch, "));
        assert!(message("best-9").contains("'best-9', expected a recipe's name"));
        assert!(message("weight-bits=4,8").contains("2 widths of weights, expected 1 or 3"));
        assert!(message("weight-bits=1").contains("1 bits, expected 2 to 8"));
        assert!(message("weights=4").contains("no part 'weights', expected one of scheme, weight-bits, "));
        assert!(message("samples=few").contains("samples 'few', expected a whole number, or all"));
        assert!(message("samples=0").contains("calibration with no digits"));
        assert!(message("weight-bits=4/pytorch").contains("pytorch behind other parts"));
        assert!(message("equalize=maybe").contains("'maybe', expected true or false"));
        assert!(message("calibrate=both").contains("expected test or train"));
        assert!(message("learning-rate=NaN").contains("a learning rate of NaN"));
    }

    #[test]
    fn every_part_says_what_it_is() {
        for (index, part) in PARTS.iter().enumerate() {
            assert!(part.about.ends_with('.') && part.about.len() > 40, "{}", part.name);
            assert!(!PARTS[..index].iter().any(|other| other.name == part.name), "two parts {}", part.name);
        }
    }
}
