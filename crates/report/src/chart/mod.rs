//! Pictures as SVG, readable on light and dark backgrounds, and narrow enough for a phone.

mod axis;
mod bars;
mod distributions;
mod histogram;
mod loss;
mod raster;
mod rulers;
mod scatter;

pub use axis::{Axis, short};
pub use bars::{Bar, Group, bars, bars_to_mark};
pub use distributions::{Distribution, distributions};
pub use histogram::{Histogram, Mark, count};
pub use loss::loss_curve;
pub use raster::{ink, signed};
pub use rulers::{Ruler, rulers};
pub use scatter::{Point, scatter};

use maud::{Markup, html};

/// Colours and strokes, for a file and for a page that holds pictures.
pub const STYLE: &str = include_str!("style.css");

/// A picture.
pub struct Chart {
    /// What it shows, for who cannot see it.
    title: String,
    width: f64,
    height: f64,
    body: Markup,
}

impl Chart {
    /// The picture as a part of a page, which has [`STYLE`].
    pub fn inline(&self) -> Markup {
        html! {
            svg.chart role="img" aria-label=(self.title) viewBox={ "0 0 " (self.width) " " (self.height) } {
                (self.body)
            }
        }
    }

    /// The picture as a file of its own.
    pub fn file(&self) -> String {
        let svg = html! {
            svg.chart xmlns="http://www.w3.org/2000/svg" role="img" aria-label=(self.title)
                viewBox={ "0 0 " (self.width) " " (self.height) } {
                style { (STYLE) }
                (self.body)
            }
        };
        svg.into_string()
    }
}

/// The path data of a line through `points`.
fn line(points: impl Iterator<Item = (f64, f64)>) -> String {
    let command = |(at, (x, y)): (usize, (f64, f64))| {
        let letter = if at == 0 { 'M' } else { 'L' };
        format!("{letter}{x:.1} {y:.1}")
    };
    points.enumerate().map(command).collect()
}

/// Text at a point; `anchor` is `start`, `middle` or `end`. A number's sign becomes a minus.
fn text(x: f64, y: f64, anchor: &str, text: &str) -> Markup {
    let text = text.strip_prefix('-').map_or_else(|| text.to_string(), |number| format!("−{number}"));
    html! { text x=(format!("{x:.1}")) y=(format!("{y:.1}")) text-anchor=(anchor) { (text) } }
}
