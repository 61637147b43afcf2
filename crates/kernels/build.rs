//! Says which of WebAssembly's kernels are built: those whose features are on, or the scalar one if none is. An engine rejects
//! a module for one instruction that it does not know, and every kernel is weight. Elsewhere the scalar kernel is always there,
//! and the architecture decides on the others.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!(r#"cargo::rustc-check-cfg=cfg(kernel, values("scalar", "simd128", "relaxed"))"#);
    let is_wasm = env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|architecture| architecture == "wasm32");
    let has = |feature: &str| is_wasm && env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    let (simd128, relaxed) = (has("SIMD128"), has("RELAXED_SIMD"));
    let scalar = !is_wasm || has("SCALAR") || !(simd128 || relaxed);
    for (name, is_built) in [("scalar", scalar), ("simd128", simd128), ("relaxed", relaxed)] {
        if is_built {
            println!(r#"cargo::rustc-cfg=kernel="{name}""#);
        }
    }
}
