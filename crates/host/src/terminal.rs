//! What commands print: aligned tables and progress bars.

use comfy_table::{CellAlignment, presets};
use indicatif::{ProgressBar, ProgressStyle};

/// An aligned table: a heading for each column, the first column to the left, numbers to the right.
pub fn table<const N: usize>(headings: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(presets::NOTHING).set_header(headings).add_rows(rows);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if index > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// A table that can be shown in more than one place.
pub struct Table<const N: usize> {
    /// The columns' headings.
    pub headings: [&'static str; N],
    /// The rows.
    pub rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// A table of these rows.
    pub fn new(headings: [&'static str; N], rows: impl IntoIterator<Item = [String; N]>) -> Self {
        Self { headings, rows: rows.into_iter().collect() }
    }

    /// As [`table`] shows it.
    pub fn text(&self) -> String {
        table(self.headings, self.rows.iter().cloned())
    }
}

/// A bar over `total` items of work, which is `what`.
pub fn progress(total: usize, what: &'static str) -> ProgressBar {
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
        Self { bar: progress(0, "Training"), losses: Vec::new(), running: 0.0 }
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

/// A number with its thousands set apart: `12,345`.
pub fn thousands(number: usize) -> String {
    indicatif::HumanCount(number as u64).to_string()
}
