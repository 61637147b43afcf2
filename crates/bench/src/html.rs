//! The report as a page: plots first, every figure in tables below. One file, no scripts.

use std::fmt::Write;

use super::plot::{self, Bar, escape};
use super::report::{Report, Row};
use super::{goals, show};
use digit8_host::terminal::thousands;

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1c2430; --soft: #667085; --line: #d9dee6; --paper: #fff; --own: #c2410c; --other: #4a7fb5 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ecf2; --soft: #98a2b3; --line: #343c49; --paper: #14181f; --own: #fb923c; --other: #6ea8dc }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1, h2, h3 { line-height: 1.2 } h2 { margin-top: 2.5rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; display: block; overflow-x: auto }
th, td { text-align: right; padding: .15rem .7rem .15rem 0; border-bottom: 1px solid var(--line); white-space: nowrap }
th:first-child, td:first-child, .words th, .words td { text-align: left } .words td:last-child { white-space: normal; min-width: 18rem } .no { color: var(--own); font-weight: 600 }
.plot { overflow-x: auto } svg { width: 100%; min-width: 40rem; height: auto; font: 13px system-ui, sans-serif } svg text { fill: var(--ink) }
svg .axis { fill: var(--soft); font-size: 11px } .own { fill: var(--own) } .other { fill: var(--other) }
.dot { opacity: .3 } .box { opacity: .45 } .median { stroke: var(--ink); stroke-width: 2 }
.grid { stroke: var(--line) } .mark { stroke: var(--ink); stroke-dasharray: 4 3 }
small, .soft { color: var(--soft) }
";

/// The page.
pub fn page(report: &Report) -> String {
    let groups = show::groups(report);
    let mut body = head(report);
    body += &goals_table(report);

    let ratios: Vec<Bar> = groups.iter().filter_map(ratio_bar).collect();
    if !ratios.is_empty() {
        body += "<h2>How many times as long the best peer takes</h2><p class=soft>The line at 1 is digit8's own time.</p>";
        body += &plot::bars("ratio to the best peer", &ratios, 1.0);
    }
    let shares: Vec<Bar> = groups.iter().flat_map(|group| share_bars(report, group)).collect();
    if !shares.is_empty() {
        body += "<h2>Share of the machine's limit</h2><p class=soft>Of the multiply-adds that registers allow, or of \
                 reading the weights from L2 once a batch, whichever is slower. Skipping the paper, which is exact, can \
                 beat it.</p>";
        body += &plot::bars("share of the limit, percent", &shares, 100.0);
    }
    for group in &groups {
        _ = write!(body, "<h2>{}</h2>", escape(&group.title));
        body += &plot::distributions(&group.title, &group.rows);
        body += &group_table(report, group);
    }
    body += &stages_table(report);
    body += &limits_table(report);
    format!(
        "<!doctype html>\n<html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>digit8: speed</title><style>{STYLE}</style>\n<body>{body}</body></html>\n"
    )
}

fn head(report: &Report) -> String {
    let versions: Vec<String> =
        report.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let machine = &report.machine;
    format!(
        "<h1>digit8: speed</h1><p>{} · {} threads · {} · kernels: {}<br>{}, {} multiply-adds an image<br>{}</p>\
         <p class=soft>Commit {} · {}<br>{} A dot is a sample, the box reaches from quartile to quartile, the line is the \
         median.</p>",
        escape(&machine.cpu),
        machine.threads,
        escape(&machine.system),
        escape(&machine.kernels.join(", ")),
        escape(&report.model),
        thousands(report.multiply_adds),
        escape(&report.digits),
        escape(&report.commit),
        escape(&versions.join(", ")),
        escape(&show::unit(report)),
    )
}

fn goals_table(report: &Report) -> String {
    let goals = goals::reached(report);
    let rows = goals.iter().map(|goal| {
        let verdict = if goal.reached { "yes" } else { "<span class=no>no</span>" };
        [escape(&goal.what), escape(&goal.to_reach), verdict.into(), escape(&goal.found)]
    });
    let table = table("To reach, and reached", ["work", "to reach", "reached", "found"], rows);
    format!("<div class=words>{table}</div>")
}

fn ratio_bar(group: &show::Group) -> Option<Bar> {
    let own = group.rows.iter().find(|row| row.is_own())?;
    let (value, peer) = group.ratio(own).filter(|(_, peer)| !peer.starts_with("digit8"))?;
    Some(Bar { label: group.title.clone(), value, text: format!("{value:.2}× ({peer})"), own: true })
}

fn share_bars(report: &Report, group: &show::Group) -> Vec<Bar> {
    let best_of = |wanted: fn(&Row) -> bool| group.rows.iter().find(|row| wanted(row)).copied();
    let rows = [best_of(Row::is_own), best_of(Row::is_peer)].into_iter().flatten();
    rows.filter_map(|row| {
        let percent = report.share_of_limit(row)? * 100.0;
        let label = if row.is_own() { group.title.clone() } else { row.engine.clone() };
        Some(Bar { label, value: percent, text: format!("{percent:.0} %"), own: row.is_own() })
    })
    .collect()
}

fn group_table(report: &Report, group: &show::Group) -> String {
    let rows = group.rows.iter().map(|row| {
        let share =
            report.share_of_limit(row).map_or_else(String::new, |share| format!("{:.0} %", share * 100.0));
        let ratio = group.ratio(row).filter(|_| !row.is_own()).map(|(ratio, _)| format!("{ratio:.2}"));
        [
            escape(&row.engine),
            row.model.clone(),
            show::time(row.median_ns),
            show::time(row.min_ns),
            show::spread(row),
            row.samples.to_string(),
            show::correct(row),
            share,
            ratio.unwrap_or_default(),
        ]
    });
    let headings =
        ["engine", "model", "median", "min", "spread", "samples", "correct", "of limit", "× digit8"];
    table("", headings, rows)
}

fn stages_table(report: &Report) -> String {
    let stages = report.rows.iter().filter_map(|row| {
        let name = row.stage.clone()?;
        Some([
            name,
            row.model.clone(),
            row.batch.to_string(),
            show::time(row.median_ns),
            show::time(row.min_ns),
            show::spread(row),
        ])
    });
    table("Stages of an inference", ["stage", "model", "batch", "median", "min", "spread"], stages)
}

fn limits_table(report: &Report) -> String {
    let limits = report.limits.iter().map(|limit| {
        [escape(&limit.name), format!("{:.0} {}", limit.best, limit.unit), format!("{:.0}", limit.median)]
    });
    table("Limits of one core", ["", "best", "median"], limits)
}

/// A table under a heading; nothing if it has no rows. Cells are HTML.
fn table<const N: usize>(
    title: &str,
    headings: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    let rows: String = rows
        .map(|cells| format!("<tr>{}</tr>", cells.map(|cell| format!("<td>{cell}</td>")).concat()))
        .collect();
    if rows.is_empty() {
        return rows;
    }
    let heading = if title.is_empty() { String::new() } else { format!("<h2>{title}</h2>") };
    let headings = headings.map(|heading| format!("<th>{heading}</th>")).concat();
    format!("{heading}<table><tr>{headings}</tr>{rows}</table>")
}
