//! Precompressed forms of the page's files, and what a visitor has to wait for.

use std::collections::BTreeMap;
use std::io::Write;

use digit8_site::Site;

use super::cache::cached;
use super::wasm::Variant;
use digit8_host::terminal::{table, thousands};

/// Most bytes, compressed by Brotli, that the first answer of the int8 model may need. `cargo xtask test` fails above it.
const BUDGET: usize = 120_000;

/// How the names of files end that are compressed already.
pub const PACKED: &str = ".digits";

/// A file as hosts send it.
pub struct Forms {
    /// Brotli, quality 11.
    pub brotli: Vec<u8>,
    /// gzip, level 9.
    pub gzip: Vec<u8>,
}

/// The compressed forms of every file that is not compressed already.
pub fn compress(files: &BTreeMap<String, Vec<u8>>) -> anyhow::Result<BTreeMap<String, Forms>> {
    files
        .iter()
        .filter(|(path, _)| !path.ends_with(PACKED))
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

/// Prints the size of every file, and the sums of those that the first answer needs, with each of the modules that the page
/// chooses from. Returns whether all of these keep within the budget.
pub fn print(site: &Site, compressed: &BTreeMap<String, Forms>, modules: &[Variant]) -> bool {
    let mut sums = [0; 3];
    let mut first = vec![[0; 3]; modules.len()];
    let rows: Vec<_> = site
        .files
        .iter()
        .map(|(path, bytes)| {
            let own = bytes.len();
            let [gzip, brotli] =
                compressed.get(path).map_or([own; 2], |forms| [forms.gzip.len(), forms.brotli.len()]);
            let sizes = [own, gzip, brotli];
            let early = site.first.contains(path);
            let of_module = |name: &str| {
                [format!("pkg/{name}-"), format!("pkg/{name}_bg-")]
                    .iter()
                    .any(|start| path.starts_with(start))
            };
            add(&mut sums, sizes);
            for (module, first) in modules.iter().zip(&mut first) {
                if early || of_module(&module.name) {
                    add(first, sizes);
                }
            }
            let mark = if early {
                "• "
            } else if modules.iter().any(|module| of_module(&module.name)) {
                "◦ "
            } else {
                "  "
            };
            row(&format!("{mark}{path}"), sizes)
        })
        .collect();
    let first = modules.iter().zip(first);
    let totals =
        first.clone().map(|(module, sizes)| row(&format!("• first int8 answer, by {}", module.name), sizes));
    let totals = [row("  all", sums)].into_iter().chain(totals);
    println!("\n{}\n", table(["  file", "bytes", "gzip", "brotli"], rows.into_iter().chain(totals)));
    let mut within = true;
    for (module, sizes) in first.filter(|(_, sizes)| sizes[2] > BUDGET) {
        let over = thousands(sizes[2] - BUDGET);
        println!(
            "by {}, {over} bytes over the budget of {} for the first answer",
            module.name,
            thousands(BUDGET)
        );
        within = false;
    }
    within
}

fn add(sums: &mut [usize; 3], sizes: [usize; 3]) {
    sums.iter_mut().zip(sizes).for_each(|(sum, size)| *sum += size);
}

fn row(name: &str, sizes: [usize; 3]) -> [String; 4] {
    let [bytes, gzip, brotli] = sizes.map(thousands);
    [name.to_owned(), bytes, gzip, brotli]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_gives_the_budget() {
        let readme = std::fs::read_to_string(crate::root().join("README.md")).expect("README.md");
        let sentence = format!("at most {} bytes", thousands(BUDGET));
        assert!(readme.contains(&sentence), "README.md says nothing of \"{sentence}\" for the first answer");
    }
}
