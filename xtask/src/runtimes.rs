//! Other runtimes on digit8's files: onnxruntime, onnxruntime-web, and PyTorch where it is installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use digit8_host::process::{find, output, run};

use crate::{digit8, root};

/// The variable that names an interpreter which has the packages already.
const PYTHON: &str = "DIGIT8_PYTHON";

/// What holds digit8's files against them; or a sentence on what is missing.
pub fn promises() -> anyhow::Result<Result<Command, String>> {
    let shared = std::env::var_os("DIGIT8_SHARED").filter(|named| !named.is_empty()).map(PathBuf::from);
    let digits = shared.unwrap_or_else(|| root().join("../shared")).join("mnist");
    if !digits.is_dir() {
        return Ok(Err(format!("no MNIST in {}", digits.display())));
    }
    let python = match python() {
        Ok(python) => python,
        Err(error) => return Ok(Err(format!("{error:#}"))),
    };
    run(&mut digit8::command(["--version".into()])?)?;
    let program = root().join("target/release").join(format!("digit8{}", std::env::consts::EXE_SUFFIX));
    let mut command = Command::new(python);
    command.arg(root().join("tests/interchange/promises.py")).arg(program).arg(digits);
    Ok(Ok(command))
}

/// An interpreter with onnxruntime: the one that the variable names, or that of a virtual environment, which is made if it is not
/// there.
fn python() -> anyhow::Result<PathBuf> {
    let has_packages = |program: &Path| {
        output(Command::new(program).args(["-c", "import numpy, onnx, onnxruntime"])).map(drop)
    };
    if let Some(named) = std::env::var_os(PYTHON).filter(|named| !named.is_empty()) {
        let program =
            find(&named).with_context(|| format!("{PYTHON} is {}: no such program", named.display()))?;
        return has_packages(&program).map(|()| program);
    }
    let folder = root().join("target/interchange-python");
    let program = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if has_packages(&program).is_err() {
        let system = find("python3").or_else(|| find("python")).context("there is no python3")?;
        run(Command::new(system).args(["-m", "venv", "--clear"]).arg(&folder))?;
        let list = root().join("tests/interchange/requirements.txt");
        run(Command::new(&program)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(list))?;
    }
    Ok(program)
}
