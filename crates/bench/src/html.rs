//! The report as a page: charts first, every figure in tables below.

use digit8_host::terminal::{Table, thousands};
use digit8_report::chart::{Bar, Distribution, bars_to_mark, distributions};
use digit8_report::page::{self, Section};
use maud::{Markup, html};

use super::format::{correct, model, share_of_limit, spread, time, unit};
use super::goals::outcomes;
use super::groups::{Group, groups};
use super::history::{self, Entry};
use super::report::{Report, Row};

/// The page; `history` has this run last, if it was kept.
pub fn page(report: &Report, history: &[Entry]) -> String {
    let groups = groups(report);
    let mut sections = vec![goals(report), ratios(&groups), shares(report, &groups)];
    sections.extend(groups.iter().map(|group| Some(whole(report, group))));
    sections.extend([stages(report), limits(report), earlier(history)]);
    let sections: Vec<Section> = sections.into_iter().flatten().collect();
    page::document("digit8: speed", &head(report), &sections)
}

fn head(report: &Report) -> Markup {
    let versions = report.versions.iter().map(|(name, version)| format!("{name} {version}"));
    let versions: Vec<String> = versions.collect();
    let Report { machine, model, digits, commit, .. } = report;
    html! {
        p {
            (machine.cpu) " · " (machine.threads) " threads · " (machine.system) " · kernels: "
            (machine.kernels.join(", ")) br;
            (model) ", " (thousands(report.multiply_adds)) " multiply-adds an image" br;
            (digits)
        }
        p.soft {
            "Commit " (commit) " · " (versions.join(", ")) br;
            (unit(report)) " A dot is a sample, the box reaches from quartile to quartile, the line is the median."
        }
    }
}

/// A section, if it has something to show.
fn section(title: &str, has: bool, body: Markup) -> Option<Section> {
    has.then(|| Section { title: title.into(), body })
}

fn goals(report: &Report) -> Option<Section> {
    let rows: Vec<_> = outcomes(report)
        .into_iter()
        .map(|goal| [goal.what, goal.to_reach, if goal.reached { "yes" } else { "no" }.into(), goal.found])
        .collect();
    let has = !rows.is_empty();
    let table = Table::new(["work", "to reach", "reached", "found"], rows);
    section("To reach, and reached", has, page::table(&table, "Every goal that this run has figures for"))
}

fn ratios(groups: &[Group]) -> Option<Section> {
    let bars: Vec<Bar> = groups.iter().filter_map(ratio).collect();
    let has = !bars.is_empty();
    let chart = bars_to_mark("How many times as long the best peer takes", bars, 1.0);
    let body = page::chart(&chart, "The line at 1 is digit8's own time.");
    section("How many times as long the best peer takes", has, body)
}

fn ratio(group: &Group) -> Option<Bar> {
    let own = group.rows.iter().find(|row| row.is_own())?;
    let (value, peer) = group.ratio(own).filter(|(_, peer)| !peer.starts_with("digit8"))?;
    Some(Bar { label: group.title.clone(), value, text: format!("{value:.2}× ({peer})"), class: "own" })
}

fn shares(report: &Report, groups: &[Group]) -> Option<Section> {
    let bars: Vec<Bar> = groups.iter().flat_map(|group| group_shares(report, group)).collect();
    let has = !bars.is_empty();
    let chart = bars_to_mark("Share of the machine's limit, percent", bars, 100.0);
    let caption = "Of the multiply-adds that registers allow, or of reading their weights from L2 once a batch, whichever is slower. What is \
                   skipped because it is 0 is a saving and does not count.";
    section("Share of the machine's limit", has, page::chart(&chart, caption))
}

/// The best of digit8's rows and the best peer's.
fn group_shares(report: &Report, group: &Group) -> Vec<Bar> {
    let best_of = |wanted: fn(&Row) -> bool| group.rows.iter().find(|row| wanted(row)).copied();
    let rows = [best_of(Row::is_own), best_of(Row::is_peer)].into_iter().flatten();
    rows.filter_map(|row| {
        let value = report.share_of_limit(row)? * 100.0;
        let label = if row.is_own() { group.title.clone() } else { row.engine.clone() };
        Some(Bar { label, value, text: format!("{value:.0} %"), class: class(row) })
    })
    .collect()
}

fn class(row: &Row) -> &'static str {
    if row.is_own() { "own" } else { "other" }
}

fn whole(report: &Report, group: &Group) -> Section {
    let distribution = |row: &&Row| {
        let [first, third] = row.quartiles();
        Distribution {
            label: format!("{} {}", row.engine, row.model),
            samples: row.sample_ns.clone(),
            quartiles: [first, row.median_ns, third],
            text: time(row.median_ns),
            class: class(row),
        }
    };
    let timed: Vec<_> = group.rows.iter().filter(|row| row.samples > 0).map(distribution).collect();
    let line = |row: &&Row| {
        let ratio = group.ratio(row).filter(|_| !row.is_own()).map(|(ratio, _)| format!("{ratio:.2}"));
        [
            row.engine.clone(),
            model(row),
            time(row.median_ns),
            time(row.min_ns),
            spread(row),
            row.samples.to_string(),
            correct(row),
            share_of_limit(report, row),
            ratio.unwrap_or_default(),
        ]
    };
    let headings =
        ["engine", "model", "median", "min", "spread", "samples", "correct", "of limit", "× digit8"];
    let table = Table::new(headings, group.rows.iter().map(line));
    let body = html! {
        (page::chart(&distributions(&group.title, &timed, time), "Every sample, the quartiles and the median."))
        (page::table(&table, "The same in figures"))
    };
    Section { title: group.title.clone(), body }
}

fn stages(report: &Report) -> Option<Section> {
    let rows: Vec<_> = report
        .rows
        .iter()
        .filter_map(|row| {
            let stage = row.stage.clone()?;
            let batch = row.batch.to_string();
            Some([stage, row.model.clone(), batch, time(row.median_ns), time(row.min_ns), spread(row)])
        })
        .collect();
    let has = !rows.is_empty();
    let table = Table::new(["stage", "model", "batch", "median", "min", "spread"], rows);
    section("Stages of an inference", has, page::table(&table, "On the fastest kernel, an image"))
}

fn earlier(history: &[Entry]) -> Option<Section> {
    let chart = history::chart(history)?;
    section(
        "Earlier runs",
        true,
        page::chart(&chart, "On the same processor, by commit; the last is this run."),
    )
}

fn limits(report: &Report) -> Option<Section> {
    let rows = report.limits.iter().map(|limit| {
        [limit.name.clone(), format!("{:.0} {}", limit.best, limit.unit), format!("{:.0}", limit.median)]
    });
    let table = Table::new(["limit", "best", "median"], rows);
    let body = page::table(&table, "What one core can do at most");
    section("Limits of one core", !report.limits.is_empty(), body)
}

#[cfg(test)]
mod tests {
    use super::page;
    use crate::report::tests::{limit, report, row};

    #[test]
    fn a_page_shows_every_row_and_passes_over_what_was_not_measured() {
        let mut run = report([row("digit8", "fused", 64, 1.0), row("<engine> & co", "fused", 64, 10.0)]);
        let page_of_rows = page(&run, &[]);
        assert!(page_of_rows.contains("static int8, batch 64, one thread"));
        assert!(page_of_rows.contains("&lt;engine&gt; &amp; co") && !page_of_rows.contains("<engine>"));
        for missing in ["Limits of one core", "Stages of an inference", "To reach"] {
            assert!(!page_of_rows.contains(missing), "{missing}");
        }
        run.limits = vec![limit(("FMA zmm", 100.0))];
        run.rows[0].stage = Some("linear1".into());
        let page = page(&run, &[]);
        assert!(page.contains("Limits of one core") && page.contains("linear1"));
        // No samples: nothing to draw, and nothing that is no number in a picture.
        run.rows.clear();
        assert!(!super::page(&run, &[]).contains("NaN"));
    }
}
