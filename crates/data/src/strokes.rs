//! Drawings with a pen: one JSON object a line, `{"label": 3, "writer": "…", "strokes": [[[x, y], …], …]}`, y downwards.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, ensure};
use digit8_core::digits::{CLASSES, Digits};
use digit8_core::stroke::{Point, rasterize};
use digit8_host::terminal::thousands;
use serde::Deserialize;

/// A drawn digit, one line of a file.
#[derive(Deserialize)]
struct Drawing {
    label: u8,
    writer: Option<String>,
    strokes: Vec<Vec<[f32; 2]>>,
}

impl Drawing {
    /// What the networks see of it.
    fn image(&self) -> anyhow::Result<Vec<u8>> {
        ensure!(usize::from(self.label) < CLASSES, "label {}, expected 0 to 9", self.label);
        let strokes: Vec<Vec<Point>> =
            self.strokes.iter().map(|stroke| stroke.iter().map(|&[x, y]| Point { x, y }).collect()).collect();
        Ok(rasterize(&strokes, 1.0).context("nothing is drawn")?.to_vec())
    }
}

/// The drawings of a file as the page would show them to a network. Lines that hold none are named and passed over.
pub fn read(path: &Path) -> anyhow::Result<Digits> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let (digits, writers) = parse(BufReader::new(file), |line, error| {
        eprintln!("{}, line {line}: {error:#}; passed over", path.display());
    })
    .with_context(|| path.display().to_string())?;
    let by = if writers > 0 { format!(" by {} writers", thousands(writers)) } else { String::new() };
    println!("{}: {} drawings{by}", path.display(), thousands(digits.len()));
    Ok(digits)
}

/// The drawings of a text and the number of their writers. `report` is told the lines that hold none.
pub fn parse(
    lines: impl BufRead,
    mut report: impl FnMut(usize, anyhow::Error),
) -> anyhow::Result<(Digits, usize)> {
    let (mut images, mut labels, mut writers) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (line, text) in (1..).zip(lines.split(b'\n')) {
        let text = text.with_context(|| format!("line {line}"))?;
        // Some editors begin a file with a byte order mark.
        let text = if line == 1 { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text) } else { &text };
        if text.trim_ascii().is_empty() {
            continue;
        }
        let drawing = || -> anyhow::Result<(Drawing, Vec<u8>)> {
            let drawing: Drawing = serde_json::from_str(str::from_utf8(text).context("it is not UTF-8")?)?;
            let image = drawing.image()?;
            Ok((drawing, image))
        };
        match drawing() {
            Ok((drawing, image)) => {
                images.extend(image);
                labels.push(drawing.label);
                writers.extend(drawing.writer);
            }
            Err(error) => report(line, error),
        }
    }
    ensure!(
        !labels.is_empty(),
        "no drawings in it, expected one JSON object a line with `label` and `strokes`"
    );
    Ok((Digits::new(images, labels)?, writers.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_lines_are_named_and_passed_over() {
        let text = r#"{"label": 1, "writer": "a", "strokes": [[[5, 0], [5, 9]]]}
not JSON

{"label": 11, "strokes": [[[5, 0], [5, 9]]]}
{"label": 2, "strokes": [[]]}
{"label": 7, "writer": "a", "strokes": [[[0, 0], [9, 0], [3, 20]]]}"#;
        let mut bad = Vec::new();
        let (digits, writers) =
            parse(text.as_bytes(), |line, error| bad.push((line, error.to_string()))).unwrap();
        assert_eq!((digits.labels(), writers), (&[1, 7][..], 1));
        assert_eq!(bad.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 4, 5]);
        assert!(bad[1].1.contains("label 11"), "{}", bad[1].1);
        assert!(bad[2].1.contains("nothing is drawn"), "{}", bad[2].1);
        assert!(parse(&b"\n"[..], |_, _| ()).is_err());
    }

    #[test]
    fn a_mark_at_the_start_and_a_line_that_is_no_text_are_no_hindrance() {
        let line = br#"{"label": 1, "strokes": [[[5, 0], [5, 9]]]}"#;
        let text = [&b"\xef\xbb\xbf"[..], line, b"\r\n\xff\xfe\n", line].concat();
        let mut bad = Vec::new();
        let (digits, _) = parse(&text[..], |line, error| bad.push((line, error.to_string()))).unwrap();
        assert_eq!((digits.labels(), bad), (&[1, 1][..], vec![(2, "it is not UTF-8".to_owned())]));
    }
}
