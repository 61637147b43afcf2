//! What the integration tests share.

pub mod equal;
pub mod fixtures;
pub mod golden;
pub mod npz;
