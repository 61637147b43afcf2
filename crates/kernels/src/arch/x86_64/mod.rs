//! x86-64: AVX2, with or without VNNI, AVX-512, and AMX.

pub(crate) mod amx;
pub(crate) mod avx2;
pub(crate) mod avx512;
pub(crate) mod avxvnni;

/// Whether this CPU has all of the features of a list with commas.
pub(super) fn has_all(features: &str) -> bool {
    /// The names that are looked up; another is a feature that no CPU has.
    macro_rules! has {
        ($($name:tt)+) => {
            |feature: &str| match feature {
                $($name => is_x86_feature_detected!($name),)+
                _ => false,
            }
        };
    }
    features.split(',').all(has!(
        "avx2" "fma" "popcnt" "avxvnni" "avx512f" "avx512bw" "avx512vl" "avx512dq" "avx512vbmi" "avx512vbmi2" "avx512vnni"
    ))
}
