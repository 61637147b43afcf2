//! Digits packed for the page, which unpacks them with what every browser has.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use digit8_core::digits::PIXELS;
use digit8_data::Source;
use digit8_host::files;
use digit8_host::terminal::thousands;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

/// Parts of the training digits: whoever needs a few does not wait for all.
const PARTS: usize = 6;

/// Pack digits for the page
///
/// Writes `test.digits`, and the training digits in six parts, `train-1.digits` to `train-6.digits`. Each is a line of JSON, the
/// labels and the pixels, a byte each, compressed as gzip does. `cargo xtask web` asks for them.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  cargo xtask pack --out target/web/digits")]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// The folder to write to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// What a part's first line says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct About<'a> {
    count: usize,
    /// What the digits are.
    source: &'a str,
    /// Whether they are the dataset's own test digits.
    is_test: bool,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let dataset = args.source.load()?;
    println!("{}", dataset.origin);
    let title = &dataset.title;
    let test = if dataset.official_test { format!("the test digits of {title}") } else { title.clone() };
    let mut parts = vec![(
        "test.digits".to_owned(),
        dataset.test.images(),
        dataset.test.labels(),
        test,
        dataset.official_test,
    )];
    let each = dataset.train.len().div_ceil(PARTS);
    let train = format!("training digits of {title}");
    for part in 0..PARTS {
        let (first, last) = (part * each, ((part + 1) * each).min(dataset.train.len()));
        let (images, labels) =
            (&dataset.train.images()[first * PIXELS..last * PIXELS], &dataset.train.labels()[first..last]);
        parts.push((format!("train-{}.digits", part + 1), images, labels, train.clone(), false));
    }
    for (name, images, labels, source, is_test) in parts {
        let about = About { count: labels.len(), source: &source, is_test };
        let packed = pack(&about, labels, images).with_context(|| format!("cannot pack {name}"))?;
        files::write(&args.out.join(&name), &packed)?;
        println!("{name}: {} digits, {} bytes", thousands(labels.len()), thousands(packed.len()));
    }
    Ok(())
}

fn pack(about: &About, labels: &[u8], images: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&serde_json::to_vec(about)?)?;
    for part in [b"\n", labels, images] {
        encoder.write_all(part)?;
    }
    Ok(encoder.finish()?)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use digit8_core::digits::Digits;

    use super::*;

    #[test]
    fn a_part_is_a_line_then_labels_then_pixels() {
        let digits =
            Digits::new((0..3 * PIXELS).map(|at| (at % 251) as u8).collect(), vec![4, 0, 9]).unwrap();
        let about = About { count: 3, source: "some digits", is_test: true };
        let packed = pack(&about, digits.labels(), digits.images()).unwrap();
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
        let line = bytes.iter().position(|&byte| byte == b'\n').unwrap();
        assert_eq!(&bytes[..line], br#"{"count":3,"source":"some digits","isTest":true}"#);
        assert_eq!(&bytes[line + 1..line + 4], digits.labels());
        assert_eq!(&bytes[line + 4..], digits.images());
    }
}
