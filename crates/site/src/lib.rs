//! Static pages: files are named after their content, references follow, and a small server answers as good hosts do.
//!
//! Knows nothing of networks or digits. Imports `host`.

#![forbid(unsafe_code)]

mod bundle;
mod comments;
mod folder;
mod references;
mod server;

pub use bundle::{Site, bundle, is_hashed_name, read_folder};
pub use folder::replace_folder;
pub use server::FolderServer;
