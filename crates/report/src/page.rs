//! A report as a page: one file, no scripts.

use std::sync::LazyLock;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use regex_lite::Regex;

use crate::chart::{self, Chart};
use digit8_host::terminal::Table;

/// A chapter of the page.
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What stands below it.
    pub body: Markup,
}

/// The whole page.
pub fn document(title: &str, head: &Markup, sections: &[Section]) -> String {
    let id = |number: usize| format!("chapter-{number}");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(chart::STYLE)) (PreEscaped(include_str!("page.css"))) }
            }
            body {
                header { h1 { (title) } (head) }
                nav aria-label="Contents" {
                    ol { @for (number, section) in (1..).zip(sections) {
                        li { a href={ "#" (id(number)) } { (section.title) } }
                    } }
                }
                main { @for (number, section) in (1..).zip(sections) {
                    section id=(id(number)) { h2 { small { (number) } " " (section.title) } (section.body) }
                } }
            }
        }
    };
    page.into_string()
}

/// Figures side by side, two in a row where there is room.
pub fn figures(figures: impl IntoIterator<Item = Markup>) -> Markup {
    html! { div.figures { @for figure in figures { (figure) } } }
}

/// Figures side by side, three in a row where there is room.
pub fn three_figures(figures: impl IntoIterator<Item = Markup>) -> Markup {
    html! { div class="figures three" { @for figure in figures { (figure) } } }
}

/// A picture with a sentence that explains it.
pub fn figure(picture: &Markup, caption: &str) -> Markup {
    html! { figure { (picture) figcaption { (caption) } } }
}

/// A chart with a sentence that explains it.
pub fn chart(chart: &Chart, caption: &str) -> Markup {
    figure(&chart.inline(), caption)
}

/// Pixels from a data URI with a sentence that explains them.
pub fn pixels(uri: &str, alternative: &str, caption: &str) -> Markup {
    figure(&html! { img.pixels src=(uri) alt=(alternative); }, caption)
}

/// What a user types to get the same.
pub fn commands<'a>(lines: impl IntoIterator<Item = &'a str>) -> Markup {
    let lines: Vec<&str> = lines.into_iter().collect();
    html! { pre.commands { code { (lines.join("\n")) } } }
}

/// A table: names to the left, numbers to the right.
pub fn table<const N: usize>(table: &Table<N>, caption: &str) -> Markup {
    html! {
        p.caption { (caption) }
        // Reached by keyboard, since it scrolls where the screen is narrow.
        div.table tabindex="0" role="group" aria-label=(caption) { table {
            thead { tr { @for heading in table.headings { th scope="col" { (math(heading)) } } } }
            tbody { @for row in &table.rows { tr {
                @for (column, cell) in row.iter().enumerate() {
                    @if column == 0 { th scope="row" { (math(cell)) } } @else { td { (math(cell)) } }
                }
            } } }
        } }
    }
}

/// Text with its formulas set: `S_x` with an index, `-3` with a minus.
pub fn math(text: &str) -> Markup {
    static INDEX: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\b([A-Za-z])_([a-z])\b").expect("a pattern of this file"));
    static MINUS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(^|[ (])-(\d)").expect("a pattern of this file"));
    let escaped = html! { (text) }.into_string();
    let set = INDEX.replace_all(&escaped, "$1<sub>$2</sub>");
    PreEscaped(MINUS.replace_all(&set, "$1−$2").into_owned())
}
