use digit8_core::Kernel;
use maud::{Markup, html};

use super::lab::{Lab, Origin};
use super::story::Chapter;
use digit8_host::process::typed;
use digit8_report::machine::{self, Machine};
use digit8_report::page::commands;

/// What the report was made from, and how to make it again.
pub struct Reproduce<'a> {
    lab: &'a Lab,
    facts: Vec<(&'static str, String)>,
}

impl<'a> Reproduce<'a> {
    pub fn new(lab: &'a Lab) -> Self {
        let weights = match &lab.origin {
            Origin::Trained { seed, .. } => {
                format!("trained from seed {seed}, one epoch, batches of ten, Adam 0.001")
            }
            Origin::Read => lab.file.display().to_string(),
        };
        let Machine { cpu, system, .. } = Machine::this();
        let facts = vec![
            ("digits", lab.dataset.origin.clone()),
            ("weights", weights),
            ("digit8", format!("{}, commit {}", env!("CARGO_PKG_VERSION"), machine::commit())),
            ("compiler", format!("rustc {}", machine::rustc())),
            ("machine", format!("{cpu}, {system}")),
            ("kernel", Kernel::best().name().into()),
        ];
        Self { lab, facts }
    }

    /// The command that makes this report.
    fn command(&self) -> String {
        let Lab { origin, file, flags, out, .. } = self.lab;
        let weights = match origin {
            Origin::Trained { seed, .. } => format!("--seed {seed}"),
            Origin::Read => format!("--model {}", typed(file)),
        };
        format!("digit8 notebook {weights}{flags} --out {}", typed(out))
    }
}

impl Chapter for Reproduce<'_> {
    fn title(&self) -> String {
        "Do it again".into()
    }

    fn tell(&self) -> String {
        let facts = self.facts.iter().map(|(name, value)| format!("{name:<9} {value}"));
        format!("{}\n\n{}", facts.collect::<Vec<_>>().join("\n"), self.command())
    }

    fn page(&self) -> Markup {
        html! {
            p { "The same digits and the same seed give the same weights, integers and answers, bit for bit, on any machine \
                 with the same kernels." }
            dl { @for (name, value) in &self.facts { dt { (name) } dd { (value) } } }
            (commands([&*self.command()]))
        }
    }
}
