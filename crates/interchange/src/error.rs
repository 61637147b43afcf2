//! What can be wrong with an ONNX file, or with the wish to write one.

/// Why a file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes are no ONNX file.
    #[error("not an ONNX file: {0}")]
    File(String),
    /// The file is one of ONNX, but what it holds cannot be a digit8 network.
    #[error("{0}")]
    Model(String),
    /// A node that is not understood, by its name.
    #[error("node {node} ({operator}): {problem}")]
    Node {
        /// The node's name, or that of its first output.
        node: String,
        /// Its operator.
        operator: String,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// The network itself is not one of digit8's.
    #[error(transparent)]
    Network(#[from] digit8_core::Error),
}

/// The result of reading or writing an ONNX file.
pub type Result<T> = std::result::Result<T, Error>;
