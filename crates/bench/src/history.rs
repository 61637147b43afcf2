//! What earlier runs found. Times of two runs say little on a machine that is shared and drifts, so what is kept is how many times
//! as long the best peer of the same run took.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use digit8_host::files;
use digit8_report::chart::{Bar, Chart, Group, bars};
use serde::{Deserialize, Serialize};

use super::groups::groups;
use super::report::Report;

/// A run: a line of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Seconds since 1970.
    pub unix_time: u64,
    /// The commit that was measured.
    pub commit: String,
    /// The processor.
    pub cpu: String,
    /// The kernels that it can run, plainest first.
    pub kernels: Vec<String>,
    /// How many times as long the best peer took, by the work that was done.
    pub ratios: BTreeMap<String, f64>,
}

impl Entry {
    fn of(report: &Report) -> Self {
        let groups = groups(report);
        let ratios = groups.iter().filter_map(|group| {
            let own = group.rows.iter().find(|row| row.is_own())?;
            Some((group.title.clone(), group.ratio(own)?.0))
        });
        Self {
            unix_time: report.unix_time,
            commit: report.commit.clone(),
            cpu: report.machine.cpu.clone(),
            kernels: report.machine.kernels.clone(),
            ratios: ratios.collect(),
        }
    }

    /// Whether the figures of two runs may stand side by side.
    fn is_comparable(&self, other: &Entry) -> bool {
        self.cpu == other.cpu && self.kernels == other.kernels
    }
}

/// Adds a run to the file, which is made if it is not there, and returns all runs, this one last.
///
/// # Errors
/// If a line of the file is no run, or the file cannot be read or written.
pub fn add(path: &Path, report: &Report) -> anyhow::Result<Vec<Entry>> {
    let text = if path.exists() { String::from_utf8(files::read(path)?)? } else { String::new() };
    let mut entries = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let entry = serde_json::from_str(line);
        entries.push(entry.with_context(|| format!("{}: line {} is no run", path.display(), index + 1))?);
    }
    entries.push(Entry::of(report));
    let lines = entries.iter().map(|entry| Ok(serde_json::to_string(entry)? + "\n"));
    files::write(path, lines.collect::<anyhow::Result<String>>()?.as_bytes())?;
    Ok(entries)
}

/// The ratios of the runs that can be compared with the last one, by work; nothing if there was none before.
pub fn chart(entries: &[Entry]) -> Option<Chart> {
    let (last, _) = entries.split_last()?;
    let alike: Vec<&Entry> = entries.iter().filter(|entry| entry.is_comparable(last)).collect();
    if alike.len() < 2 {
        return None;
    }
    let groups = last.ratios.keys().map(|work| {
        let bar = |entry: &&Entry| {
            let value = *entry.ratios.get(work)?;
            let class = if *entry == last { "own" } else { "other" };
            Some(Bar {
                label: entry.commit.chars().take(8).collect(),
                value,
                text: format!("{value:.2}×"),
                class,
            })
        };
        Group { label: work.clone(), bars: alike.iter().filter_map(bar).collect() }
    });
    Some(bars("How many times as long the best peer took, run by run", &groups.collect::<Vec<_>>(), false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{report, row};

    #[test]
    fn runs_are_kept_and_drawn_beside_those_of_the_same_machine() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        let mut run = report([row("digit8", "fused", 1, 10.0), row("a peer", "fused", 1, 45.0)]);
        let first = add(&path, &run).unwrap();
        assert_eq!(first[0].ratios, [("static int8, batch 1, one thread".to_string(), 4.5)].into());
        assert!(chart(&first).is_none());
        run.machine.cpu = "another".into();
        assert!(chart(&add(&path, &run).unwrap()).is_none());
        run.machine.cpu = first[0].cpu.clone();
        run.rows[1].median_ns = 50.0;
        let third = add(&path, &run).unwrap();
        assert_eq!((third.len(), &third[0]), (3, &first[0]));
        let drawn = chart(&third).unwrap().file();
        assert!(drawn.contains("4.50×") && drawn.contains("5.00×"), "{drawn}");
        std::fs::write(&path, "{}\n").unwrap();
        assert!(format!("{:#}", add(&path, &run).unwrap_err()).contains("line 1 is no run"));
    }
}
