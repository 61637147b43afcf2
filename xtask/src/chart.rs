//! Pictures as SVG, readable on light and dark backgrounds.

use std::fmt::Write;

/// The loss of every step, faint, and its average, plain, over the run. `per_epoch` steps are one epoch.
pub fn loss_curve(losses: &[f32], per_epoch: usize) -> String {
    const WIDTH: f64 = 720.0;
    const HEIGHT: f64 = 320.0;
    const LEFT: f64 = 56.0;
    const BOTTOM: f64 = 40.0;
    const TOP: f64 = 28.0;
    const RIGHT: f64 = 16.0;
    // On a logarithmic scale from the next power of ten below the least smoothed loss to that above the greatest.
    let smooth = smoothed(losses, (losses.len() / 120).max(1));
    let greatest = smooth.iter().copied().fold(f64::MIN, f64::max).max(1e-6);
    let least = smooth.iter().copied().fold(f64::MAX, f64::min).clamp(1e-6, greatest);
    let (low, high) = (least.log10().floor(), greatest.log10().ceil().max(least.log10().floor() + 1.0));
    let x = |step: f64| LEFT + (WIDTH - LEFT - RIGHT) * step / losses.len().max(1) as f64;
    let y = |loss: f64| {
        let share = (loss.max(1e-9).log10() - low) / (high - low);
        HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * share.clamp(0.0, 1.0)
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"Training loss over {} steps\"><style>text{{font:12px system-ui,sans-serif;fill:#6b7280}}\
         .g{{stroke:#9ca3af;stroke-opacity:.35}}.s{{fill:none;stroke:#3b82f6;stroke-opacity:.25}}\
         .m{{fill:none;stroke:#3b82f6;stroke-width:2}}</style>",
        losses.len()
    );
    for power in low as i32..=high as i32 {
        let (at, label) = (y(10f64.powi(power)), 10f64.powi(power));
        let _ = write!(svg, "<path class=\"g\" d=\"M{LEFT} {at:.1}H{}\"/>", WIDTH - RIGHT);
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            LEFT - 8.0,
            at + 4.0
        );
    }
    let epochs = losses.len() / per_epoch.max(1);
    for mark in 0..=4 {
        let step = losses.len() as f64 * f64::from(mark) / 4.0;
        let label = if epochs > 1 { step / per_epoch as f64 } else { step };
        let (at, below) = (x(step), HEIGHT - BOTTOM + 18.0);
        let _ =
            write!(svg, "<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">{}</text>", label.round());
    }
    let unit = if epochs > 1 { "epochs" } else { "steps" };
    let _ = write!(
        svg,
        "<text x=\"{LEFT}\" y=\"16\">cross-entropy, every batch and on average, over {unit}</text>"
    );
    let every = (losses.len() / 1500).max(1);
    let raw = losses.iter().enumerate().step_by(every).map(|(step, &loss)| (step as f64, f64::from(loss)));
    let _ = write!(svg, "<path class=\"s\" d=\"{}\"/>", line(raw.map(|(step, loss)| (x(step), y(loss)))));
    let width = losses.len() as f64 / smooth.len().max(1) as f64;
    let mean = smooth.iter().enumerate().map(|(at, &loss)| (x((at as f64 + 0.5) * width), y(loss)));
    let _ = write!(svg, "<path class=\"m\" d=\"{}\"/></svg>", line(mean));
    svg
}

/// The means of `window` values each.
fn smoothed(values: &[f32], window: usize) -> Vec<f64> {
    let mean =
        |values: &[f32]| values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64;
    values.chunks(window).map(mean).collect()
}

/// The path data of a line through `points`.
fn line(points: impl Iterator<Item = (f64, f64)>) -> String {
    points
        .enumerate()
        .map(|(at, (x, y))| format!("{}{x:.1} {y:.1}", if at == 0 { "M" } else { "L" }))
        .collect()
}
