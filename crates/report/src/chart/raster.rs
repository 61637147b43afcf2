//! Pixels as PNG in a data URI: for pictures of thousands of numbers, which SVG would spell out.

use anyhow::Context;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// Colours of numbers below and above 0, at full strength: those of float and int8, and readable on light and dark.
const BELOW: [u8; 3] = [0x2b, 0x74, 0xc2];
const ABOVE: [u8; 3] = [0xd9, 0x6b, 0x1c];

/// Numbers from -1 to 1 as a picture `width` wide: the further from 0, the stronger the colour; 0 and NaN are transparent.
pub fn signed(values: &[f64], width: usize) -> anyhow::Result<String> {
    // Palette entry 127 is 0; those below and above hold the strengths.
    let colour = |entry: u8| if entry < 127 { BELOW } else { ABOVE };
    let strength = |entry: u8| (i32::from(entry) - 127).unsigned_abs().min(127) as u8 * 2;
    let pixels = values.iter().map(|value| (127.0 + (value.clamp(-1.0, 1.0) * 127.0).round()) as u8);
    let pixels: Vec<u8> =
        pixels.zip(values).map(|(pixel, value)| if value.is_nan() { 127 } else { pixel }).collect();
    data_uri(&pixels, width, (0..255).flat_map(colour).collect(), (0..255).map(strength).collect())
}

/// An image of a digit, 0 for paper and 255 for ink: black on nothing.
pub fn ink(pixels: &[u8], width: usize) -> anyhow::Result<String> {
    data_uri(pixels, width, vec![0; 3 * 256], (0..=255).collect())
}

fn data_uri(pixels: &[u8], width: usize, palette: Vec<u8>, alpha: Vec<u8>) -> anyhow::Result<String> {
    let height = pixels.len() / width.max(1);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    encoder.set_palette(palette);
    encoder.set_trns(alpha);
    let mut writer = encoder.write_header().context("a picture without pixels")?;
    writer.write_image_data(&pixels[..width * height]).context("a picture that is not full")?;
    writer.finish().context("a picture that cannot be written")?;
    Ok(format!("data:image/png;base64,{}", BASE64_STANDARD.encode(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The picture's colours with their transparency, four bytes a pixel.
    fn decoded(uri: &str) -> Vec<u8> {
        let bytes = BASE64_STANDARD.decode(uri.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        pixels
    }

    #[test]
    fn pixels_come_out_as_they_went_in() {
        let pixels = decoded(&signed(&[-1.0, -0.5, 0.0, f64::NAN, 0.5, 2.0], 3).unwrap());
        let strengths: Vec<u8> = pixels.chunks(4).map(|pixel| pixel[3]).collect();
        assert_eq!(strengths, [254, 128, 0, 0, 128, 254]);
        assert_eq!((&pixels[..3], &pixels[20..23]), (&BELOW[..], &ABOVE[..]));
        let strengths: Vec<u8> =
            decoded(&ink(&[0, 255, 7, 100], 2).unwrap()).chunks(4).map(|pixel| pixel[3]).collect();
        assert_eq!(strengths, [0, 255, 7, 100]);
        assert!(ink(&[], 28).is_err());
    }
}
