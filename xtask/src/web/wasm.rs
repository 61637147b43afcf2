//! Rust to WebAssembly and its JavaScript: cargo, wasm-bindgen as a library, and wasm-opt where there is one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use anyhow::{Context, anyhow};
use regex::Regex;
use wasm_bindgen_cli_support::Bindgen;

use super::cache::cached;
use crate::root;
use crate::setup::{self, TARGET, Toolchain};
use digit8_host::files;
use digit8_host::process::{find, output, run};

/// One module of the page: crates/web with some features.
pub struct Variant<'a> {
    /// The file's stem: `pkg/NAME.js` and `pkg/NAME_bg.wasm`.
    pub name: &'a str,
    /// Features of crates/web.
    pub features: &'a str,
}

/// The modules that the page chooses from, a kernel in each: an engine rejects a whole module for one instruction that it does
/// not know, and a kernel that nobody calls is weight.
pub const KERNELS: [Variant<'static>; 3] = [
    Variant { name: "digit8_scalar", features: "scalar" },
    Variant { name: "digit8", features: "simd128" },
    Variant { name: "digit8_relaxed", features: "relaxed-simd" },
];

/// The explanations, in a module of their own, so that nobody waits for them.
pub const EXPLAIN: Variant<'static> = Variant { name: "explain", features: "explain,simd128" };

/// Binaryen's `wasm-opt`, if it is installed.
pub struct Optimizer(Option<(PathBuf, String)>);

impl Optimizer {
    /// The one in `PATH`, or the one that `npm ci` installed here.
    pub fn find() -> Self {
        let local = root().join("node_modules/.bin/wasm-opt");
        let program = find("wasm-opt").or_else(|| local.exists().then_some(local));
        Self(program.and_then(|program| {
            let version = output(Command::new(&program).arg("--version")).ok()?;
            Some((program, version))
        }))
    }

    /// One sentence on what there is.
    pub fn description(&self) -> String {
        match &self.0 {
            Some((_, version)) => format!("wasm-opt: {version}"),
            None => {
                "wasm-opt: none, so the module stays larger than it need be (`npm ci` gets one)".to_owned()
            }
        }
    }

    fn optimize(&self, wasm: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        const FLAGS: [&str; 10] = [
            "-O3",
            "--converge",
            "--enable-simd",
            "--enable-relaxed-simd",
            "--enable-bulk-memory",
            "--enable-nontrapping-float-to-int",
            "--enable-sign-ext",
            "--enable-mutable-globals",
            "--enable-reference-types",
            "--enable-multivalue",
        ];
        let Some((program, version)) = &self.0 else { return Ok(wasm) };
        cached(&format!("{version} {}", FLAGS.join(" ")), &wasm, || {
            let (before, after) = (folder().join("before.wasm"), folder().join("after.wasm"));
            files::write(&before, &wasm)?;
            run(Command::new(program).args(FLAGS).arg(&before).arg("-o").arg(&after))?;
            files::read(&after)
        })
    }
}

/// Builds one module; returns its files by their path in the page. They are also left in `target/web/pkg`, where the type
/// checker and editors find the types.
pub fn build(
    toolchain: &Toolchain,
    optimizer: &Optimizer,
    variant: &Variant,
) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    run(toolchain.cargo("build").args([
        "--package=digit8-web",
        "--lib",
        "--profile=wasm",
        "--features",
        variant.features,
    ]))?;
    let module = setup::target_folder().join(TARGET).join("wasm/digit8_web.wasm");
    let package = folder().join("pkg");
    let mut bindgen = Bindgen::new();
    bindgen.input_path(&module).out_name(variant.name).typescript(true).omit_default_module_path(false);
    bindgen
        .web(true)
        .and_then(|bindgen| bindgen.generate(&package))
        .map_err(|error| anyhow!("{error:#}"))
        .with_context(|| format!("wasm-bindgen cannot read {}", module.display()))?;
    let script = format!("{}.js", variant.name);
    let wasm = format!("{}_bg.wasm", variant.name);
    Ok(BTreeMap::from([
        (format!("pkg/{script}"), without_comments(&files::read(&package.join(script))?)),
        (format!("pkg/{wasm}"), optimizer.optimize(files::read(&package.join(wasm))?)?),
    ]))
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
