//! Other runtimes on digit8's files: onnxruntime, onnxruntime-web, and PyTorch where it is installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use digit8_host::process::{output, run};
use digit8_host::python::{environment, named};

use crate::web::shared_digits;
use crate::{digit8, root};

/// What holds digit8's files against them; or a sentence on what is missing.
pub fn promises() -> anyhow::Result<Result<Command, String>> {
    let Some(digits) = shared_digits() else {
        return Ok(Err("there is no MNIST in DIGIT8_SHARED or ../shared".into()));
    };
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
    if let Some(program) = named()? {
        return has_packages(&program).map(|()| program);
    }
    let program = environment(&root().join("target/interchange-python"))?;
    if has_packages(&program).is_err() {
        let list = root().join("tests/interchange/requirements.txt");
        run(Command::new(&program)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(list))?;
    }
    Ok(program)
}
