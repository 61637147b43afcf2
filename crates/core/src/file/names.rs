//! Which of a file's tensors are which of the network's.
//!
//! The network's own names are those of a PyTorch module with the attributes `linear1`, `linear2` and `linear3`. Others are
//! understood where there is no doubt:
//!
//! - what wrappers put in (`_orig_mod.` of `torch.compile`, `module.` of `DataParallel`), anywhere in a name;
//! - whatever all names begin with (`model.`, `net.`, `layers.`, …);
//! - three weight matrices of any names (`0.weight 2.weight 4.weight` of a `Sequential`, `fc1.weight fc2.weight out.weight`): in
//!   the order of their numbers, or else in the only order in which their shapes lead from 784 to 10.

use std::collections::BTreeMap;

use super::{Entry, LAYERS, PACKED, listed};
use crate::digits::{CLASSES, PIXELS};
use crate::{Error, Result};

/// Parts of a name that wrappers put in.
const WRAPPERS: [&str; 4] = ["_orig_mod", "module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];

/// Whether a tensor may be passed over: what observers and fake quantization remember, and counters.
pub fn is_passed_over(name: &str) -> bool {
    name.split('.').any(|part| {
        matches!(part, "num_batches_tracked" | "n_averaged" | "weight_fake_quant")
            || part.starts_with("activation_post_process")
    })
}

/// The network's own names of a file's tensors, in the same order, such as `linear1.weight`. A tensor that has no place in the
/// network has a name that the network does not know.
///
/// # Errors
/// [`Error::Model`] if two tensors are the same one, or the layers cannot be told.
pub fn own_names(tensors: &[(String, Entry)]) -> Result<Vec<String>> {
    let unwrapped = |(name, _): &(String, Entry)| {
        name.split('.').filter(|part| !WRAPPERS.contains(part)).collect::<Vec<_>>().join(".")
    };
    let mut own: Vec<String> = tensors.iter().map(unwrapped).collect();
    let has_room = |name: &String, prefix: &str| {
        name.strip_prefix(prefix)
            .and_then(|rest| rest.strip_prefix('.'))
            .is_some_and(|rest| rest.contains('.'))
    };
    while let Some(prefix) = own.first().and_then(|name| name.split('.').next()).map(str::to_owned)
        && own.iter().all(|name| has_room(name, &prefix))
    {
        own.iter_mut().for_each(|name| drop(name.drain(..=prefix.len())));
    }
    let mut seen = BTreeMap::new();
    for (name, (file_name, _)) in own.iter().zip(tensors) {
        if let Some(earlier) = seen.insert(name, file_name) {
            let both = [&**earlier, file_name];
            return Err(Error::Model(format!("{} are the same tensor, twice", listed(both))));
        }
    }
    if !own.iter().any(|name| name == "linear1.weight" || *name == format!("linear1.{PACKED}")) {
        let layers = layers(tensors, &own)?;
        for name in &mut own {
            let (layer, leaf) = name.rsplit_once('.').unwrap_or(("", name));
            if let Some(number) = layers.iter().position(|known| known == layer) {
                *name = format!("{}.{leaf}", LAYERS[number]);
            }
        }
    }
    Ok(own)
}

/// The three layers, in the order in which they follow each other.
fn layers(tensors: &[(String, Entry)], own: &[String]) -> Result<[String; 3]> {
    let mut found: Vec<(String, &str, &[usize])> = Vec::new();
    for (name, (file_name, entry)) in own.iter().zip(tensors) {
        if let (Some(layer), [_, _]) = (name.strip_suffix(".weight"), &entry.shape[..]) {
            found.push((layer.to_owned(), file_name, &entry.shape));
        }
    }
    found.sort_by_cached_key(|(layer, ..)| by_number(layer));
    let listed_names = || listed(found.iter().map(|&(_, name, _)| name));
    let [a, b, c] = &found[..] else {
        return Err(Error::Model(match found.len() {
            0 => format!(
                "no tensor linear1.weight, nor matrices of other names; the file has {}",
                listed(tensors.iter().map(|(name, _)| &**name))
            ),
            count => format!(
                "{count} weight matrices ({}), expected three: digit8's networks have three layers, \
                 with ReLU behind the first two",
                listed_names()
            ),
        }));
    };
    let orders = [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]];
    let fits = |[x, y, z]: &&[&(String, &str, &[usize]); 3]| {
        x.2[1] == PIXELS && y.2[1] == x.2[0] && z.2[1] == y.2[0] && z.2[0] == CLASSES
    };
    let by_shape: Vec<_> = orders.iter().filter(fits).collect();
    let numbered = found.iter().all(|(layer, ..)| layer.bytes().any(|byte| byte.is_ascii_digit()));
    let order = match by_shape[..] {
        // None: the shapes' error is about the order of the numbers.
        [] => orders[0],
        [&only] => only,
        _ if numbered => orders[0],
        _ => {
            return Err(Error::Model(format!(
                "{} fit together in more than one order: call them linear1.weight, linear2.weight and linear3.weight",
                listed_names()
            )));
        }
    };
    Ok(order.map(|(layer, ..)| layer.clone()))
}

/// A key that sorts `fc2` before `fc10`.
fn by_number(name: &str) -> String {
    let mut key = String::new();
    let mut rest = name;
    while !rest.is_empty() {
        let (digits, others) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
        let (text, next) = others.split_at(others.find(|c: char| c.is_ascii_digit()).unwrap_or(others.len()));
        if !digits.is_empty() {
            key.extend(std::iter::repeat_n('0', 20usize.saturating_sub(digits.len())));
        }
        key.push_str(digits);
        key.push_str(text);
        rest = next;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(tensors: &[(&str, &[usize])]) -> Result<Vec<String>> {
        let entry = |&(name, shape): &(&str, &[usize])| {
            (name.to_owned(), Entry { dtype: "F32".into(), shape: shape.to_vec(), bytes: 0..0 })
        };
        own_names(&tensors.iter().map(entry).collect::<Vec<_>>())
    }

    /// Three layers of these names, each with weights and a bias, and the sizes 784-6-5-10 in this order.
    fn layers(names: [&str; 3]) -> Vec<String> {
        let shapes: [&[usize]; 3] = [&[6, 784], &[5, 6], &[10, 5]];
        let [weights, biases] = ["weight", "bias"].map(|leaf| names.map(|name| format!("{name}.{leaf}")));
        let weights = weights.iter().zip(shapes).map(|(name, shape)| (&**name, shape));
        let biases = biases.iter().zip(shapes).map(|(name, shape)| (&**name, &shape[..1]));
        own(&weights.chain(biases).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn layers_of_many_names_are_understood() {
        let expected = ["weight", "bias"].map(|leaf| LAYERS.map(|layer| format!("{layer}.{leaf}"))).concat();
        for names in [
            LAYERS,
            ["fc1", "fc2", "fc3"],
            ["0", "2", "4"],
            ["8", "9", "10"],
            ["model.linear1", "model.linear2", "model.linear3"],
            [
                "_orig_mod.module.model.linear1",
                "_orig_mod.module.model.linear2",
                "_orig_mod.module.model.linear3",
            ],
            ["linear1._orig_mod", "linear2._orig_mod", "linear3"],
            ["module.layers.0", "module.layers.1", "module.layers.2"],
            ["linear_relu_stack.0", "linear_relu_stack.2", "linear_relu_stack.4"],
            ["linear1.0", "linear2.0", "linear3"],
            ["fc1", "fc2", "out"],
            ["input", "hidden", "output"],
            ["encoder.dense", "middle", "a.head"],
        ] {
            assert_eq!(layers(names), expected, "{names:?}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_said() {
        let message = |tensors: &[(&str, &[usize])]| own(tensors).unwrap_err().to_string();
        let said =
            message(&[("in.weight", &[784, 784]), ("mid.weight", &[784, 784]), ("out.weight", &[10, 784])]);
        assert!(said.contains("more than one order"), "{said}");
        // By their numbers there is no doubt.
        let numbered =
            own(&[("f2.weight", &[784, 784]), ("f1.weight", &[784, 784]), ("f3.weight", &[10, 784])]);
        assert_eq!(numbered.unwrap()[0], "linear2.weight");
        let said = message(&[("fc1.weight", &[10, 784]), ("fc2.weight", &[10, 10])]);
        assert!(said.contains("2 weight matrices (fc1.weight, fc2.weight), expected three"), "{said}");
        let said = message(&[("linear1.weight", &[3, 784]), ("module.linear1.weight", &[3, 784])]);
        assert!(said.contains("linear1.weight, module.linear1.weight are the same tensor"), "{said}");
        let foreign: Vec<String> = (0..3000).map(|number| format!("layer.{number}.w")).collect();
        let said = message(&foreign.iter().map(|name| (&**name, &[1][..])).collect::<Vec<_>>());
        assert!(said.contains("layer.0.w") && said.ends_with("and 2994 more"), "{said}");
        assert!(said.len() < 250, "{said}");
    }

    #[test]
    fn observers_may_be_passed_over_and_layers_may_not() {
        for name in [
            "quant.activation_post_process.min_val",
            "activation_post_process_0.eps",
            "linear1.weight_fake_quant.scale",
            "bn1.num_batches_tracked",
        ] {
            assert!(is_passed_over(name), "{name}");
        }
        for name in ["bn1.weight", "linear4.bias", "activation.weight", "num_batches_tracked_too"] {
            assert!(!is_passed_over(name), "{name}");
        }
    }
}
