//! UCI's "Pen-Based Recognition of Handwritten Digits" (E. Alpaydin and F. Alimoglu, 1998; data set 81; CC BY 4.0): the
//! original trajectories of its 30 training writers, file `pendigits-orig.tra`, which UCI keeps compressed as `.Z`.
//!
//! The file's format is UNIPEN's, in a few words of it:
//!
//! ```text
//! .SEGMENT DIGIT 0-1 ? "4"     a digit of two strokes
//! .COMMENT 4 12 224            the digit, its writer, its number
//! .PEN_DOWN                    points follow, x and y, y upwards
//! .PEN_UP                      the stroke ends
//! ```

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use digit8_core::digits::CLASSES;
use digit8_core::pens::Drawing;
use digit8_core::stroke::Point;
use digit8_host::files;

use crate::folder::decompressed;
use crate::{cache, compress, download};

/// The writers that are kept back to choose by: none of their digits is ever trained with.
pub const HELD_OUT: [u32; 6] = [8, 9, 14, 16, 23, 29];

/// The file as UCI has it.
const FILE: &str = "pendigits-orig.tra.Z";
/// The address of the folder with the file.
const UCI: &str = "https://archive.ics.uci.edu/ml/machine-learning-databases/pendigits";
/// How many digits of each kind are in it, as its description says.
const COUNTS: [usize; CLASSES] = [780, 779, 780, 719, 780, 720, 720, 778, 719, 719];
/// What a pad's side is to the drawings, and the margin around them.
const PAD: [f32; 2] = [280.0, 40.0];

/// A writer's name in a [`Drawing`].
pub fn writer(number: u32) -> String {
    format!("pendigits-tra-{number}")
}

/// Whether a file begins as this one does, compressed or not.
pub fn is_one(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    bytes.starts_with(&compress::MAGIC)
        || (start.starts_with(b".") && start.get(1).is_some_and(u8::is_ascii_uppercase))
}

/// Where the fetched file is kept.
pub fn path() -> anyhow::Result<PathBuf> {
    Ok(cache()?.join("pendigits").join(FILE))
}

/// The drawings, from the cache or from UCI; with `refresh`, from UCI in any case. `mirror` is the address of a folder to fetch the
/// file from instead.
pub fn find(refresh: bool, mirror: Option<&str>) -> anyhow::Result<Vec<Drawing>> {
    let path = path()?;
    if refresh || !path.is_file() {
        fetch(mirror.unwrap_or(UCI), &path)?;
    }
    parse(files::read(&path)?)
        .and_then(checked)
        .with_context(|| format!("{} (`data --strokes --refresh` fetches it again)", path.display()))
}

/// Fetches the file, and keeps it if what is in it is right.
fn fetch(mirror: &str, to: &Path) -> anyhow::Result<()> {
    download::fetch_one(&[mirror], FILE, to, &|bytes| parse(bytes).and_then(checked).map(drop)).context(
        "no pen strokes from UCI; where the file, or another with drawings, is there already, name it with --strokes-file",
    )
}

/// The drawings of a file, compressed by `compress`, by gzip or not at all.
pub fn parse(bytes: Vec<u8>) -> anyhow::Result<Vec<Drawing>> {
    let content = match bytes.starts_with(&compress::MAGIC) {
        true => compress::decompressed(&bytes)?,
        false => decompressed(bytes)?,
    };
    let text = String::from_utf8_lossy(&content);
    let mut drawings: Vec<Drawing> = Vec::new();
    let mut is_down = false;
    for (number, line) in (1..).zip(text.lines()) {
        let parsed = read_line(line.trim(), &mut drawings, &mut is_down);
        parsed.with_context(|| format!("line {number}, {:?}", line.chars().take(40).collect::<String>()))?;
    }
    ensure!(!drawings.is_empty(), "no .SEGMENT DIGIT in it, expected the trajectories of digits");
    for (number, drawing) in (1..).zip(&mut drawings) {
        drawing.strokes.retain(|stroke| !stroke.is_empty());
        ensure!(!drawing.strokes.is_empty(), "digit {number} has no points");
        to_pad(&mut drawing.strokes);
    }
    Ok(drawings)
}

/// Reads one line into the last drawing, or begins a new one.
fn read_line(line: &str, drawings: &mut Vec<Drawing>, is_down: &mut bool) -> anyhow::Result<()> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if word == ".SEGMENT" && rest.starts_with("DIGIT") {
        let label = rest.split('"').nth(1).and_then(|label| label.parse::<u8>().ok());
        let label = label.filter(|&label| usize::from(label) < CLASSES);
        let label = label.context("no digit, expected one from \"0\" to \"9\"")?;
        drawings.push(Drawing { label, writer: None, strokes: Vec::new() });
        *is_down = false;
        return Ok(());
    }
    // What comes before the first digit describes the file.
    let Some(drawing) = drawings.last_mut() else { return Ok(()) };
    match word {
        ".COMMENT" => {
            let mut numbers = rest.split_whitespace().map(str::parse::<u32>);
            if let (Some(Ok(label)), Some(Ok(number))) = (numbers.next(), numbers.next()) {
                ensure!(label == u32::from(drawing.label), "a comment on a {label} with a {}", drawing.label);
                drawing.writer = Some(writer(number));
            }
        }
        ".PEN_DOWN" => {
            drawing.strokes.push(Vec::new());
            *is_down = true;
        }
        ".PEN_UP" => *is_down = false,
        _ if word.starts_with('.') || word.is_empty() || !*is_down => {}
        _ => {
            let number = |text: &str| {
                let number = text.trim().parse::<f32>().ok().filter(|number| number.is_finite());
                number.context("expected a point, two numbers")
            };
            let (x, y) = (number(word)?, number(rest)?);
            if let Some(stroke) = drawing.strokes.last_mut() {
                stroke.push(Point { x, y: -y });
            }
        }
    }
    Ok(())
}

/// Scales strokes to fill a pad but for its margin, their aspect kept; whole units are all that a pad tells apart.
fn to_pad(strokes: &mut [Vec<Point>]) {
    let points = || strokes.iter().flatten();
    let least = |axis: fn(&Point) -> f32| points().map(axis).fold(f32::INFINITY, f32::min);
    let greatest = |axis: fn(&Point) -> f32| points().map(axis).fold(f32::NEG_INFINITY, f32::max);
    let (left, right, top, bottom) = (least(|p| p.x), greatest(|p| p.x), least(|p| p.y), greatest(|p| p.y));
    let [side, margin] = PAD;
    let scale = (side - 2.0 * margin) / (right - left).max(bottom - top).max(1.0);
    for point in strokes.iter_mut().flatten() {
        point.x = (side / 2.0 + (point.x - (left + right) / 2.0) * scale).round();
        point.y = (side / 2.0 + (point.y - (top + bottom) / 2.0) * scale).round();
    }
}

/// The drawings, if they are as many of each digit as there should be, by 30 writers.
fn checked(drawings: Vec<Drawing>) -> anyhow::Result<Vec<Drawing>> {
    let mut counts = [0; CLASSES];
    drawings.iter().for_each(|drawing| counts[usize::from(drawing.label)] += 1);
    ensure!(counts == COUNTS, "{counts:?} drawings of the digits 0 to 9, expected {COUNTS:?}");
    let unsigned = drawings.iter().filter(|drawing| drawing.writer.is_none()).count();
    ensure!(unsigned == 0, "{unsigned} drawings without a writer, expected one in each .COMMENT");
    Ok(drawings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compress::tests::compressed;
    use crate::download::tests::{Answer, server};

    /// A file in UCI's format with `drawings`, whose points are taken as the tablet's, y upwards.
    fn unipen(drawings: &[Drawing]) -> String {
        let mut text = String::from(" .VERSION 1.0\n.COORD X Y\n\n");
        for (number, drawing) in drawings.iter().enumerate() {
            let writer =
                drawing.writer.as_deref().and_then(|writer| writer.rsplit('-').next()).unwrap_or("0");
            let label = drawing.label;
            text += &format!(".SEGMENT DIGIT {number} ? \"{label}\"\n.COMMENT {label} {writer} {number}\n");
            for stroke in &drawing.strokes {
                text += ".PEN_DOWN\n";
                stroke.iter().for_each(|point| text += &format!(" {} {}\n", point.x, -point.y));
                text += ".PEN_UP\n.DT 100\n";
            }
        }
        text
    }

    /// As many drawings as there should be, already of a pad's size.
    fn drawings() -> Vec<Drawing> {
        let digits = (0..).zip(COUNTS).flat_map(|(label, count)| std::iter::repeat_n(label, count));
        let drawing = |(number, label): (usize, u8)| {
            let (x, y) = ((50 + number % 60) as f32, (100 + number % 17) as f32);
            Drawing {
                label,
                writer: Some(writer(number as u32 % 30 + 1)),
                strokes: vec![
                    [[x, 40.0], [x, 240.0], [280.0 - x, y]].map(Point::from).to_vec(),
                    vec![Point { x: 100.0, y: 60.0 }],
                ],
            }
        };
        (0..).zip(digits).map(drawing).collect()
    }

    #[test]
    fn a_written_file_is_read_back() {
        let drawings = drawings();
        let text = unipen(&drawings);
        assert!(is_one(text.as_bytes()) && !is_one(b"{\"label\": 1}") && !is_one(b"\x1f\x8b"));
        let plain = parse(text.clone().into_bytes()).unwrap();
        assert_eq!(plain, drawings);
        assert_eq!(parse(compressed(text.as_bytes(), 16, usize::MAX)).unwrap(), drawings);
        assert_eq!(checked(plain).unwrap().len(), 7494);
    }

    #[test]
    fn a_fetched_file_must_be_whole() {
        let file = compressed(unipen(&drawings()).as_bytes(), 16, usize::MAX);
        let short = compressed(unipen(&drawings()[..7000]).as_bytes(), 16, usize::MAX);
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("new").join(FILE);
        let (address, _) = server(vec![Answer::Serve(short), Answer::Serve(file.clone())]);
        let refused = format!("{:#}", fetch(&address, &to).unwrap_err());
        assert!(
            refused.contains("drawings of the digits") && refused.contains("--strokes-file"),
            "{refused}"
        );
        assert!(!to.exists());
        fetch(&address, &to).unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), file);
    }

    #[test]
    fn says_which_line_is_wrong() {
        let message = |text: &str| format!("{:#}", parse(text.as_bytes().to_vec()).unwrap_err());
        assert!(message(".VERSION 1.0\n").contains("no .SEGMENT DIGIT"));
        let head = ".SEGMENT DIGIT 0 ? \"4\"\n";
        assert!(message(head).contains("digit 1 has no points"));
        let wrong = format!("{head}.PEN_DOWN\n1 two\n");
        assert!(message(&wrong).contains("line 3") && message(&wrong).contains("two numbers"));
        assert!(message(&format!("{head}.COMMENT 5 12 1\n")).contains("a comment on a 5"));
        assert!(message(".SEGMENT DIGIT 0 ? \"x\"\n").contains("no digit"));
    }
}
