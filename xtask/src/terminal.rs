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
