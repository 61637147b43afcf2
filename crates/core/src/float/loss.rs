//! Softmax cross-entropy, averaged over the batch, as `torch.nn.CrossEntropyLoss` computes it.

use digit8_kernels::train::Rows;

use crate::digits::CLASSES;
use crate::float::source::Target;

/// The mean loss of a batch, and its gradient with respect to the logits.
///
/// For `logits` and `gradient` `[batch, 10]`: `loss = mean(-Σ target · log softmax(logits))`,
/// `gradient = (softmax(logits) - target) / batch`. With `smoothing` ε a target `t` becomes `(1-ε)·t + ε/10`.
pub(super) fn cross_entropy(logits: &Rows, targets: &[Target], smoothing: f32, gradient: &mut Rows) -> f32 {
    let batch = targets.len() as f32;
    let mut loss = 0.0;
    for (row, target) in targets.iter().enumerate() {
        let (logits, gradient) = (logits.row(row), gradient.row_mut(row));
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exponentials: [f32; CLASSES] = std::array::from_fn(|class| (logits[class] - max).exp());
        let sum: f32 = exponentials.iter().sum();
        let log_sum = sum.ln();
        let mut image_loss = 0.0;
        for class in 0..CLASSES {
            let target = smoothing / CLASSES as f32 + (1.0 - smoothing) * target[class];
            gradient[class] = (exponentials[class] / sum - target) / batch;
            image_loss -= target * (logits[class] - max - log_sum);
        }
        loss += image_loss;
    }
    loss / batch
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float::certain;

    /// The loss and its gradient, row-major.
    fn evaluate(logits: &[f32], labels: &[u8], smoothing: f32) -> (f32, Vec<f32>) {
        let mut gradient = Rows::zeros(labels.len(), CLASSES);
        let targets: Vec<Target> = labels.iter().map(|&label| certain(label)).collect();
        let loss = cross_entropy(&Rows::new(logits, CLASSES), &targets, smoothing, &mut gradient);
        (loss, (0..labels.len()).flat_map(|row| gradient.row(row).to_vec()).collect())
    }

    #[test]
    fn gradient_is_the_slope_of_the_loss() {
        let logits: Vec<f32> = (0..20).map(|at| ((at * 7 % 11) as f32 - 5.0) / 3.0).collect();
        let (_, gradient) = evaluate(&logits, &[3, 8], 0.1);
        for at in 0..20 {
            let moved = |by: f32| {
                let mut logits = logits.clone();
                logits[at] += by;
                evaluate(&logits, &[3, 8], 0.1).0
            };
            let slope = (moved(0.01) - moved(-0.01)) / 0.02;
            assert!((slope - gradient[at]).abs() < 1e-4, "logit {at}: {slope} {}", gradient[at]);
        }
    }

    #[test]
    fn uniform_logits_lose_ln_10() {
        let (loss, _) = evaluate(&[0.5; CLASSES], &[7], 0.0);
        assert!((loss - 10f32.ln()).abs() < 1e-6);
    }
}
