//! Builds `dist/`: the page as static files for any host and any sub-path.

mod bundle;
mod cache;
mod comments;
mod digits;
mod references;
mod wasm;
mod weight;

use std::path::{Path, PathBuf};

pub use bundle::{is_hashed_name, read_folder};

use crate::files;
use crate::setup::Toolchain;

/// Build the page into dist/
///
/// Compiles crates/web to WebAssembly, adds what is in www/, and gives every file a name with its content's hash in it,
/// so that hosts may let browsers keep it for ever. Beside each file stands its Brotli and its gzip form. The result
/// works from any folder of any static host.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  cargo xtask web\n  cargo xtask web --out public")]
pub struct Args {
    /// Where to put it; what is there is replaced
    #[arg(long, default_value_os_t = default_folder(), value_name = "DIR")]
    out: PathBuf,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    build(&args.out)
}

/// `dist/`, at the top of the workspace.
pub fn default_folder() -> PathBuf {
    files::root().join("dist")
}

/// Builds the modules that the page answers with once more for the tests, with every layer's values to be had, into
/// `target/web/trace`.
pub fn build_traces() -> anyhow::Result<()> {
    let (toolchain, optimizer) = (Toolchain::ready()?, wasm::Optimizer::find());
    let folder = files::root().join("target/web/trace");
    // The tests take what they find there: no module of an earlier build.
    let _ = std::fs::remove_dir_all(&folder);
    for variant in wasm::KERNELS {
        let name = format!("{}-trace", variant.name);
        let features = format!("{},trace", variant.features);
        let traced = wasm::Variant { name: &name, features: &features };
        for (path, bytes) in wasm::build(&toolchain, &optimizer, &traced)? {
            files::write(&folder.join(path), &bytes)?;
        }
    }
    Ok(())
}

/// Builds the page into a folder, all of it or nothing.
pub fn build(out: &Path) -> anyhow::Result<()> {
    let toolchain = Toolchain::ready()?;
    println!("{}", toolchain.description());
    let mut files = read_folder(&files::root().join("www"))?;
    let optimizer = wasm::Optimizer::find();
    println!("{}", optimizer.description());
    if std::env::var_os("LABONLY").is_some() { wasm::build(&toolchain, &optimizer, &wasm::LAB)?; return Ok(()); }
    for variant in wasm::KERNELS.iter().chain([&wasm::EXPLAIN, &wasm::LAB]) {
        files.extend(wasm::build(&toolchain, &optimizer, variant)?);
    }
    files.extend(digits::packed()?);
    let site = bundle::bundle(files)?;
    let compressed = weight::compress(&site.files)?;
    weight::print(&site, &compressed, &wasm::KERNELS.map(|variant| variant.name));
    let all = site.files.iter().map(|(path, bytes)| (path.clone(), bytes)).chain(compressed.iter().flat_map(
        |(path, forms)| [(format!("{path}.br"), &forms.brotli), (format!("{path}.gz"), &forms.gzip)],
    ));
    files::replace_folder(out, all)?;
    println!("wrote {}", out.display());
    Ok(())
}
