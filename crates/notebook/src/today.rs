use digit8_core::int8::{Activations, QuantizedMlp};
use digit8_core::quant::WeightScale;
use maud::{Markup, html};

use super::lab::Lab;
use super::network::Network;
use super::page::{self, commands};
use super::story::Chapter;
use digit8_core::file::{Info, Model, write};
use digit8_data::RecipeFlags;
use digit8_host::process::typed;
use digit8_host::terminal::{Table, thousands};

/// The recipes beside each other: the notebook's first.
const RECIPES: [&str; 3] = ["pytorch", "pytorch-x86", "pt2e"];
const HEADINGS: [&str; 4] = ["", "the notebook's", "get_default_qconfig('x86')", "X86InductorQuantizer"];

/// PyTorch's default recipes of today beside the notebook's: which numbers differ, and why.
pub struct Today<'a> {
    lab: &'a Lab,
    table: Table<4>,
}

impl<'a> Today<'a> {
    pub fn new(lab: &'a Lab) -> anyhow::Result<Self> {
        let mut columns = Vec::new();
        for name in RECIPES {
            let flags = RecipeFlags { recipe: name.parse()?, ..RecipeFlags::default() };
            let int8 = flags.quantize(&lab.mlp, &lab.dataset)?.int8;
            columns.push(column(lab, name, int8)?);
        }
        let names = [
            "scheme",
            "observer",
            "quant",
            "linear1",
            "linear2",
            "linear3",
            "scales of weights",
            "file",
            "read right",
        ];
        let rows = names.iter().enumerate().map(|(row, name)| {
            std::array::from_fn(|column| match column {
                0 => (*name).to_owned(),
                _ => columns[column - 1][row].clone(),
            })
        });
        Ok(Self { lab, table: Table::new(HEADINGS, rows) })
    }

    fn command(&self) -> String {
        let Lab { file, flags, out, .. } = self.lab;
        format!(
            "cargo xtask quantize {} --recipe pt2e{flags} --out {}",
            typed(file),
            typed(&out.join("pt2e.safetensors"))
        )
    }
}

/// The cells of a recipe.
fn column(lab: &Lab, name: &str, int8: QuantizedMlp) -> anyhow::Result<Vec<String>> {
    let recipe: digit8_core::quant::Recipe = name.parse()?;
    let mut cells = vec![recipe.scheme.to_string(), recipe.activations.observer.to_string()];
    if let Activations::Static { input, outputs: [one, two, three], .. } = int8.activations() {
        cells.extend(
            [input, one, two, three]
                .map(|qparams| format!("{} · (q - {})", qparams.scale, qparams.zero_point)),
        );
    }
    let scales = int8.layers().iter().map(|layer| match &layer.weight_scale {
        WeightScale::PerTensor(_) => 1,
        WeightScale::PerChannel(scales) => scales.len(),
    });
    cells.push(thousands(scales.sum()));
    let model = Model::Int8(int8);
    let bytes = write(&model, &Info::new())?.len();
    let network = Network::new(model, bytes, &lab.dataset.test);
    cells.push(format!("{} bytes", thousands(bytes)));
    cells.push(format!(
        "{} of {}",
        thousands(network.confusion.correct() as usize),
        thousands(lab.dataset.test.len())
    ));
    Ok(cells)
}

const WHY: [&str; 4] = [
    "Histogram observers cut off rare extremes where that costs less than wide steps: the scales of hidden layers shrink, and what lies \
     beyond saturates. Min-max observers never cut.",
    "A scale for each output channel of the weights, in place of one a matrix: a row of small weights has small steps. The file grows by \
     four bytes a channel.",
    "Eight bits of activations, 0..=255, in X86InductorQuantizer: steps half as wide, and other zero points. The two others aim at \
     0..=127 (reduce_range), since sums of products in pairs saturate 16 bits on x86 CPUs without VNNI.",
    "A least scale (eps) of 2⁻¹² in place of 2⁻²³, which matters only for tensors that are nearly 0. The arithmetic is the same \
     in all three.",
];

const API: &str = "As of November 2026, with PyTorch 2.15: torch.ao.quantization, which the notebook uses, still works and has warned since 2.10 \
     that it will be removed. Its eager mode's successor is torchao's quantize_, its graph mode's is torchao's pt2e with X86InductorQuantizer. \
     New code should begin there.";

impl Chapter for Today<'_> {
    fn title(&self) -> String {
        "PyTorch's defaults of today".into()
    }

    fn tell(&self) -> String {
        format!("{}\n\n{}\n\n{API}\n\n{}", self.table.text(), WHY.join("\n"), self.command())
    }

    fn page(&self) -> Markup {
        html! {
            p { "The notebook chose its observers by hand. Who asks PyTorch for its default gets another recipe, and \
                 other numbers, from the same weights and digits:" }
            (page::table(&self.table, "The notebook's recipe beside PyTorch's defaults of 2026."))
            ul { @for reason in WHY { li { (page::math(reason)) } } }
            p { (API) }
            (commands([&*self.command()]))
        }
    }
}
