//! Progress bars.

pub use indicatif::ProgressBar;
use indicatif::ProgressStyle;

/// A bar over `total` items of work, which is `what`.
pub fn bar(total: usize, what: &'static str) -> ProgressBar {
    const TEMPLATE: &str = "{msg} {wide_bar:.cyan/dim} {human_pos}/{human_len} {eta}";
    let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total as u64).with_style(style).with_message(what)
}

/// A bar over the steps of training, which keeps the loss of each.
pub struct TrainingBar {
    bar: ProgressBar,
    losses: Vec<f32>,
    /// The average over about a hundred steps.
    running: f32,
}

impl TrainingBar {
    /// A bar that waits for the first step.
    pub fn new() -> Self {
        Self { bar: bar(0, "Training"), losses: Vec::new(), running: 0.0 }
    }

    /// Takes the loss of a step, the first of which has number 1, out of `steps`.
    pub fn step(&mut self, step: usize, steps: usize, loss: f32) {
        // At the start, the average over the steps there are.
        let weight = (1.0 / step as f32).max(0.01);
        self.running += weight * (loss - self.running);
        self.losses.push(loss);
        if step.is_multiple_of(50) || step == steps {
            self.bar.set_length(steps as u64);
            self.bar.set_position(step as u64);
            self.bar.set_message(format!("Training, loss {:.4}", self.running));
        }
    }

    /// Ends the bar; the loss of every step.
    pub fn finish(self) -> Vec<f32> {
        self.bar.finish_and_clear();
        self.losses
    }
}

impl Default for TrainingBar {
    fn default() -> Self {
        Self::new()
    }
}

/// A bar over the bytes of a download; its length is set when the server tells it.
pub fn download_bar(what: String) -> ProgressBar {
    const TEMPLATE: &str = "{msg} {wide_bar:.cyan/dim} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style).with_message(what)
}
