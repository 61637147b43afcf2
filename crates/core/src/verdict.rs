//! "Not sure": whether to believe a network that would call anything a digit.
//!
//! The rule is the greatest of the ten probabilities against a threshold. It tells little of a network that only ever saw digits;
//! one that was also shown [what is none](crate::others), with every digit as likely as the others, spreads its
//! probabilities when it sees no digit. The threshold belongs to a network, so it stands in its file.

use serde::Serialize;

use crate::compare::{argmax, softmax};
use crate::digits::CLASSES;
use crate::file::Info;

/// The threshold of networks whose files name none.
pub const SURE: f64 = 0.6;
/// The threshold's name in the metadata of a model's file.
pub const METADATA: &str = "sure";

/// A network's answer and whether to believe it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The digit with the greatest logit.
    pub digit: usize,
    /// Its probability.
    pub probability: f64,
    /// Whether that reaches the threshold.
    pub sure: bool,
}

impl Verdict {
    /// The verdict of these logits, with `threshold` the least probability that is believed, 0 to 1.
    pub fn of(logits: &[f32; CLASSES], threshold: f64) -> Self {
        let digit = argmax(logits);
        let probability = softmax(logits)[digit];
        // A logit that is not a number compares as false: not sure.
        Self { digit, probability, sure: probability >= threshold }
    }
}

/// The threshold that the metadata of a model's file names, or [`SURE`].
pub fn threshold(info: &Info) -> f64 {
    let named = info.get(METADATA).and_then(|text| text.parse().ok());
    named.filter(|threshold| (0.0..=1.0).contains(threshold)).unwrap_or(SURE)
}

/// The greatest threshold that refuses at most `share` of answers with these probabilities; 0 where there are none.
pub fn threshold_refusing(share: f64, mut probabilities: Vec<f64>) -> f64 {
    probabilities.sort_unstable_by(f64::total_cmp);
    let refused = (share.clamp(0.0, 1.0) * probabilities.len() as f64) as usize;
    probabilities.get(refused).or(probabilities.last()).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_logits_are_refused_and_steep_ones_believed() {
        let mut logits = [0.0; CLASSES];
        assert!(!Verdict::of(&logits, SURE).sure);
        logits[7] = 9.0;
        let verdict = Verdict::of(&logits, SURE);
        assert_eq!((verdict.digit, verdict.sure), (7, true));
        assert!(verdict.probability > 0.99);
        assert!(!Verdict::of(&[f32::NAN; CLASSES], 0.0).sure);
    }

    #[test]
    fn threshold_refuses_no_more_than_asked_for() {
        let probabilities: Vec<f64> = (0..200).map(|n| f64::from(n * 77 % 200) / 200.0).collect();
        for share in [0.0, 0.01, 0.3, 1.0] {
            let threshold = threshold_refusing(share, probabilities.clone());
            let refused = probabilities.iter().filter(|&&probability| probability < threshold).count();
            assert!(refused as f64 <= share * 200.0, "{share}: {refused} refused");
            assert!(share == 1.0 || refused as f64 + 1.0 > share * 200.0, "{share}: {refused} refused");
        }
        assert_eq!(threshold_refusing(0.5, Vec::new()), 0.0);
    }

    #[test]
    fn a_file_names_its_threshold() {
        let mut info = Info::new();
        assert_eq!(threshold(&info), SURE);
        info.insert(METADATA.into(), "0.45".into());
        assert_eq!(threshold(&info), 0.45);
        info.insert(METADATA.into(), "much".into());
        assert_eq!(threshold(&info), SURE);
    }
}
