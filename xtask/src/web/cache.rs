//! Remembers slow transformations of files from one build to the next.

use sha2::{Digest, Sha256};

use crate::root;
use digit8_host::files;

/// What `compute` makes of `input`; from an earlier build if it was made then. `method` names the transformation with all
/// its settings.
pub fn cached(
    method: &str,
    input: &[u8],
    compute: impl FnOnce() -> anyhow::Result<Vec<u8>>,
) -> anyhow::Result<Vec<u8>> {
    let mut key = Sha256::new();
    key.update(method);
    key.update([0]);
    key.update(input);
    let path = root().join("target/web/cache").join(files::hex(&key.finalize()));
    if let Ok(bytes) = std::fs::read(&path) {
        return Ok(bytes);
    }
    let bytes = compute()?;
    files::write(&path, &bytes)?;
    Ok(bytes)
}
