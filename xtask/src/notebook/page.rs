//! The report as a page: one file, no scripts. Its parts here, its chapters beside this file.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::chart::{self, Chart};
use crate::terminal::Table;

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
                style { (PreEscaped(chart::STYLE)) (PreEscaped(include_str!("style.css"))) }
            }
            body {
                header { h1 { (title) } (head) }
                nav aria-label="Chapters" {
                    ol { @for (number, section) in (1..).zip(sections) {
                        li { a href={ "#" (id(number)) } { (section.title) } }
                    } }
                }
                main { @for (number, section) in (1..).zip(sections) {
                    section id=(id(number)) { h2 { (number) " " (section.title) } (section.body) }
                } }
            }
        }
    };
    page.into_string()
}

/// Figures side by side, where there is room.
pub fn figures(figures: impl IntoIterator<Item = Markup>) -> Markup {
    html! { div.figures { @for figure in figures { (figure) } } }
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
pub fn pixels(uri: &str, class: &str, alternative: &str, caption: &str) -> Markup {
    figure(&html! { img class={ "pixels " (class) } src=(uri) alt=(alternative); }, caption)
}

/// What a user types to get the same.
pub fn commands<'a>(lines: impl IntoIterator<Item = &'a str>) -> Markup {
    let lines: Vec<&str> = lines.into_iter().collect();
    html! { pre.commands { code { (lines.join("\n")) } } }
}

/// A table: names to the left, numbers to the right.
pub fn table<const N: usize>(table: &Table<N>, caption: &str) -> Markup {
    html! {
        div.table { table {
            @if !caption.is_empty() { caption { (caption) } }
            thead { tr { @for heading in table.headings { th scope="col" { (heading) } } } }
            tbody { @for row in &table.rows { tr {
                @for (column, cell) in row.iter().enumerate() {
                    @if column == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                }
            } } }
        } }
    }
}
