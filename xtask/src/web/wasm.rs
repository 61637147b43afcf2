//! Rust to WebAssembly and its JavaScript: cargo, wasm-bindgen as a library, and wasm-opt where there is one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use anyhow::{Context, anyhow};
use regex_lite::Regex;
use wasm_bindgen_cli_support::Bindgen;

use super::NpmTool;
use super::cache::cached;
use crate::root;
use crate::setup::{self, TARGET, Toolchain};
use digit8_host::files;
use digit8_host::process::run;

/// One module of the page: crates/web with some features.
#[derive(Clone)]
pub struct Variant {
    /// The file's stem: `pkg/NAME.js` and `pkg/NAME_bg.wasm`.
    pub name: Cow<'static, str>,
    /// Features of crates/web.
    pub features: Cow<'static, str>,
    /// Whether the whole module may use SIMD; an engine without it rejects a module for one such instruction.
    pub simd: bool,
}

impl Variant {
    const fn new(name: &'static str, features: &'static str, simd: bool) -> Self {
        Self { name: Cow::Borrowed(name), features: Cow::Borrowed(features), simd }
    }

    /// Whether it is built before the page is shown: browsers without SIMD are few, and the laboratory is further down.
    pub fn is_for_a_first_look(&self) -> bool {
        self.simd && self.name != LAB
    }

    /// Whether an earlier build has left it.
    pub fn is_there(&self) -> bool {
        folder().join(format!("pkg/{}_bg.wasm", self.name)).exists()
    }

    /// The files of a module that is not built yet, by their path in the page.
    pub fn placeholder(&self) -> [(String, Vec<u8>); 2] {
        const SCRIPT: &str =
            "throw new Error('this part of the page is still being built: reload it in a minute');\n";
        [(format!("pkg/{}.js", self.name), SCRIPT.into()), (format!("pkg/{}_bg.wasm", self.name), Vec::new())]
    }
}

/// All modules of the page. The first three are those that it chooses from to answer, a kernel in each: an engine rejects a whole
/// module for one instruction that it does not know, and a kernel that nobody calls is weight. The explanations have modules of their
/// own, so that nobody waits for them, and whoever opens one of the laboratory's views loads that.
pub static MODULES: [Variant; 6] = [
    Variant::new("digit8_scalar", "scalar,own-files", false),
    Variant::new("digit8", "simd128,own-files", true),
    Variant::new("digit8_relaxed", "relaxed-simd,own-files", true),
    Variant::new("explain_scalar", "explain,scalar,own-files", false),
    Variant::new("explain", "explain,simd128,own-files", true),
    Variant::new(LAB, "lab,simd128", true),
];
const LAB: &str = "lab";

/// The modules that the page chooses from to answer.
pub fn kernels() -> &'static [Variant] {
    &MODULES[..3]
}

/// Binaryen's `wasm-opt`, if it is installed and wanted.
pub struct Optimizer(pub Option<NpmTool>);

impl Optimizer {
    /// One sentence on what there is.
    pub fn description(&self) -> String {
        match &self.0 {
            Some(NpmTool { version, .. }) => format!("wasm-opt: {version}"),
            None => {
                "wasm-opt: none, so the module stays larger than it need be (`npm ci` gets one)".to_owned()
            }
        }
    }

    fn optimize(&self, name: &str, wasm: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        const FLAGS: [&str; 11] = [
            // No more: from -O2 on, constants of vectors are propagated into loops, and V8 builds each anew at each use.
            "-O1",
            "--strip-producers",
            "--strip-target-features",
            "--enable-simd",
            "--enable-relaxed-simd",
            "--enable-bulk-memory",
            "--enable-nontrapping-float-to-int",
            "--enable-sign-ext",
            "--enable-mutable-globals",
            "--enable-reference-types",
            "--enable-multivalue",
        ];
        let Some(NpmTool { program, version }) = &self.0 else { return Ok(wasm) };
        cached(&format!("{version} {}", FLAGS.join(" ")), &wasm, || {
            let (before, after) =
                (folder().join(format!("{name}-before.wasm")), folder().join(format!("{name}-after.wasm")));
            files::write(&before, &wasm)?;
            run(Command::new(program).args(FLAGS).arg(&before).arg("-o").arg(&after))?;
            files::read(&after)
        })
    }
}

/// Builds modules; returns their files by their path in the page. They are also left in `target/web/pkg`, where the type checker
/// and editors find the types.
pub fn build(
    toolchain: &Toolchain,
    optimizer: &Optimizer,
    variants: &[Variant],
) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    std::thread::scope(|scope| {
        // While a module is finished, the next is compiled.
        let mut finishing = Vec::new();
        for variant in variants {
            let module = compile(toolchain, variant)?;
            finishing.push(scope.spawn(|| finish(optimizer, &variant.name, module)));
        }
        let mut files = BTreeMap::new();
        for finished in finishing {
            files.extend(finished.join().map_err(|_| anyhow!("wasm-bindgen panicked"))??);
        }
        Ok(files)
    })
}

/// The bytes of crates/web as WebAssembly.
fn compile(toolchain: &Toolchain, variant: &Variant) -> anyhow::Result<Vec<u8>> {
    run(toolchain.cargo("build", variant.simd).args([
        "--package=digit8-web",
        "--lib",
        "--profile=wasm",
        "--features",
        &variant.features,
    ]))?;
    files::read(&setup::target_folder(variant.simd).join(TARGET).join("wasm/digit8_web.wasm"))
}

/// A module's script and its optimised bytes.
fn finish(optimizer: &Optimizer, name: &str, module: Vec<u8>) -> anyhow::Result<[(String, Vec<u8>); 2]> {
    let package = folder().join("pkg");
    let mut bindgen = Bindgen::new();
    bindgen.input_bytes(name, module).out_name(name).typescript(true).omit_default_module_path(false);
    let generated = bindgen.web(true).and_then(|bindgen| bindgen.generate(&package));
    generated
        .map_err(|error| anyhow!("{error:#}"))
        .with_context(|| format!("wasm-bindgen cannot read {name}"))?;
    let (script, wasm) = (format!("{name}.js"), format!("{name}_bg.wasm"));
    let bytes = files::read(&package.join(&wasm))?;
    Ok([
        (format!("pkg/{script}"), without_comments(&files::read(&package.join(script))?)),
        (format!("pkg/{wasm}"), optimizer.optimize(name, bytes)?),
    ])
}

/// A script without its documentation, which is for editors. wasm-bindgen begins a line with it, and nothing else with `/**`.
fn without_comments(script: &[u8]) -> Vec<u8> {
    static COMMENT: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?ms)^[ \t]*/\*\*.*?\*/\n").expect("a pattern of this file"));
    COMMENT.replace_all(&String::from_utf8_lossy(script), "").into_owned().into_bytes()
}

fn folder() -> PathBuf {
    root().join("target/web")
}
