//! Builds `dist/`: the page as static files for any host and any sub-path.

mod bundle;
mod cache;
mod comments;
mod references;
mod wasm;
mod weight;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

pub use bundle::is_hashed_name;
use bundle::read_folder;

use digit8_host::files;

use crate::root;
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
    root().join("dist")
}

/// Builds the modules that the page answers with once more for the tests, with every layer's values to be had, into
/// `target/web/trace`.
pub fn build_traces() -> anyhow::Result<()> {
    let (toolchain, optimizer) = (Toolchain::ready()?, wasm::Optimizer::find());
    let folder = root().join("target/web/trace");
    // The tests take what they find there: no module of an earlier build.
    let _ = fs::remove_dir_all(&folder);
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
    let mut files = read_folder(&root().join("www"))?;
    let optimizer = wasm::Optimizer::find();
    println!("{}", optimizer.description());
    for variant in wasm::KERNELS.iter().chain([&wasm::EXPLAIN]) {
        files.extend(wasm::build(&toolchain, &optimizer, variant)?);
    }
    let site = bundle::bundle(files)?;
    let compressed = weight::compress(&site.files)?;
    weight::print(&site, &compressed, &wasm::KERNELS.map(|variant| variant.name));
    let all = site.files.iter().map(|(path, bytes)| (path.clone(), bytes)).chain(compressed.iter().flat_map(
        |(path, forms)| [(format!("{path}.br"), &forms.brotli), (format!("{path}.gz"), &forms.gzip)],
    ));
    replace_folder(out, all)?;
    println!("wrote {}", out.display());
    Ok(())
}

/// Replaces a built page by these files: they are written to a folder beside it, which is then renamed. Refuses to replace
/// a folder that holds anything else.
fn replace_folder<'a>(
    folder: &Path,
    contents: impl IntoIterator<Item = (String, &'a Vec<u8>)>,
) -> anyhow::Result<()> {
    let beside = |role: &str| {
        let mut path = folder.as_os_str().to_owned();
        path.push(format!(".{}.{role}", std::process::id()));
        PathBuf::from(path)
    };
    let is_empty = || fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    ensure!(
        !folder.exists() || folder.join("index.html").exists() || is_empty(),
        "{} holds something else than an earlier build of the page, and would be lost",
        folder.display()
    );
    let (new, old) = (beside("new"), beside("old"));
    let attempt = || -> anyhow::Result<()> {
        for (path, bytes) in contents {
            files::write(&new.join(path), bytes)?;
        }
        if folder.exists() {
            fs::rename(folder, &old)?;
        }
        Ok(fs::rename(&new, folder)?)
    };
    let result = attempt().with_context(|| format!("cannot replace {}", folder.display()));
    let _ = fs::remove_dir_all(&new);
    let _ = fs::remove_dir_all(&old);
    result
}
