//! What commands print: aligned tables and numbers.

use comfy_table::{CellAlignment, presets};

/// An aligned table: a heading for each column, the first column to the left, numbers to the right.
pub fn table<const N: usize>(headings: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    table_of(headings.map(str::to_owned).to_vec(), rows.into_iter().map(Vec::from))
}

/// [`table`], with as many columns as there are headings.
pub fn table_of(headings: Vec<String>, rows: impl IntoIterator<Item = Vec<String>>) -> String {
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

/// A number with its thousands set apart: `12,345`.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn thousands_are_set_apart() {
        let numbers = [0, 12, 999, 1000, 12_345, 1_000_000];
        assert_eq!(numbers.map(thousands), ["0", "12", "999", "1,000", "12,345", "1,000,000"]);
    }
}
