use thiserror::Error;

/// What was wrong with what the user brought, and what was expected instead. Numbers are text already: the page's module, which
/// makes none of these errors, is smaller by all that it takes to write a real number down.
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
    #[error("cannot quantize {0}")]
    Range(String),
    /// A file of observers that cannot be used.
    #[error("not what observers saw: {0}")]
    Observers(String),
    /// A bit width that integers here do not come in.
    #[error("cannot quantize to {0} bits, expected 2 to 8")]
    BitWidth(u32),
    /// A recipe that asks for what there is not.
    #[error("not a recipe: {0}")]
    Recipe(String),
    /// Work that its caller ended.
    #[error("stopped before it was done")]
    Stopped,
    /// A multiplier that the fixed-point form does not cover.
    #[error("a multiplier of {0}, expected one above 0 and below 1")]
    Multiplier(String),
    /// Images and labels, or images and a model, that do not fit together.
    #[error("these do not fit together: {0}")]
    Mismatch(String),
}

impl Error {
    /// [`Error::Model`] with this text. Where only digit8's own files are read, which have no such errors, there is no room for
    /// it: the page's first answer waits for every byte of its module.
    pub(crate) fn model(text: impl FnOnce() -> String) -> Self {
        Self::Model(if cfg!(feature = "own-files") { String::new() } else { text() })
    }

    /// [`Error::Range`], of what was observed and the extremes seen, which are not finite, or not in order, or too far apart.
    pub(crate) fn range(what: &str, min: f32, max: f32) -> Self {
        Self::Range(match (min, max) {
            (f32::INFINITY, f32::NEG_INFINITY) => format!("{what}: its observer saw nothing"),
            _ if min.is_nan() || max.is_nan() => format!("{what}: its observer saw NaN"),
            _ if min.is_infinite() || max.is_infinite() => {
                format!("{what}: its observer saw an infinity, from {min} to {max}")
            }
            _ if min > max => format!("{what}: the least value, {min}, is above the greatest, {max}"),
            _ => format!("{what}: the range from {min} to {max} is too wide for a scale"),
        })
    }
}

/// What is wrong with a number that should be finite and above 0, in words.
pub(crate) fn fault(number: f32) -> &'static str {
    match number {
        number if number.is_nan() => "NaN",
        number if number.is_infinite() => "an infinity",
        number if number < 0.0 => "a negative number",
        0.0 => "0",
        _ => "a number too close to 0",
    }
}
