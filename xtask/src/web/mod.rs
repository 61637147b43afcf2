//! Builds `dist/`: the page as static files for any host and any sub-path.

mod cache;
mod digits;
mod minify;
mod wasm;
mod weight;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use digit8_host::files;
use digit8_host::process::{find, output};
use digit8_site::{bundle, read_folder, replace_folder};

pub use digits::shared_digits;
use minify::Minifier;

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

/// What a build of the page is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To look at it on this machine as soon as possible: what takes longest to compile and few wait for says that it is on its way.
    FirstLook,
    /// To look at all of it on this machine.
    Look,
    /// To publish it: shrunk by wasm-opt, with compressed forms and a table of sizes.
    Publish,
}

/// A program that makes the page smaller, and that the page does without where it is not installed.
pub struct NpmTool {
    program: PathBuf,
    version: String,
}

impl NpmTool {
    /// The one in `PATH`, or the one that `npm ci` installed here.
    fn find(name: &str) -> Option<Self> {
        let local = root().join("node_modules/.bin").join(name);
        let program = find(name).or_else(|| local.exists().then_some(local))?;
        let version = output(Command::new(&program).arg("--version")).ok()?;
        Some(Self { program, version })
    }
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    build(&args.out, Purpose::Publish)?;
    Ok(())
}

/// `dist/`, at the top of the workspace.
pub fn default_folder() -> PathBuf {
    root().join("dist")
}

/// Builds the modules that the page answers with once more for the tests, with every layer's values to be had, into
/// `target/web/trace`.
pub fn build_traces() -> anyhow::Result<()> {
    let (toolchain, optimizer) = (Toolchain::ready()?, wasm::Optimizer(NpmTool::find("wasm-opt")));
    let folder = root().join("target/web/trace");
    // The tests take what they find there: no module of an earlier build.
    let _ = fs::remove_dir_all(&folder);
    let traced = wasm::kernels().iter().map(|wasm::Variant { name, features, simd }| wasm::Variant {
        name: format!("{name}-trace").into(),
        features: format!("{features},trace").into(),
        simd: *simd,
    });
    for (path, bytes) in wasm::build(&toolchain, &optimizer, &traced.collect::<Vec<_>>())? {
        files::write(&folder.join(path), &bytes)?;
    }
    Ok(())
}

/// Builds what a first look at the page went without: modules that are missing, and the digits, which take a whole program to pack.
/// Returns whether the page has more than before.
pub fn complete(out: &Path) -> anyhow::Result<bool> {
    let (had_modules, had_digits) = (wasm::MODULES.iter().all(wasm::Variant::is_there), digits::are_packed());
    if !had_modules {
        build(out, Purpose::Look)?;
    }
    digits::pack()?;
    let has_new_digits = !had_digits && digits::are_packed();
    if has_new_digits {
        build(out, Purpose::Look)?;
    }
    Ok(!had_modules || has_new_digits)
}

/// Builds the page into a folder, all of it or nothing. Returns whether the first answer keeps within its budget, which a page
/// that is not shrunk is not asked to.
pub fn build(out: &Path, purpose: Purpose) -> anyhow::Result<bool> {
    let toolchain = Toolchain::ready()?;
    println!("{}", toolchain.description());
    let tool = |name| if purpose == Purpose::Publish { NpmTool::find(name) } else { None };
    let (optimizer, minifier) = (wasm::Optimizer(tool("wasm-opt")), Minifier(tool("esbuild")));
    if purpose == Purpose::Publish {
        println!("{}\n{}", optimizer.description(), minifier.description());
        digits::pack()?;
    }
    let mut files = read_folder(&root().join("www"))?;
    let (now, later): (Vec<_>, Vec<_>) = wasm::MODULES.clone().into_iter().partition(|module| {
        purpose != Purpose::FirstLook || module.is_for_a_first_look() || module.is_there()
    });
    files.extend(wasm::build(&toolchain, &optimizer, &now)?);
    files.extend(later.iter().flat_map(wasm::Variant::placeholder));
    files.extend(digits::packed()?);
    let site = bundle(files, &|path, bytes| minifier.minify(path, bytes))?;
    let (mut compressed, mut within) = (BTreeMap::new(), true);
    if purpose == Purpose::Publish {
        compressed = weight::compress(&site.files)?;
        within = weight::print(&site, &compressed, wasm::kernels());
    }
    let all = site.files.iter().map(|(path, bytes)| (path.clone(), bytes)).chain(compressed.iter().flat_map(
        |(path, forms)| [(format!("{path}.br"), &forms.brotli), (format!("{path}.gz"), &forms.gzip)],
    ));
    replace_folder(out, all)?;
    println!("wrote {}", out.display());
    Ok(within)
}
