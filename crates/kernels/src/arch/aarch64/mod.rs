//! 64-bit ARM: NEON, with or without its products of bytes.

pub(crate) mod dotprod;
pub(crate) mod neon;

/// Whether this CPU has all of the features of a list with commas.
pub(super) fn has_all(features: &str) -> bool {
    features.split(',').all(|feature| match feature {
        "neon" => std::arch::is_aarch64_feature_detected!("neon"),
        "dotprod" => std::arch::is_aarch64_feature_detected!("dotprod"),
        _ => false,
    })
}
