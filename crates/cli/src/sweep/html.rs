//! The sweep as a page: one file, no scripts.

use digit8_host::terminal::{Table, thousands};
use digit8_report::chart::{self, Point, scatter};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::measure::{Outcome, Sensitivity};
use super::{Report, best_table, front, methods_table, others_table};

const STYLE: &str = "
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
h1, h2 { line-height: 1.2 } h2 { margin-top: 2.5rem }
.table { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem }
th, td { text-align: right; padding: .15rem .8rem .15rem 0; border-bottom: 1px solid #8884; white-space: nowrap }
th:first-child { text-align: left; font-weight: normal } thead th { font-weight: 600 }
figure { margin: 1rem 0; max-width: 46rem }
";

/// The page.
pub fn page(report: &Report) -> String {
    let title = format!("{}: recipes", report.model);
    let [held_out, test] = report.float.map(|share| 100.0 * share);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(chart::STYLE)) (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                p {
                    "Float32 reads " (format!("{held_out:.2}")) " % of the digits kept apart and " (format!("{test:.2}"))
                    " % of the test digits, with weights of " (thousands(report.float_bytes)) " bytes. Digits: " (report.digits)
                    @if !report.official_test { " (not MNIST's test set)" } "."
                }
                p {
                    "Recipes are chosen by training digits that neither calibrate nor retrain, “kept apart” below. \
                     Nothing is chosen by the test digits."
                }
                h2 { "Accuracy against bytes" }
                (pareto(&report.outcomes))
                h2 { "The best of each width" }
                (table(&best_table(report)))
                h2 { "Read right of the digits kept apart, %" }
                (table(&methods_table(report, |outcome| 100.0 * outcome.held_out)))
                h2 { "Read right of the test digits, %" }
                (table(&methods_table(report, |outcome| 100.0 * outcome.test)))
                h2 { "SQNR of the logits, dB" }
                p { "Against the float network, equalized where the recipe has that, on a thousand digits kept apart." }
                (table(&methods_table(report, |outcome| outcome.sqnr[2])))
                h2 { "Which layer is to blame" }
                p { "Of the best recipes: what is read right of a thousand digits kept apart, with parts on integers, %." }
                (table(&sensitivity_table(&report.sensitivity)))
                h2 { "Bits that differ from layer to layer; numbers of calibration digits" }
                (table(&others_table(report)))
            }
        }
    };
    page.into_string()
}

/// Points from nine tenths on: below, all recipes are useless alike.
fn pareto(outcomes: &[Outcome]) -> Markup {
    let best = front(outcomes);
    let good = outcomes.iter().zip(best).filter(|(outcome, _)| outcome.held_out >= 0.9);
    let points: Vec<Point> = good
        .map(|(outcome, best)| Point {
            label: format!("{}: {} bytes, {:.2} %", outcome.recipe, outcome.bytes, 100.0 * outcome.held_out),
            at: (outcome.bytes as f64, 100.0 * outcome.held_out),
            best,
        })
        .collect();
    let chart = scatter(
        "Accuracy against bytes",
        "bytes of packed weights",
        "read right of the digits kept apart, %",
        &points,
    );
    html! { figure { (chart.inline()) figcaption {
        "Each point a recipe that reads nine tenths or more; the line goes through those that no other beats in both."
    } } }
}

fn sensitivity_table(all: &[Sensitivity]) -> Table<10> {
    let per_cent = |share: f64| format!("{:.1}", 100.0 * share);
    let rows = all.iter().map(|one| {
        let [alone1, alone2, alone3] = one.alone.map(per_cent);
        let [without1, without2, without3] = one.without.map(per_cent);
        [
            one.recipe.clone(),
            per_cent(one.all),
            alone1,
            alone2,
            alone3,
            without1,
            without2,
            without3,
            per_cent(one.weights),
            per_cent(one.activations),
        ]
    });
    Table::new(
        [
            "recipe",
            "all on integers",
            "linear1 alone",
            "linear2 alone",
            "linear3 alone",
            "all but linear1",
            "all but linear2",
            "all but linear3",
            "weights alone",
            "activations, 8-bit weights",
        ],
        rows,
    )
}

fn table<const N: usize>(table: &Table<N>) -> Markup {
    html! { div.table tabindex="0" { table {
        thead { tr { @for heading in table.headings { th scope="col" { (heading) } } } }
        tbody { @for row in &table.rows { tr {
            @for (column, cell) in row.iter().enumerate() {
                @if column == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
            }
        } } }
    } } }
}
