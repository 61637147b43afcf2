use maud::html;

use super::{Axis, Chart, line, short, text};

/// The loss of every step, faint, and its average, plain, over the run. `per_epoch` steps are one epoch.
pub fn loss_curve(losses: &[f32], per_epoch: usize) -> Chart {
    const WIDTH: f64 = 460.0;
    const HEIGHT: f64 = 280.0;
    const LEFT: f64 = 52.0;
    const RIGHT: f64 = 12.0;
    const TOP: f64 = 28.0;
    const BOTTOM: f64 = 30.0;
    // From the power of ten below the least smoothed loss to that above the greatest.
    let smooth = smoothed(losses, (losses.len() / 120).max(1));
    let greatest = smooth.iter().copied().fold(f64::MIN, f64::max).max(1e-6);
    let least = smooth.iter().copied().fold(f64::MAX, f64::min).clamp(1e-6, greatest);
    let x = Axis::linear([0.0, losses.len().max(1) as f64], [LEFT, WIDTH - RIGHT]);
    let y = Axis::logarithmic([least, greatest], [HEIGHT - BOTTOM, TOP]);
    let epochs = losses.len() / per_epoch.max(1);
    let unit = if epochs > 1 { "epochs" } else { "steps" };

    let every = (losses.len() / 1500).max(1);
    let raw = losses.iter().enumerate().step_by(every);
    let raw = raw.map(|(step, &loss)| (x.at(step as f64), y.at(loss.into())));
    let width = losses.len() as f64 / smooth.len().max(1) as f64;
    let mean = smooth.iter().enumerate().map(|(at, &loss)| (x.at((at as f64 + 0.5) * width), y.at(loss)));
    let body = html! {
        @for tick in y.ticks(6) {
            path.grid d=(format!("M{LEFT} {:.1}H{}", y.at(tick), WIDTH - RIGHT)) {}
            (text(LEFT - 8.0, y.at(tick) + 4.0, "end", &short(tick)))
        }
        @for quarter in 0..=4 {
            @let step = losses.len() as f64 * f64::from(quarter) / 4.0;
            @let label = if epochs > 1 { step / per_epoch as f64 } else { step };
            @let anchor = if quarter == 4 { "end" } else { "middle" };
            (text(x.at(step), HEIGHT - BOTTOM + 20.0, anchor, &short(label.round())))
        }
        (text(LEFT, 16.0, "start", &format!("cross-entropy of each batch and on average, over {unit}")))
        path.faint d=(line(raw)) {}
        path.line d=(line(mean)) {}
    };
    Chart { title: format!("Training loss over {} steps", losses.len()), width: WIDTH, height: HEIGHT, body }
}

/// The means of `window` values each.
fn smoothed(values: &[f32], window: usize) -> Vec<f64> {
    let mean =
        |values: &[f32]| values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64;
    values.chunks(window).map(mean).collect()
}
