//! A picture of a digit, of any size → a 28×28 image as MNIST has them: ink on black, in a box of 20×20 with its aspect kept, its
//! centre of mass in the middle. The same that [`stroke`](crate::stroke) does with a drawing.

use serde::Serialize;

use crate::digits::{PIXELS, SIDE};
use crate::{Error, Result};

/// The side of the box that the ink fills, in pixels.
const BOX: f64 = 20.0;
/// Where the centre of mass goes, in pixels from the middle of the first.
const CENTRE: f64 = 14.0;
/// What differs from the paper by less than this share of the strongest ink is paper: shadows, and a photo's noise.
const NOISE: f64 = 0.25;
/// Most pixels along a side.
const MOST: usize = 4096;

/// What became of a picture, step by step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Picture {
    /// The image `[784]`.
    pub pixels: Vec<u8>,
    /// Whether the ink was darker than the paper, so that it had to be inverted.
    pub inverted: bool,
    /// Whether it was an image of MNIST's form already, and is as it was.
    pub kept: bool,
    /// The ink's box in the picture: left, top, width, height.
    pub ink: [usize; 4],
    /// How much it was enlarged; below 1 it was made smaller.
    pub scale: f64,
    /// How far the middle of the ink's box was moved from the middle of the image, to the right and downwards, in its pixels, so that
    /// the centre of mass lies there.
    pub moved: [f64; 2],
}

impl Picture {
    /// Reads the colours of a picture, red, green, blue and opacity in turn, `[height, width, 4]`. What can be seen through counts as
    /// white paper.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if there are not as many values, there are too many, or all are alike.
    pub fn read(colours: &[u8], width: usize, height: usize) -> Result<Self> {
        let size = format!("a picture of {width} × {height} pixels");
        if width == 0 || height == 0 || width.max(height) > MOST || colours.len() != 4 * width * height {
            return Err(Error::Mismatch(format!("{size} with {} values, expected 4 a pixel", colours.len())));
        }
        let grey: Vec<f64> = colours.as_chunks().0.iter().map(grey).collect();
        let paper = border(&grey, width, height);
        let furthest = grey.iter().map(|grey| (grey - paper).abs()).fold(0.0, f64::max);
        if furthest < 16.0 {
            return Err(Error::Mismatch(format!("{size} that are all alike, expected ink on paper")));
        }
        // The side on which ink lies further from the paper.
        let darkest = grey.iter().copied().fold(f64::INFINITY, f64::min);
        let inverted = paper - darkest >= furthest;
        let sign = if inverted { -1.0 } else { 1.0 };
        if (width, height) == (SIDE, SIDE) {
            let pixels: Vec<u8> =
                grey.iter().map(|&grey| if inverted { 255.0 - grey } else { grey }.round() as u8).collect();
            if let Some(picture) = Self::of_mnists_form(pixels, inverted) {
                return Ok(picture);
            }
        }
        let ink: Vec<f64> = grey
            .iter()
            .map(|grey| {
                let share = sign * (grey - paper) / furthest;
                ((share - NOISE) / (1.0 - 2.0 * NOISE)).clamp(0.0, 1.0)
            })
            .collect();
        Self::centred(&ink, width, inverted)
    }

    /// An image of 28×28 that is as MNIST's are: the ink within 20×20 or little more, its centre of mass in the middle.
    fn of_mnists_form(pixels: Vec<u8>, inverted: bool) -> Option<Self> {
        let ink: Vec<f64> = pixels.iter().map(|&pixel| f64::from(pixel) / 255.0).collect();
        let bounds = bounds(&ink, SIDE)?;
        let [x, y] = centre_of_mass(&ink, SIDE);
        let is_centred = (x - CENTRE).abs() <= 1.5 && (y - CENTRE).abs() <= 1.5;
        let fits = (18..=22).contains(&bounds[2].max(bounds[3]));
        (is_centred && fits).then_some(Self {
            pixels,
            inverted,
            kept: true,
            ink: bounds,
            scale: 1.0,
            moved: [0.0; 2],
        })
    }

    fn centred(ink: &[f64], width: usize, inverted: bool) -> Result<Self> {
        let found = bounds(ink, width);
        let bounds = found.ok_or_else(|| Error::Mismatch("a picture without ink".into()))?;
        let [left, top, across, down] = bounds.map(|bound| bound as f64);
        let scale = BOX / across.max(down);
        let middle = [left + (across - 1.0) / 2.0, top + (down - 1.0) / 2.0];
        let mass = centre_of_mass(ink, width);
        let moved: [f64; 2] = std::array::from_fn(|axis| {
            // No further than the ink stays within the image.
            let half = [across, down][axis] * scale / 2.0;
            let room = (SIDE as f64 - 0.5 - CENTRE - half).max(0.0);
            ((middle[axis] - mass[axis]) * scale).clamp(-room, room)
        });
        let mut image = [0.0; PIXELS];
        for (at, &ink) in ink.iter().enumerate().filter(|&(_, &ink)| ink > 0.0) {
            let place = |axis: usize, at: usize| {
                let centre = CENTRE + moved[axis] + (at as f64 - middle[axis]) * scale;
                (centre - scale / 2.0, centre + scale / 2.0)
            };
            let (columns, rows) = (place(0, at % width), place(1, at / width));
            for (row, tall) in cells(rows) {
                for (column, wide) in cells(columns) {
                    image[row * SIDE + column] += ink * tall * wide;
                }
            }
        }
        let pixels = image.iter().map(|ink| (255.0 * ink).round().min(255.0) as u8).collect();
        Ok(Self { pixels, inverted, kept: false, ink: bounds, scale, moved })
    }
}

/// How bright a colour is on white paper, 0 to 255 (the weights of ITU-R BT.601).
fn grey(&[red, green, blue, opacity]: &[u8; 4]) -> f64 {
    let colour = 0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue);
    let opacity = f64::from(opacity) / 255.0;
    colour * opacity + 255.0 * (1.0 - opacity)
}

/// The brightness of the paper: the median along the border.
fn border(grey: &[f64], width: usize, height: usize) -> f64 {
    let is_border = |at: usize| {
        let (row, column) = (at / width, at % width);
        row == 0 || row + 1 == height || column == 0 || column + 1 == width
    };
    let mut border: Vec<f64> = (0..grey.len()).filter(|&at| is_border(at)).map(|at| grey[at]).collect();
    border.sort_by(f64::total_cmp);
    border[border.len() / 2]
}

/// Left, top, width and height of what has ink; none if nothing has.
fn bounds(ink: &[f64], width: usize) -> Option<[usize; 4]> {
    let places = || (0..ink.len()).filter(|&at| ink[at] > 0.1).map(|at| (at % width, at / width));
    let left = places().map(|(x, _)| x).min()?;
    let right = places().map(|(x, _)| x).max()?;
    let top = places().map(|(_, y)| y).min()?;
    let bottom = places().map(|(_, y)| y).max()?;
    Some([left, top, right - left + 1, bottom - top + 1])
}

fn centre_of_mass(ink: &[f64], width: usize) -> [f64; 2] {
    let (mut mass, mut x, mut y) = (0.0, 0.0, 0.0);
    for (at, ink) in ink.iter().enumerate() {
        mass += ink;
        x += ink * (at % width) as f64;
        y += ink * (at / width) as f64;
    }
    [x / mass, y / mass]
}

/// The pixels of the image along one side that lie between two places, each with the part of it that does. A pixel's middle is a whole
/// number.
fn cells((from, to): (f64, f64)) -> impl Iterator<Item = (usize, f64)> {
    let (first, last) = ((from + 0.5).floor().max(0.0), (to + 0.5).floor().min(SIDE as f64 - 1.0));
    (first as usize..(last + 1.0).max(0.0) as usize).filter_map(move |cell| {
        let part = to.min(cell as f64 + 0.5) - from.max(cell as f64 - 0.5);
        (part > 0.0).then_some((cell, part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of an L: a bar down, and one across at its foot.
    fn letter(
        width: usize,
        height: usize,
        [x, y]: [usize; 2],
        size: usize,
        [paper, ink]: [u8; 2],
    ) -> Vec<u8> {
        let colour = |at: usize| {
            let (column, row) = (at % width, at / width);
            let within = (x..x + size).contains(&column) && (y..y + size).contains(&row);
            let bar = column < x + size / 4 || row >= y + size - size / 4;
            let grey = if within && bar { ink } else { paper };
            [grey, grey, grey, 255]
        };
        (0..width * height).flat_map(colour).collect()
    }

    fn off(a: &[u8], b: &[u8]) -> u8 {
        a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
    }

    #[test]
    fn place_size_and_colours_make_no_difference() {
        let plain = Picture::read(&letter(100, 100, [30, 20], 40, [255, 0]), 100, 100).unwrap();
        assert!(plain.inverted && !plain.kept);
        assert_eq!(plain.ink, [30, 20, 40, 40]);
        assert_eq!(plain.scale, 0.5);
        let ink: Vec<f64> = plain.pixels.iter().map(|&pixel| f64::from(pixel) / 255.0).collect();
        let [_, _, across, down] = bounds(&ink, SIDE).unwrap();
        assert!((20..=21).contains(&across) && (20..=21).contains(&down), "{across} × {down}");
        let mass = centre_of_mass(&ink, SIDE);
        // The ink may not leave the image, whatever its centre of mass.
        assert!(mass.into_iter().all(|mass| (mass - CENTRE).abs() < 1.0), "{mass:?}");
        for (size, place, colours) in
            [(40, [0, 55], [255, 0]), (80, [15, 5], [20, 230]), (40, [3, 3], [90, 200])]
        {
            let other = Picture::read(&letter(100, 100, place, size, colours), 100, 100).unwrap();
            assert_eq!(other.inverted, colours[0] > colours[1]);
            assert!(off(&plain.pixels, &other.pixels) <= 1, "{size} at {place:?}");
        }
    }

    #[test]
    fn an_image_of_mnists_form_stays_as_it_is_and_others_of_its_size_are_centred() {
        let centred = Picture::read(&letter(100, 100, [30, 20], 40, [255, 0]), 100, 100).unwrap().pixels;
        let colours = |invert: bool| -> Vec<u8> {
            centred
                .iter()
                .flat_map(|&p| {
                    let p = if invert { 255 - p } else { p };
                    [p, p, p, 255]
                })
                .collect()
        };
        for invert in [false, true] {
            let read = Picture::read(&colours(invert), SIDE, SIDE).unwrap();
            assert_eq!((read.pixels, read.kept, read.inverted), (centred.clone(), true, invert));
        }
        let corner = Picture::read(&letter(SIDE, SIDE, [0, 0], 12, [0, 255]), SIDE, SIDE).unwrap();
        assert!(!corner.kept && corner.scale > 1.6);
        assert!(off(&corner.pixels, &centred) <= 40, "{}", off(&corner.pixels, &centred));
    }

    #[test]
    fn what_is_seen_through_is_paper() {
        let mut colours = letter(50, 50, [10, 10], 30, [0, 0]);
        for (at, colour) in colours.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let (column, row) = (at % 50, at / 50);
            let within = (10..40).contains(&column) && (10..40).contains(&row);
            colour[3] = if within && column < 17 { 255 } else { 0 };
        }
        let read = Picture::read(&colours, 50, 50).unwrap();
        assert!(read.inverted);
        assert_eq!(read.ink, [10, 10, 7, 30]);
    }

    #[test]
    fn what_is_no_picture_of_ink_is_an_error() {
        let message =
            |colours: &[u8], width, height| Picture::read(colours, width, height).unwrap_err().to_string();
        assert!(message(&[0; 4 * 9], 3, 3).contains("all alike"));
        assert!(message(&[0; 8], 3, 3).contains("with 8 values"));
        assert!(message(&[], 0, 0).contains("0 × 0"));
        assert!(Picture::read(&[0; 4], usize::MAX, 1).is_err());
    }
}
