//! Plain Rust. Packed weights are the weights: row-major `[outputs, inputs]`.

/// Sums run in eight lanes, so that the compiler can keep them in a register.
const LANES: usize = 8;

pub(super) fn forward(weights: &[f32], inputs: usize, x: &[f32], bias: &[f32], relu: bool, out: &mut [f32]) {
    for (x, out) in x.chunks_exact(inputs).zip(out.chunks_exact_mut(bias.len())) {
        for ((row, &bias), out) in weights.chunks_exact(inputs).zip(bias).zip(out) {
            let y = dot(x, row) + bias;
            *out = if relu { y.max(0.0) } else { y };
        }
    }
}

fn dot(x: &[f32], y: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    let (xs, ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let tail: f32 = xs.remainder().iter().zip(ys.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in xs.zip(ys) {
        for lane in 0..LANES {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().sum::<f32>() + tail
}
