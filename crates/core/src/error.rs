use thiserror::Error;

/// What was wrong with what the user brought, and what was expected instead.
#[derive(Debug, Error)]
pub enum Error {
    /// An IDX file that is not one, or not the one expected.
    #[error("not the IDX file expected: {0}")]
    Idx(String),
    /// A model file that cannot be read.
    #[error("not a model file: {0}")]
    File(String),
    /// A model that is well formed and cannot be used: a missing tensor, a wrong shape, a weight that is not finite.
    #[error("not a usable model: {0}")]
    Model(String),
    /// A range that no scale can be made from.
    #[error("cannot quantize {what}: min {min}, max {max} (both must be finite, and min ≤ max)")]
    Range {
        /// What was observed.
        what: String,
        /// The least value seen.
        min: f32,
        /// The greatest value seen.
        max: f32,
    },
    /// A bit width that integers here do not come in.
    #[error("cannot quantize to {0} bits, expected 2 to 8")]
    BitWidth(u32),
    /// A multiplier that the fixed-point form does not cover.
    #[error("a multiplier of {0}, expected one above 0 and below 1")]
    Multiplier(f64),
    /// Images and labels, or images and a model, that do not fit together.
    #[error("these do not fit together: {0}")]
    Mismatch(String),
}
