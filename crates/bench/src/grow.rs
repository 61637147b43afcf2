//! How an advantage changes with the network's size: the same measurement for hidden layers of 32 to 2,048 neurons.

use std::rc::Rc;

use digit8_core::Kernel;
use digit8_core::digits::Digits;
use digit8_core::float::Mlp;
use digit8_data::Dataset;
use digit8_host::files;
use digit8_host::terminal::{Table, thousands};
use digit8_report::chart::{Bar, Chart, bars_to_mark};
use digit8_report::page::{self, Section};
use maud::html;

use super::engines::{self, Models};
use super::format::time;
use super::groups::groups;
use super::peers::Wanted;
use super::report::{Report, Row};
use super::sampler::Bench;
use super::{Args, limits, say_left_out};

/// The neurons of both hidden layers.
const HIDDEN: [usize; 7] = [32, 64, 128, 256, 512, 1024, 2048];

/// A network of one size, and how fast it is.
struct Size {
    hidden: usize,
    report: Report,
}

/// What is compared: the same work of one network.
struct Line<'a> {
    hidden: usize,
    own: &'a Row,
    peer: Option<&'a Row>,
}

impl Line<'_> {
    fn ratio(&self) -> Option<f64> {
        Some(self.peer?.median_ns / self.own.median_ns)
    }
}

/// Runs the command with `--grow`.
pub fn run(args: &Args, dataset: &Dataset, digits: &Rc<Digits>, origin: &str) -> anyhow::Result<()> {
    let (mut sizes, mut left_out) = (Vec::new(), Vec::new());
    for hidden in HIDDEN {
        let (size, without) = measure(args, dataset, digits, origin, hidden)?;
        sizes.push(size);
        left_out.extend(without);
    }
    let first = &sizes[0].report;
    println!("{} · {} · commit {}", first.machine.cpu, first.machine.kernels.join(", "), first.commit);
    println!(
        "Untrained networks 784-h-h-10; {origin}; one thread. Times are an image's.\n\n{}",
        table(&sizes).text()
    );
    say_left_out(&left_out);
    if let Some(path) = &args.json {
        let reports: Vec<&Report> = sizes.iter().map(|size| &size.report).collect();
        files::write(path, &serde_json::to_vec_pretty(&reports)?)?;
        println!("Wrote {}", path.display());
    }
    if let Some(path) = &args.html {
        files::write(path, document(&sizes, origin).as_bytes())?;
        println!("Wrote {}", path.display());
    }
    Ok(())
}

/// A network of one size: digit8's fastest kernel and, where they are wanted, all peers.
fn measure(
    args: &Args,
    dataset: &Dataset,
    digits: &Rc<Digits>,
    origin: &str,
    hidden: usize,
) -> anyhow::Result<(Size, Vec<String>)> {
    let models = Models::new(Mlp::random([hidden, hidden], 0)?, dataset)?;
    println!("784-{hidden}-{hidden}-10");
    let name = format!("784-{hidden}-{hidden}-10, untrained");
    let mut report = Report::new(name, origin.into(), dataset.train.len(), &models.float);
    let mut benches = limits::limits();
    benches.extend(engines::inferences(&models, digits, &[Kernel::best()]));
    let wanted = Wanted { threads: vec![1], models: &["float32", "static", "fused"] };
    let mut left_out = args.add_peers(&models, digits, &dataset.train, &wanted, &mut benches, &mut report)?;
    benches.retain(|bench| limits::is_limit(&bench.row) || is_compared(bench));
    left_out.extend(args.time(benches, &mut report)?);
    Ok((Size { hidden, report }, left_out))
}

/// float32 and int8 with fused ReLU, on one thread; of peers without the latter, what they have.
fn is_compared(Bench { row, .. }: &Bench) -> bool {
    let is_fused = row.model == "fused" || (row.model == "static" && row.is_peer());
    row.threads == 1 && row.stage.is_none() && (row.model == "float32" || is_fused)
}

/// All lines, by work and then by size.
fn lines(sizes: &[Size]) -> Vec<(String, Vec<Line<'_>>)> {
    let mut works: Vec<(String, Vec<Line>)> = Vec::new();
    for Size { hidden, report } in sizes {
        for group in groups(report) {
            let Some(own) = group.rows.iter().find(|row| row.is_own()) else { continue };
            let peer = group.rows.iter().find(|row| row.is_peer()).copied();
            let line = Line { hidden: *hidden, own, peer };
            match works.iter_mut().find(|(work, _)| *work == group.title) {
                Some((_, lines)) => lines.push(line),
                None => works.push((group.title, vec![line])),
            }
        }
    }
    works
}

fn table(sizes: &[Size]) -> Table<6> {
    let rows = lines(sizes).into_iter().flat_map(|(work, lines)| {
        lines.into_iter().map(move |line| {
            [
                work.clone(),
                thousands(line.hidden),
                time(line.own.median_ns),
                line.peer.map_or_else(String::new, |peer| time(peer.median_ns)),
                line.peer.map_or_else(String::new, |peer| peer.engine.clone()),
                line.ratio().map_or_else(String::new, |ratio| format!("{ratio:.2}×")),
            ]
        })
    });
    Table::new(["work", "hidden", "digit8", "best peer", "", "ratio"], rows.collect::<Vec<_>>())
}

fn chart(title: &str, lines: &[Line]) -> Chart {
    let bar = |line: &Line| {
        let (label, value) = (thousands(line.hidden), line.ratio()?);
        Some(Bar { label, value, text: format!("{value:.2}×"), class: "own" })
    };
    bars_to_mark(title, lines.iter().filter_map(bar).collect(), 1.0)
}

fn document(sizes: &[Size], origin: &str) -> String {
    let Report { machine, commit, .. } = &sizes[0].report;
    let head = html! {
        p { (machine.cpu) " · kernels: " (machine.kernels.join(", ")) " · commit " (commit) }
        p { "Untrained networks 784-h-h-10, on " (origin) ", on one thread. How many times as long the best peer takes as digit8, by the neurons of \
             each hidden layer." }
    };
    let drawn = lines(sizes).into_iter().filter(|(_, lines)| lines.iter().any(|line| line.peer.is_some()));
    let mut sections: Vec<Section> = drawn
        .map(|(work, lines)| Section {
            body: page::chart(
                &chart(&work, &lines),
                "By the neurons of each hidden layer. The line at 1 is digit8's own time.",
            ),
            title: work,
        })
        .collect();
    sections
        .push(Section { title: "In figures".into(), body: page::table(&table(sizes), "Medians, an image") });
    page::document("digit8: speed and size", &head, &sections)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{report, row};

    #[test]
    fn ratios_are_those_of_the_same_size() {
        let size = |hidden, own, peer: Option<f64>| {
            let peer = peer.map(|median| row("a peer", "fused", 1, median));
            Size { hidden, report: report([row("digit8", "fused", 1, own)].into_iter().chain(peer)) }
        };
        let sizes = [size(32, 10.0, Some(50.0)), size(2048, 100.0, Some(120.0)), size(4096, 200.0, None)];
        let lines = lines(&sizes);
        let found: Vec<_> = lines[0].1.iter().map(|line| (line.hidden, line.ratio())).collect();
        assert_eq!((lines.len(), found), (1, vec![(32, Some(5.0)), (2048, Some(1.2)), (4096, None)]));
        let page = document(&sizes, "some digits");
        assert!(page.contains("5.00×") && page.contains("1.20×") && page.contains("4,096"), "{page}");
    }
}
