use digit8_core::digits::CLASSES;
use maud::{Markup, html};

use super::lab::Lab;
use super::network::Network;
use super::story::Chapter;
use digit8_report::confusion::{matrix, mistakes};

/// Which digits are taken for which.
pub struct Confusions<'a> {
    lab: &'a Lab,
    networks: &'a [&'a Network],
}

impl<'a> Confusions<'a> {
    pub fn new(lab: &'a Lab, networks: &'a [&'a Network]) -> Self {
        Self { lab, networks }
    }
}

impl Chapter for Confusions<'_> {
    fn title(&self) -> String {
        "Which digits are taken for which".into()
    }

    fn tell(&self) -> String {
        let matrices = self.networks.iter().map(|network| {
            let Network { name, confusion, .. } = network;
            format!(
                "{name}: digits (down) read as (across)\n\n{}\n{}",
                matrix(confusion),
                mistakes(confusion)
            )
        });
        let note = self.lab.note().map(|note| format!("\n\n{note}")).unwrap_or_default();
        matrices.collect::<Vec<_>>().join("\n\n") + &note
    }

    fn page(&self) -> Markup {
        html! {
            p { "A row for each digit, a column for what it was read as. Right answers are on the diagonal; the stronger the \
                 colour off it, the more often that mistake is made." }
            @if let Some(note) = self.lab.note() { p.warning { (note) } }
            div.figures { @for network in self.networks { (picture(network)) } }
        }
    }
}

fn picture(network: &Network) -> Markup {
    let counts = &network.confusion.counts;
    let off_diagonal = |row: usize, column: usize| if row == column { 0 } else { counts[row][column] };
    let all = (0..CLASSES).flat_map(|row| (0..CLASSES).map(move |column| off_diagonal(row, column)));
    let most = all.max().unwrap_or(0).max(1);
    let share = |row: usize, column: usize| 45 * off_diagonal(row, column) / most;
    html! {
        figure {
            table.confusion {
                caption { (network.name) ", " (format!("{:.2} %", 100.0 * network.confusion.accuracy())) }
                thead { tr { th scope="col" { span.hidden { "digit" } } @for digit in 0..CLASSES { th scope="col" { (digit) } } } }
                tbody { @for (digit, row) in counts.iter().enumerate() { tr {
                    th scope="row" { (digit) }
                    @for (read, &count) in row.iter().enumerate() {
                        @if digit == read { td.right { (count) } }
                        @else if count == 0 { td { "·" } }
                        @else { td style={ "--share:" (share(digit, read)) "%" } { (count) } }
                    }
                } } }
            }
            figcaption { (mistakes(&network.confusion)) }
        }
    }
}
