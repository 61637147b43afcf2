//! Digits that people drew with a pen: one of them at a time, and a collection to train with.

use serde::{Deserialize, Serialize};

use crate::digits::{CLASSES, PIXELS};
use crate::hand::{Hand, Varied};
use crate::random::Random;
use crate::stroke::{Point, rasterize};
use crate::{Error, Result};

/// A digit as somebody drew it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drawing {
    /// The digit, 0 to 9.
    pub label: u8,
    /// Who drew it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<String>,
    /// The pen's way, a stroke from where it touched the paper to where it left it.
    pub strokes: Vec<Vec<Point>>,
}

impl Drawing {
    /// What a network sees of it, each point moved by `map`; `None` if nothing is drawn.
    pub fn image(&self, map: impl Fn(Point) -> Point) -> Option<[u8; PIXELS]> {
        let moved: Vec<Vec<Point>> =
            self.strokes.iter().map(|stroke| stroke.iter().map(|&point| map(point)).collect()).collect();
        rasterize(&moved, 1.0)
    }
}

/// Drawings to train with, some of every digit.
#[derive(Clone, Debug)]
pub struct Pens {
    by_digit: [Vec<Vec<Vec<Point>>>; CLASSES],
}

impl Pens {
    /// A collection of `drawings`.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if a label is no digit or a digit has no drawing.
    pub fn new(drawings: impl IntoIterator<Item = Drawing>) -> Result<Self> {
        let mut by_digit: [Vec<_>; CLASSES] = Default::default();
        for Drawing { label, strokes, .. } in drawings {
            let strokes: Vec<_> = strokes.into_iter().filter(|stroke| !stroke.is_empty()).collect();
            let digit = by_digit.get_mut(usize::from(label));
            let digit =
                digit.ok_or_else(|| Error::Mismatch(format!("a drawing of {label}, expected 0 to 9")))?;
            if !strokes.is_empty() {
                digit.push(strokes);
            }
        }
        match by_digit.iter().position(Vec::is_empty) {
            Some(digit) => Err(Error::Mismatch(format!(
                "no drawing of a {digit}, expected some of every digit to train with"
            ))),
            None => Ok(Self { by_digit }),
        }
    }

    /// The number of drawings.
    pub fn count(&self) -> usize {
        self.by_digit.iter().map(Vec::len).sum()
    }

    /// One of the drawings of `digit` as `hand` varies it.
    ///
    /// # Panics
    /// If `digit` is greater than 9.
    pub fn draw(&self, digit: u8, hand: &Hand, random: &mut Random) -> Varied {
        let drawings = &self.by_digit[usize::from(digit)];
        hand.vary(&drawings[random.below(drawings.len())], random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawing(label: u8) -> Drawing {
        let text = format!(r#"{{"label": {label}, "writer": "a", "strokes": [[[5, 0], [5, 9.5]], []]}}"#);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn lines_of_a_file_are_drawings() {
        let drawing = drawing(3);
        assert_eq!((drawing.label, drawing.writer.as_deref()), (3, Some("a")));
        assert_eq!(drawing.strokes[0][1], Point { x: 5.0, y: 9.5 });
        let text = serde_json::to_string(&drawing).unwrap();
        assert_eq!(serde_json::from_str::<Drawing>(&text).unwrap(), drawing);
    }

    #[test]
    fn every_digit_must_be_there() {
        let pens = Pens::new((0..10).map(drawing)).unwrap();
        assert_eq!(pens.count(), 10);
        let (varied, _) = pens.draw(9, &Hand::default(), &mut Random::new(1));
        assert_eq!(varied.len(), 1);
        let missing = Pens::new((0..9).map(drawing)).unwrap_err().to_string();
        assert!(missing.contains("no drawing of a 9"), "{missing}");
        assert!(Pens::new([drawing(11)]).unwrap_err().to_string().contains("a drawing of 11"));
    }
}
