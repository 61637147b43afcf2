//! What is to be reached in Chromium.

use super::Visit;
use crate::goals::Outcome;
use crate::report::{Report, Row};

const INT8: &[&str] = &["static", "fused", "dynamic"];
const FLOAT: &[&str] = &["float32"];
const SECOND: f64 = 1000.0;

/// digit8's row against the best of some others.
struct Goal {
    what: &'static str,
    /// Of digit8; the fastest without a name.
    kernel: &'static str,
    model: &'static str,
    batch: usize,
    /// How many times as long the best other must take.
    at_least: f64,
    /// How the names of the others begin; any peer if empty.
    others: &'static str,
    models: &'static [&'static str],
}

const GOALS: [Goal; 8] = [
    goal("float32, batch 1", "", "float32", 1, 3.0, "onnxruntime-web", FLOAT),
    goal("int8 fused, simd128, batch 1", "simd128", "fused", 1, 8.0, "onnxruntime-web", INT8),
    goal("int8 fused, relaxed SIMD, batch 1", "", "fused", 1, 14.0, "onnxruntime-web", INT8),
    goal("int8 against our own float32, batch 1", "", "fused", 1, 1.8, "digit8 in", FLOAT),
    goal("float32, batch 1000", "", "float32", 1000, 1.0, "", FLOAT),
    goal("int8 fused, batch 1000", "", "fused", 1000, 1.0, "", INT8),
    goal("int8 by hand, simd128, against the plain loop", "simd128", "fused", 1, 1.0, "digit8 scalar", INT8),
    goal(
        "float32 by hand, simd128, against the plain loop",
        "simd128",
        "float32",
        1,
        1.0,
        "digit8 scalar",
        FLOAT,
    ),
];

const fn goal(
    what: &'static str,
    kernel: &'static str,
    model: &'static str,
    batch: usize,
    at_least: f64,
    others: &'static str,
    models: &'static [&'static str],
) -> Goal {
    Goal { what, kernel, model, batch, at_least, others, models }
}

/// The goals that the run has figures for.
pub fn reached(report: &Report) -> Vec<Outcome> {
    let visits = report.visit.iter().flat_map(visit);
    GOALS.iter().filter_map(|goal| goal.outcome(report)).chain(visits).collect()
}

impl Goal {
    fn outcome(&self, report: &Report) -> Option<Outcome> {
        let of_batch = |row: &&Row| {
            row.browser().is_some_and(|browser| browser.starts_with("Chromium")) && row.batch == self.batch
        };
        let rows = || report.rows.iter().filter(of_batch);
        let start = format!("digit8 {}", self.kernel);
        let is_ours = |row: &&Row| match self.kernel {
            "" => row.is_own(),
            _ => row.engine.starts_with(&start),
        };
        let ours = rows().find(|row| is_ours(row) && row.model == self.model)?;
        let is_other = |row: &&Row| match self.others {
            "" => row.is_peer(),
            start => row.engine.starts_with(start),
        };
        let others = rows().filter(|row| is_other(row) && self.models.contains(&row.model.as_str()));
        let best = others.min_by(|a, b| a.median_ns.total_cmp(&b.median_ns))?;
        Some(Outcome::of_ratio(format!("{} in the browser", self.what), self.at_least, ours, best))
    }
}

fn visit(visit: &Visit) -> Vec<Outcome> {
    let most = |what: &str, limit: f64, found: f64, show: fn(f64) -> String| Outcome {
        what: what.into(),
        to_reach: format!("at most {}", show(limit)),
        found: show(found),
        reached: found <= limit,
    };
    let seconds = |ms: f64| format!("{:.2} s", ms / SECOND);
    let kilobytes = |bytes: f64| format!("{:.1} kB", bytes / 1000.0);
    let mut outcomes = vec![
        most("first int8 answer on a link of 1.6 Mbit/s, 150 ms", 1.1 * SECOND, visit.int8_ms, seconds),
        most("transferred for it", 110_000.0, visit.bytes, kilobytes),
    ];
    outcomes.extend(visit.lighthouse.iter().map(|(category, &score)| Outcome {
        what: format!("Lighthouse: {category}"),
        to_reach: "100".into(),
        found: format!("{score:.0}"),
        reached: score >= 100.0,
    }));
    outcomes
}
