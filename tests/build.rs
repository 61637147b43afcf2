//! Looks for the folder with PyTorch's values, so that tests which need it can be ignored by name where it is not.

use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rustc-check-cfg=cfg(pytorch_values)");
    println!("cargo::rerun-if-env-changed=DIGIT8_SHARED");
    let named = std::env::var_os("DIGIT8_SHARED").filter(|named| !named.is_empty()).map(PathBuf::from);
    let shared = named.clone().unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"));
    let model = shared.join("torch-golden/model.safetensors");
    println!("cargo::rerun-if-changed={}", model.display());
    println!("cargo::rustc-env=PYTORCH_VALUES={}", shared.display());
    if model.is_file() {
        println!("cargo::rustc-cfg=pytorch_values");
    } else if named.is_some() {
        // Whoever names a folder expects the comparison to be made.
        println!(
            "cargo::error=DIGIT8_SHARED is {}, which has no torch-golden/model.safetensors",
            shared.display()
        );
    }
}
