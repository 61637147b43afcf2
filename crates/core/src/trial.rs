//! Two networks on many labelled digits: how many each reads right, and every digit that is worth a look.

use serde::Serialize;

use crate::compare::{Confusion, argmax, softmax};
use crate::digits::CLASSES;
use crate::{Error, Result};

/// The answers of a float network and its int8 version to labelled digits, added batch by batch.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trial {
    /// What the float network read.
    pub float: Confusion,
    /// What the int8 network read.
    pub int8: Confusion,
    /// The digits that one of them reads wrongly, or the two differently.
    pub cases: Vec<Case>,
}

/// A digit that one of the networks reads wrongly.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Case {
    /// Which of the digits, from 0.
    pub index: usize,
    /// What it is.
    pub label: usize,
    /// What the float network reads.
    pub float: usize,
    /// What the int8 network reads.
    pub int8: usize,
    /// How much more probable the wrong digit is than the right one, 0 to 1: the less, the closer. Of the network that came
    /// closer, if both are wrong.
    pub margin: f64,
}

impl Trial {
    /// Adds the logits `[n, 10]` that the two networks gave to digits with these labels `[n]`, the next after those that were
    /// added before.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if there are not ten logits for each label, or a label is no digit.
    pub fn add(&mut self, float: &[f32], int8: &[f32], labels: &[u8]) -> Result<()> {
        let expected = CLASSES * labels.len();
        if float.len() != expected || int8.len() != expected {
            let (found, count) = (float.len().min(int8.len()), labels.len());
            return Err(Error::Mismatch(format!("{found} logits for {count} digits, expected {expected}")));
        }
        if let Some(label) = labels.iter().find(|&&label| usize::from(label) >= CLASSES) {
            return Err(Error::Mismatch(format!("a label {label}, expected 0 to 9")));
        }
        let first = self.float.total() as usize;
        let pairs = float.as_chunks().0.iter().zip(int8.as_chunks().0).zip(labels).enumerate();
        for (at, ((float, int8), &label)) in pairs {
            self.cases.extend(Case::of(first + at, label.into(), float, int8));
        }
        for (confusion, logits) in [(&mut self.float, float), (&mut self.int8, int8)] {
            confusion.add(&Confusion::count(logits, labels));
        }
        Ok(())
    }

    /// The cases, the closest first.
    pub fn sort(&mut self) {
        self.cases.sort_by(|a, b| a.margin.total_cmp(&b.margin).then(a.index.cmp(&b.index)));
    }
}

impl Case {
    /// The case of a digit; none if both networks read it right.
    fn of(index: usize, label: usize, float: &[f32; CLASSES], int8: &[f32; CLASSES]) -> Option<Self> {
        let margin = |logits: &[f32; CLASSES]| {
            let (read, probabilities) = (argmax(logits), softmax(logits));
            (read != label).then(|| probabilities[read] - probabilities[label])
        };
        let margin = [margin(float), margin(int8)].into_iter().flatten().reduce(f64::min)?;
        Some(Self { index, label, float: argmax(float), int8: argmax(int8), margin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logits of a network that is `sure` of a digit, and thinks next of another.
    fn logits(digit: usize, sure: f32, next: usize) -> [f32; CLASSES] {
        let mut logits = [0.0; CLASSES];
        (logits[digit], logits[next]) = (sure, 1.0);
        logits
    }

    #[test]
    fn cases_are_what_one_network_reads_wrongly_the_closest_first() {
        let float = [logits(3, 5.0, 8), logits(7, 9.0, 1), logits(4, 2.0, 9), logits(0, 5.0, 1)];
        let int8 = [logits(8, 1.5, 3), logits(7, 9.0, 1), logits(4, 1.2, 9), logits(0, 5.0, 1)];
        let mut trial = Trial::default();
        // In two batches: the second goes on counting.
        trial.add(&float[..2].concat(), &int8[..2].concat(), &[3, 1]).unwrap();
        trial.add(&float[2..].concat(), &int8[2..].concat(), &[9, 0]).unwrap();
        trial.sort();
        assert_eq!((trial.float.correct(), trial.int8.correct(), trial.int8.total()), (2, 1, 4));
        let found: Vec<_> =
            trial.cases.iter().map(|case| (case.index, case.label, case.float, case.int8)).collect();
        // A 9 just missed by int8, a 3 that int8 alone missed, a 1 that both took for a 7.
        assert_eq!(found, [(2, 9, 4, 4), (0, 3, 3, 8), (1, 1, 7, 7)]);
        let probabilities = softmax(&int8[2]);
        assert_eq!(trial.cases[0].margin, probabilities[4] - probabilities[9]);
        assert!(trial.cases.is_sorted_by_key(|case| case.margin));
    }

    #[test]
    fn what_does_not_fit_together_is_an_error() {
        let mut trial = Trial::default();
        assert!(trial.add(&[0.0; 10], &[0.0; 20], &[1, 2]).is_err());
        assert!(trial.add(&[0.0; 10], &[0.0; 10], &[10]).is_err());
        assert_eq!(trial, Trial::default());
    }
}
