//! Softmax cross-entropy, averaged over the batch, as `torch.nn.CrossEntropyLoss` computes it.

use crate::digits::CLASSES;

/// The mean loss of a batch, and its gradient with respect to the logits.
///
/// `logits` and `gradient` hold one image's ten values at the start of every row of `stride` values.
/// `loss = mean(log Σ exp(logits) - logits[label])`, `gradient = (softmax(logits) - one_hot(label)) / batch`. With
/// `smoothing` ε the target is `(1-ε)·one_hot + ε/10`.
pub(super) fn cross_entropy(
    logits: &[f32],
    labels: &[u8],
    smoothing: f32,
    stride: usize,
    gradient: &mut [f32],
) -> f32 {
    let batch = labels.len() as f32;
    let rows = logits.chunks_exact(stride).zip(gradient.chunks_exact_mut(stride));
    let loss: f32 = rows
        .zip(labels)
        .map(|((logits, gradient), &label)| {
            let max = logits[..CLASSES].iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let exponentials: [f32; CLASSES] = std::array::from_fn(|class| (logits[class] - max).exp());
            let sum: f32 = exponentials.iter().sum();
            let mut loss = 0.0;
            for class in 0..CLASSES {
                let target = smoothing / CLASSES as f32
                    + if class == usize::from(label) { 1.0 - smoothing } else { 0.0 };
                gradient[class] = (exponentials[class] / sum - target) / batch;
                loss -= target * (logits[class] - max - sum.ln());
            }
            loss
        })
        .sum();
    loss / batch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradient_is_the_slope_of_the_loss() {
        let logits: Vec<f32> = (0..20).map(|at| ((at * 7 % 11) as f32 - 5.0) / 3.0).collect();
        let loss = |logits: &[f32]| cross_entropy(logits, &[3, 8], 0.1, 10, &mut [0.0; 20]);
        let mut gradient = [0.0; 20];
        cross_entropy(&logits, &[3, 8], 0.1, 10, &mut gradient);
        for at in 0..20 {
            let moved = |by: f32| {
                let mut logits = logits.clone();
                logits[at] += by;
                loss(&logits)
            };
            let slope = (moved(0.01) - moved(-0.01)) / 0.02;
            assert!((slope - gradient[at]).abs() < 1e-4, "logit {at}: {slope} {}", gradient[at]);
        }
    }

    #[test]
    fn uniform_logits_lose_ln_10() {
        let loss = cross_entropy(&[0.5; 10], &[7], 0.0, 10, &mut [0.0; 10]);
        assert!((loss - 10f32.ln()).abs() < 1e-6);
    }
}
