//! A page with every drawing that a network misreads.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::chart::ink;

/// A drawing that somebody misreads.
pub struct Misread<'a> {
    /// What the networks see of it, `[784]`.
    pub pixels: &'a [u8],
    /// What it is.
    pub label: u8,
    /// Who drew it.
    pub writer: Option<&'a str>,
    /// What each network says.
    pub answers: Vec<Answer<'a>>,
}

/// What a network says of a drawing.
pub struct Answer<'a> {
    /// The network's name.
    pub model: &'a str,
    /// The digit.
    pub digit: usize,
    /// Its probability, 0 to 1.
    pub probability: f64,
}

const STYLE: &str = "\
:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 1rem }
figure { margin: 0; display: flex; gap: .75rem }
img { background: white; border: 1px solid gray; image-rendering: pixelated; flex: none; align-self: start }
.writer { opacity: .7 }
.wrong { font-weight: bold }
";

/// The page, for the misread ones of `total` drawings.
pub fn page(misread: &[Misread], total: usize) -> anyhow::Result<String> {
    let figures = misread.iter().map(figure).collect::<anyhow::Result<Vec<_>>>()?;
    let title = format!("{} of {total} drawings are misread", misread.len());
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                p { "A picture is what the networks see of a drawing. Beside it: what it is, who drew it, and what each network answers; wrong answers are bold." }
                main { @for figure in figures { (figure) } }
            }
        }
    };
    Ok(page.into_string())
}

fn figure(Misread { pixels, label, writer, answers }: &Misread) -> anyhow::Result<Markup> {
    let picture = ink(pixels, 28)?;
    Ok(html! {
        figure {
            img src=(picture) width="112" height="112" alt={ "A drawn " (label) };
            figcaption {
                b { (label) } " "
                span.writer { (writer.unwrap_or_default()) }
                @for Answer { model, digit, probability } in answers {
                    div.wrong[*digit != usize::from(*label)] {
                        (model) ": " (digit) ", " (format!("{:.0} %", 100.0 * probability))
                    }
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_answers_stand_out() {
        let answers = vec![
            Answer { model: "a", digit: 4, probability: 0.97 },
            Answer { model: "b", digit: 9, probability: 0.51 },
        ];
        let misread = Misread { pixels: &[7; 784], label: 9, writer: Some("<w>"), answers };
        let page = page(&[misread], 20).unwrap();
        assert!(page.contains("1 of 20 drawings are misread") && page.contains("&lt;w&gt;"), "{page}");
        assert!(page.contains("<div class=\"wrong\">a: 4, 97 %</div>"), "{page}");
        assert!(page.contains("<div>b: 9, 51 %</div>"), "{page}");
    }
}
