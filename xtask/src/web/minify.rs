//! Scripts and styles made smaller by esbuild, where there is one.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use super::NpmTool;

/// esbuild, if it is installed and wanted.
pub struct Minifier(pub Option<NpmTool>);

impl Minifier {
    /// One sentence on what there is.
    pub fn description(&self) -> String {
        match &self.0 {
            Some(esbuild) => format!("esbuild: {}", esbuild.version),
            None => {
                "esbuild: none, so scripts and styles stay as they are written (`npm ci` gets one)".into()
            }
        }
    }

    /// A script or a style with short names and without blanks; any other file as it is.
    pub fn minify(&self, path: &str, bytes: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        let kind = path.rsplit_once('.').map_or("", |(_, extension)| extension);
        let (Some(esbuild), "js" | "css") = (&self.0, kind) else { return Ok(bytes) };
        let mut child = Command::new(&esbuild.program)
            .args(["--minify", "--charset=utf8", "--legal-comments=none", "--log-level=error"])
            .arg(format!("--loader={kind}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run esbuild")?;
        // It reads all before it writes.
        child.stdin.take().context("esbuild takes no input")?.write_all(&bytes)?;
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "esbuild cannot read {path}");
        Ok(output.stdout)
    }
}
