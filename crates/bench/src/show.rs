//! The report in the terminal.

use super::goals;
use super::report::{Report, Row};
use digit8_host::terminal::{table, thousands};

/// Nanoseconds in the unit that suits them.
pub fn time(ns: f64) -> String {
    match ns {
        ns if !ns.is_finite() => "–".into(),
        ns if ns < 99.95 => format!("{ns:.1} ns"),
        ns if ns < 99_950.0 => format!("{} ns", thousands(ns.round() as usize)),
        ns if ns < 9_995_000.0 => format!("{:.1} µs", ns / 1e3),
        ns => format!("{:.2} s", ns / 1e9),
    }
}

/// `9,607 of 10,000`; of a library that only multiplies matrices, that; of training nothing.
pub fn correct(row: &Row) -> String {
    match (row.correct, row.classified) {
        (Some(correct), Some(classified)) => format!("{} of {}", thousands(correct), thousands(classified)),
        _ if row.is_product() => "products alone".into(),
        _ => String::new(),
    }
}

/// Half the distance between the quartiles, in percent of the median.
pub fn spread(row: &Row) -> String {
    let [first, third] = row.quartiles();
    format!("±{:.0} %", (third - first) / 2.0 / row.median_ns * 100.0)
}

/// Rows that do the same work: of one kind, batch and number of threads.
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
    format!("{}, batch {}, {threads}{browser}", row.kind(), thousands(row.batch))
}

/// What a row's time is the time of.
pub fn unit(report: &Report) -> String {
    format!(
        "Times are an image's; of training, those of an epoch of {} digits.",
        thousands(report.training_digits)
    )
}

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
    let goals = goals::reached(report);
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
    let share = report.share_of_limit(row);
    let ratio = group.ratio(row).map(|(ratio, than)| {
        if row.is_own() { format!("{ratio:.2}× faster than {than}") } else { format!("{ratio:.2}") }
    });
    let before = earlier.and_then(|earlier| earlier.rows.iter().find(|other| other.is_same(row)));
    [
        engine,
        row.model.clone(),
        time(row.median_ns),
        time(row.min_ns),
        spread(row),
        correct(row),
        share.map_or_else(String::new, |share| format!("{:.0} %", share * 100.0)),
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
