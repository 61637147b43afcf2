use digit8_core::compare::Error;
use digit8_core::digits::SIDE;
use digit8_core::float::Linear;
use digit8_core::int8::{QuantizedLinear, QuantizedMlp};
use maud::{Markup, html};

use super::lab::Lab;
use super::story::Chapter;
use super::training::{full_colour, tiled};
use digit8_host::terminal::Table;
use digit8_report::chart::{self, Histogram, Mark};
use digit8_report::page::{self, figures};

/// The weights before, as integers, and dequantized.
pub struct Weights {
    errors: Table<6>,
    largest: Table<6>,
    block: [Table<6>; 3],
    /// The first layer before, after, and the difference.
    pictures: [String; 3],
    histograms: Vec<(chart::Chart, String)>,
}

/// A weight on its way.
struct Weight {
    neuron: usize,
    input: usize,
    before: f64,
    integer: i8,
    after: f64,
    scale: f64,
}

impl Weight {
    fn difference(&self) -> f64 {
        self.after - self.before
    }

    fn steps(&self) -> f64 {
        self.difference() / self.scale
    }
}

fn weights<'a>(float: &'a Linear, int8: &'a QuantizedLinear) -> impl Iterator<Item = Weight> + 'a {
    float.weight.indexed_iter().zip(&int8.weight).map(|(((neuron, input), &before), &integer)| {
        let scale = int8.weight_scale.of(neuron).get();
        let after = f64::from(f32::from(integer) * scale);
        Weight { neuron, input, before: before.into(), integer, after, scale: scale.into() }
    })
}

impl Weights {
    pub fn new(lab: &Lab, int8: &QuantizedMlp) -> anyhow::Result<Self> {
        let layers: Vec<(&Linear, &QuantizedLinear)> = lab.mlp.layers().iter().zip(int8.layers()).collect();
        let (float, quantized) = layers[0];
        let errors = (1..).zip(&layers).map(|(number, (float, int8))| error_row(number, float, int8));
        let mut largest: Vec<Weight> = weights(float, quantized).collect();
        largest.sort_by(|a, b| b.difference().abs().total_cmp(&a.difference().abs()));
        let largest = largest.iter().take(8).map(|weight| {
            let (row, column) = (weight.input / SIDE, weight.input % SIDE);
            [
                format!("neuron {}, pixel {row}, {column}", weight.neuron),
                format!("{:.6}", weight.before),
                weight.integer.to_string(),
                format!("{:.6}", weight.after),
                format!("{:+.6}", weight.difference()),
                format!("{:+.3}", weight.steps()),
            ]
        });
        Ok(Self {
            errors: Table::new(
                ["layer", "least integer", "greatest integer", "SQNR", "greatest difference", "in steps"],
                errors,
            ),
            largest: Table::new(
                ["weight of linear1", "before", "integer", "dequantized", "difference", "in steps"],
                largest,
            ),
            block: [
                block(float, quantized, |weight| format!("{:.4}", weight.before)),
                block(float, quantized, |weight| weight.integer.to_string()),
                block(float, quantized, |weight| format!("{:.4}", weight.after)),
            ],
            pictures: pictures(float, quantized)?,
            histograms: histograms(&layers),
        })
    }
}

fn error_row(number: usize, float: &Linear, int8: &QuantizedLinear) -> [String; 6] {
    let after: Vec<f32> = weights(float, int8).map(|weight| weight.after as f32).collect();
    let error = Error::between(&float.weight, &after);
    let steps = weights(float, int8).map(|weight| weight.steps().abs()).fold(0.0, f64::max);
    let least = int8.weight.iter().min().copied().unwrap_or(0);
    let greatest = int8.weight.iter().max().copied().unwrap_or(0);
    [
        format!("linear{number}"),
        least.to_string(),
        greatest.to_string(),
        format!("{:.1} dB", error.sqnr),
        format!("{:.6}", error.max),
        format!("{steps:.3}"),
    ]
}

/// Five weights of each of five neurons, from the middle of the image.
fn block(float: &Linear, int8: &QuantizedLinear, show: impl Fn(&Weight) -> String) -> Table<6> {
    let (neurons, inputs) = float.weight.dim();
    let first = inputs / 2 + SIDE / 2 - 2;
    let all: Vec<Weight> = weights(float, int8).collect();
    let row = |neuron: usize| {
        let mut cells = all[neuron * inputs + first..][..5].iter().map(&show);
        std::array::from_fn(|column| {
            if column == 0 { format!("neuron {neuron}") } else { cells.next().unwrap_or_default() }
        })
    };
    Table::new(["column", "12", "13", "14", "15", "16"], (0..neurons.min(5)).map(row).collect::<Vec<_>>())
}

fn pictures(float: &Linear, int8: &QuantizedLinear) -> anyhow::Result<[String; 3]> {
    const SHOWN: usize = 100;
    let inputs = float.weight.ncols();
    let full = full_colour(float.weight.iter().copied());
    let picture = |shade: &dyn Fn(Weight) -> f64| {
        let all: Vec<f64> = weights(float, int8).map(shade).collect();
        tiled(&all.chunks(inputs).take(SHOWN).map(<[f64]>::to_vec).collect::<Vec<_>>())
    };
    Ok([
        picture(&|weight| weight.before / full)?,
        picture(&|weight| weight.after / full)?,
        picture(&|weight| 2.0 * weight.steps())?,
    ])
}

fn histograms(layers: &[(&Linear, &QuantizedLinear)]) -> Vec<(chart::Chart, String)> {
    let (float, int8) = layers[0];
    let ends = weights(float, int8).fold([0f64; 2], |[low, high], w| [low.min(w.before), high.max(w.before)]);
    let plain = |title: &str, range: [f64; 2], counts: &[usize], logarithmic: bool, class| {
        let marks = vec![Mark { at: 0.0, label: "0".into() }];
        Histogram { title, range, counts, logarithmic, class, marks, second: Vec::new() }.chart()
    };
    let reals = chart::count(weights(float, int8).map(|weight| weight.before), ends, 96);
    let steps = chart::count(weights(float, int8).map(|weight| weight.steps()), [-0.6, 0.6], 48);
    let mut charts = vec![
        (
            plain("linear1 before: real numbers", ends, &reals, true, "float"),
            "The weights before, on a logarithmic scale: the few that are far out decide the scale of all.".into(),
        ),
        (
            plain("linear1: rounding error, in steps", [-0.6, 0.6], &steps, false, "int8"),
            "What rounding takes away or adds: anything up to half a step, all about equally often. Such an error has a \
             standard deviation of 1/√12 of a step."
                .into(),
        ),
    ];
    for (number, (float, int8)) in (1..).zip(layers) {
        let integers = weights(float, int8).map(|weight| weight.integer.into());
        let counts = chart::count(integers, [-128.5, 127.5], 256);
        let title = format!("linear{number} as integers");
        let distinct = counts.iter().filter(|&&count| count > 0).count();
        let caption = format!("The integers of linear{number}, −128 to 127: {distinct} of 256 are in use.");
        charts.push((plain(&title, [-128.5, 127.5], &counts, true, "int8"), caption));
    }
    charts
}

impl Chapter for Weights {
    fn title(&self) -> String {
        "The weights, before and after".into()
    }

    fn tell(&self) -> String {
        let [before, integers, after] = self.block.each_ref().map(Table::text);
        format!(
            "A piece of linear1, row 14 of the image and columns 12 to 16: before, as integers, and dequantized\n\n\
             {before}\n\n{integers}\n\n{after}\n\n{}\n\nThe largest differences\n\n{}",
            self.errors.text(),
            self.largest.text()
        )
    }

    fn page(&self) -> Markup {
        let [before, after, difference] = &self.pictures;
        let [reals, integers, dequantized] = &self.block;
        html! {
            p { "An integer weight " var { "q" } " stands for " var { "S" } " · " var { "q" } ". What the float network had \
                 and what the integers stand for is not the same, but close: here are both, and the difference." }
            p { "The middle of the image, row 14 and columns 12 to 16, for the first neurons of linear1:" }
            div.three-tables {
                div { (page::table(reals, "before")) }
                div { (page::table(integers, "as integers")) }
                div { (page::table(dequantized, "dequantized")) }
            }
            (page::three_figures([
                page::pixels(before, "Weights of linear1 before quantization", "linear1 before."),
                page::pixels(after, "Weights of linear1 after quantization", "linear1 dequantized: to the eye, the same."),
                page::pixels(difference, "Differences", "The difference, full colour for half a step: noise without a \
                    trace of the neuron."),
            ]))
            (figures(self.histograms.iter().map(|(chart, caption)| page::chart(chart, caption))))
            (page::table(&self.errors, "Error of the dequantized weights"))
            (page::table(&self.largest, "The largest differences in linear1"))
            p.soft { "No difference is greater than half a step: also the greatest weight, which is 127.5 steps wide and has to \
                      make do with 127, or with −128." }
        }
    }
}
