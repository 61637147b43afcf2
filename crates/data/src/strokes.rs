//! Drawings with a pen: files of them, and where those to train with come from.
//!
//! A file has one JSON object a line, `{"label": 3, "writer": "…", "strokes": [[[x, y], …], …]}`, y downwards, and may be
//! compressed with gzip; or it is UCI's [`pendigits`], as it is fetched or uncompressed.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, ensure};
use digit8_core::digits::{CLASSES, Digits};
use digit8_core::pens::Drawing;
use digit8_core::stroke::Point;
use digit8_host::files;
use digit8_host::terminal::thousands;

use crate::folder::decompressed;
use crate::pendigits::{self, HELD_OUT};

/// The drawings of a file. Lines that hold none are named and passed over.
pub fn read(path: &Path) -> anyhow::Result<Vec<Drawing>> {
    let whole = || -> anyhow::Result<Vec<Drawing>> {
        let bytes = files::read(path)?;
        if pendigits::is_one(&bytes) {
            return pendigits::parse(bytes);
        }
        parse(&decompressed(bytes)?, |line, error| {
            eprintln!("{}, line {line}: {error:#}; passed over", path.display());
        })
    };
    let drawings = whole().with_context(|| path.display().to_string())?;
    println!("{}: {}", path.display(), count(&drawings));
    Ok(drawings)
}

/// The drawings to train with: those of a file, or those that are fetched from UCI, without the writers that are kept back to
/// choose by.
pub fn to_train(file: Option<&Path>) -> anyhow::Result<Vec<Drawing>> {
    let mut train = match file {
        Some(path) => read(path)?,
        None => {
            let (train, _) = halves(pendigits::find(false, None)?);
            println!("pendigits, without the writers to choose by: {}", count(&train));
            train
        }
    };
    // Whatever order the file has them in: the same drawings train the same network.
    train.sort_by(|a, b| a.writer.cmp(&b.writer));
    Ok(train)
}

/// The drawings of the writers to train with, and of those to choose by.
pub fn halves(drawings: Vec<Drawing>) -> (Vec<Drawing>, Vec<Drawing>) {
    let held = |drawing: &Drawing| {
        let writer = drawing.writer.as_deref();
        writer.is_some_and(|writer| HELD_OUT.iter().any(|held| writer == pendigits::writer(*held)))
    };
    drawings.into_iter().partition(|drawing| !held(drawing))
}

/// How many drawings by how many writers these are, in words.
pub fn count(drawings: &[Drawing]) -> String {
    let writers: BTreeSet<_> = drawings.iter().filter_map(|drawing| drawing.writer.as_deref()).collect();
    let by = match writers.len() {
        0 => String::new(),
        count => format!(" by {} writers", thousands(count)),
    };
    format!("{} drawings{by}", thousands(drawings.len()))
}

/// The drawings as the page would show them to a network, each point moved by `map`.
pub fn images(drawings: &[Drawing], map: impl Fn(Point) -> Point) -> anyhow::Result<Digits> {
    let mut images = Vec::new();
    for drawing in drawings {
        images.extend(drawing.image(&map).context("nothing is drawn")?);
    }
    Ok(Digits::new(images, drawings.iter().map(|drawing| drawing.label).collect())?)
}

/// The drawings of lines of JSON. `report` is told the lines that hold none.
///
/// # Errors
/// If no line holds one.
pub fn parse(text: &[u8], mut report: impl FnMut(usize, anyhow::Error)) -> anyhow::Result<Vec<Drawing>> {
    let mut drawings = Vec::new();
    // Some editors begin a file with a byte order mark.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let lines =
        (1..).zip(text.split(|&byte| byte == b'\n')).filter(|(_, text)| !text.trim_ascii().is_empty());
    for (line, text) in lines {
        let drawing = || -> anyhow::Result<Drawing> {
            let drawing: Drawing = serde_json::from_str(str::from_utf8(text).context("it is not UTF-8")?)?;
            ensure!(usize::from(drawing.label) < CLASSES, "label {}, expected 0 to 9", drawing.label);
            ensure!(drawing.image(|point| point).is_some(), "nothing is drawn");
            Ok(drawing)
        };
        match drawing() {
            Ok(drawing) => drawings.push(drawing),
            Err(error) => report(line, error),
        }
    }
    ensure!(
        !drawings.is_empty(),
        "no drawings in it, expected one JSON object a line with `label` and `strokes`"
    );
    Ok(drawings)
}

/// Where the drawings to train with come from, for a model's metadata.
pub const TITLE: &str =
    "UCI's Pen-Based Recognition of Handwritten Digits (Alpaydin and Alimoglu, 1998; CC BY 4.0)";

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
        let drawings = parse(text.as_bytes(), |line, error| bad.push((line, error.to_string()))).unwrap();
        assert_eq!(drawings.iter().map(|drawing| drawing.label).collect::<Vec<_>>(), [1, 7]);
        assert_eq!(count(&drawings), "2 drawings by 1 writers");
        assert_eq!(bad.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 4, 5]);
        assert!(bad[1].1.contains("label 11"), "{}", bad[1].1);
        assert!(bad[2].1.contains("nothing is drawn"), "{}", bad[2].1);
        assert!(parse(b"\n", |_, _| ()).is_err());
    }

    #[test]
    fn writers_to_choose_by_are_kept_apart() {
        let drawing = |writer: &str| Drawing {
            label: 1,
            writer: Some(writer.into()),
            strokes: vec![vec![Point { x: 1.0, y: 2.0 }]],
        };
        let (train, choose) =
            halves(vec![drawing("pendigits-tra-1"), drawing("pendigits-tra-14"), drawing("somebody")]);
        assert_eq!((train.len(), choose.len()), (2, 1));
        assert_eq!(images(&train, |point| point).unwrap().len(), 2);
    }

    #[test]
    fn compressed_lines_are_read() {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(br#"{"label": 1, "strokes": [[[5, 0], [5, 9]]]}"#).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("drawings.jsonl.gz");
        std::fs::write(&path, encoder.finish().unwrap()).unwrap();
        assert_eq!(read(&path).unwrap().len(), 1);
    }

    #[test]
    fn a_mark_at_the_start_and_a_line_that_is_no_text_are_no_hindrance() {
        let line = br#"{"label": 1, "strokes": [[[5, 0], [5, 9]]]}"#;
        let text = [&b"\xef\xbb\xbf"[..], line, b"\r\n\xff\xfe\n", line].concat();
        let mut bad = Vec::new();
        let drawings = parse(&text, |line, error| bad.push((line, error.to_string()))).unwrap();
        assert_eq!((drawings.len(), bad), (2, vec![(2, "it is not UTF-8".to_owned())]));
    }
}
