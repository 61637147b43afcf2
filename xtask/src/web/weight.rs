//! Precompressed forms of the page's files, and what a visitor has to wait for.

use std::collections::BTreeMap;
use std::io::Write;

use super::bundle::Site;
use super::cache::cached;
use crate::terminal::{table, thousands};

/// Most bytes, compressed, that the first answer of the int8 model may need.
const BUDGET: usize = 110_000;

/// A file as hosts send it.
pub struct Forms {
    /// Brotli, quality 11.
    pub brotli: Vec<u8>,
    /// gzip, level 9.
    pub gzip: Vec<u8>,
}

/// Every file's compressed forms.
pub fn compress(files: &BTreeMap<String, Vec<u8>>) -> anyhow::Result<BTreeMap<String, Forms>> {
    files
        .iter()
        .map(|(path, bytes)| {
            let brotli = cached("brotli 11", bytes, || {
                let settings =
                    brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
                let mut compressed = Vec::new();
                brotli::BrotliCompress(&mut &bytes[..], &mut compressed, &settings)?;
                Ok(compressed)
            })?;
            let gzip = cached("gzip 9", bytes, || {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
                encoder.write_all(bytes)?;
                Ok(encoder.finish()?)
            })?;
            Ok((path.clone(), Forms { brotli, gzip }))
        })
        .collect()
}

/// Prints the size of every file, and the sum of those that the first answer needs.
pub fn print(site: &Site, compressed: &BTreeMap<String, Forms>) {
    let mut sums = [0; 3];
    let mut first = [0; 3];
    let rows: Vec<_> = site
        .files
        .iter()
        .map(|(path, bytes)| {
            let forms = &compressed[path];
            let sizes = [bytes.len(), forms.gzip.len(), forms.brotli.len()];
            let early = site.first.contains(path);
            for (index, size) in sizes.iter().enumerate() {
                sums[index] += size;
                first[index] += if early { *size } else { 0 };
            }
            row(&format!("{}{path}", if early { "• " } else { "  " }), sizes)
        })
        .collect();
    let totals = [row("  all", sums), row("• first int8 answer", first)];
    println!("\n{}\n", table(["  file", "bytes", "gzip", "brotli"], rows.into_iter().chain(totals)));
    if first[2] > BUDGET {
        println!("over the budget of {} bytes for the first answer", thousands(BUDGET));
    }
}

fn row(name: &str, sizes: [usize; 3]) -> [String; 4] {
    let [bytes, gzip, brotli] = sizes.map(thousands);
    [name.to_owned(), bytes, gzip, brotli]
}
