//! Rows that do the same work, side by side.

use digit8_host::terminal::thousands;

use super::report::{Report, Row};

/// Rows of one kind, batch and number of threads.
pub struct Group<'a> {
    /// What they do.
    pub title: String,
    /// The rows, fastest first.
    pub rows: Vec<&'a Row>,
}

impl Group<'_> {
    /// How many times as long a row takes as digit8's best, and whose that is; of digit8's own rows, how many times as long
    /// the best peer takes, and who that is.
    pub fn ratio(&self, row: &Row) -> Option<(f64, &str)> {
        if row.is_own() {
            let best = self.rows.iter().find(|row| row.is_peer())?;
            Some((best.median_ns / row.median_ns, &best.engine))
        } else {
            let own = self.rows.iter().find(|row| row.is_own())?;
            Some((row.median_ns / own.median_ns, &own.engine))
        }
    }
}

/// The whole inferences and the trainings, by what they do.
pub fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut groups: Vec<Group> = Vec::new();
    for row in report.rows.iter().filter(|row| row.stage.is_none()) {
        let title = title(row);
        match groups.iter_mut().find(|group| group.title == title) {
            Some(group) => group.rows.push(row),
            None => groups.push(Group { title, rows: vec![row] }),
        }
    }
    for group in &mut groups {
        group.rows.sort_by(|a, b| a.median_ns.total_cmp(&b.median_ns));
    }
    groups
}

fn title(row: &Row) -> String {
    let threads = if row.threads == 1 { "one thread".into() } else { format!("{} threads", row.threads) };
    let browser = row.browser().map_or_else(String::new, |browser| format!(", {browser}"));
    let input = row.input.as_ref().map_or_else(String::new, |input| format!(" of {input}"));
    format!("{}{input}, batch {}, {threads}{browser}", row.kind(), thousands(row.batch))
}
