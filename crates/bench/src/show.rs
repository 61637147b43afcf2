//! The report in the terminal.

use digit8_host::terminal::{table, thousands};

use super::format::{correct, model, share_of_limit, spread, time, unit};
use super::goals::outcomes;
use super::groups::{Group, groups};
use super::report::{Report, Row};

/// Prints everything.
pub fn print(report: &Report, earlier: Option<&Report>) {
    println!("{} · {} · commit {}", report.machine.cpu, report.machine.kernels.join(", "), report.commit);
    println!("{}, {} multiply-adds an image", report.model, thousands(report.multiply_adds));
    println!("{}\n{}\n", report.digits, unit(report));
    if !report.limits.is_empty() {
        let rows = report.limits.iter().map(|limit| {
            [limit.name.clone(), format!("{:.0} {}", limit.best, limit.unit), format!("{:.0}", limit.median)]
        });
        println!("{}\n", table(["limits of one core", "best", "median"], rows));
    }
    for group in groups(report) {
        println!("{}", group.title);
        let rows = group.rows.iter().map(|row| inference(report, &group, row, earlier));
        println!(
            "{}\n",
            table(["", "", "median", "min", "spread", "correct", "of limit", "ratio", ""], rows)
        );
    }
    let stages: Vec<&Row> = report.rows.iter().filter(|row| row.stage.is_some()).collect();
    if !stages.is_empty() {
        let rows = stages.iter().map(|row| {
            let stage = row.stage.clone().unwrap_or_default();
            [
                stage,
                row.model.clone(),
                row.batch.to_string(),
                time(row.median_ns),
                time(row.min_ns),
                spread(row),
            ]
        });
        println!("{}\n", table(["stages, an image", "", "batch", "median", "min", "spread"], rows));
    }
    for (what, bytes) in &report.peak_memory {
        println!("{what}: {:.1} MB peak\n", *bytes as f64 / 1e6);
    }
    let goals = outcomes(report);
    if !goals.is_empty() {
        let rows = goals.iter().map(|goal| {
            let verdict = if goal.reached { "reached" } else { "not reached" };
            [goal.what.clone(), goal.to_reach.clone(), goal.found.clone(), verdict.into()]
        });
        println!("{}", table(["", "to reach", "found", ""], rows));
    }
}

fn inference(report: &Report, group: &Group, row: &Row, earlier: Option<&Report>) -> [String; 9] {
    let version = report.versions.get(&row.engine).filter(|_| row.is_peer());
    let engine = version.map_or_else(|| row.engine.clone(), |version| format!("{} {version}", row.engine));
    let ratio = group.ratio(row).map(|(ratio, than)| {
        if row.is_own() { format!("{ratio:.2}× faster than {than}") } else { format!("{ratio:.2}") }
    });
    let before = earlier.and_then(|earlier| earlier.rows.iter().find(|other| other.is_same(row)));
    [
        engine,
        model(row),
        time(row.median_ns),
        time(row.min_ns),
        spread(row),
        correct(row),
        share_of_limit(report, row),
        ratio.unwrap_or_default(),
        before.map_or_else(String::new, |before| {
            format!(
                "was {} ({:+.0} %)",
                time(before.median_ns),
                (row.median_ns / before.median_ns - 1.0) * 100.0
            )
        }),
    ]
}
