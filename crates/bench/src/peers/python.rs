//! A Python with onnxruntime and PyTorch: the one that DIGIT8_PYTHON names, or a virtual environment of our own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use digit8_host::files;
use digit8_host::process::{output, run};
use digit8_host::python::{environment, named};

/// An interpreter, and what it has.
#[derive(Default)]
pub struct Python {
    /// The interpreter.
    pub program: Option<PathBuf>,
    /// onnxruntime's version and its shared library.
    pub onnxruntime: Option<(String, PathBuf)>,
    /// PyTorch's version.
    pub pytorch: Option<String>,
    /// Sentences on what it lacks.
    pub left_out: Vec<String>,
}

/// Finds or makes one.
pub fn ready(root: &Path, folder: &Path) -> anyhow::Result<Python> {
    let program = match named()? {
        Some(program) => program,
        None => {
            let program = environment(&folder.join("python"))?;
            install(root, &program)?;
            program
        }
    };
    let mut python = Python { program: Some(program.clone()), ..Python::default() };
    match onnxruntime(&program) {
        Ok(found) => python.onnxruntime = Some(found),
        Err(error) => python.left_out.push(format!("onnxruntime: {error:#}")),
    }
    match version(&program, "torch") {
        Ok(version) => python.pytorch = Some(version),
        Err(error) => python.left_out.push(format!("pytorch: {error:#}")),
    }
    Ok(python)
}

/// Installs the packages of requirements.txt that are missing, one by one: one that cannot be had is not there, and what
/// needs it is left out.
fn install(root: &Path, program: &Path) -> anyhow::Result<()> {
    let list = files::read(&root.join("crates/peers/requirements.txt"))?;
    for requirement in String::from_utf8(list)?.lines() {
        let (name, wanted) = requirement.split_once("==").context("requirements.txt pins every version")?;
        // PyTorch's version also says what it was built for, behind a plus.
        let found = version(program, name).ok();
        if found.as_deref().and_then(|found| found.split('+').next()) == Some(wanted) {
            continue;
        }
        let size = if name == "torch" { ", which with all it brings is several gigabytes" } else { "" };
        println!("Installing {requirement}{size}");
        let pip = run(Command::new(program).args([
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            requirement,
        ]));
        if let Err(error) = pip {
            eprintln!("{error:#}");
        }
    }
    Ok(())
}

fn version(program: &Path, package: &str) -> anyhow::Result<String> {
    let code = format!("import importlib.metadata as m; print(m.version({package:?}))");
    let found = output(Command::new(program).args(["-c", &code])).ok();
    found.with_context(|| format!("{} has no package {package}", program.display()))
}

/// The version and the shared library, which lies in the package's folder `capi`.
fn onnxruntime(program: &Path) -> anyhow::Result<(String, PathBuf)> {
    let version = version(program, "onnxruntime")?;
    let code = "import importlib.util as u; print(*u.find_spec('onnxruntime').submodule_search_locations)";
    let folder = PathBuf::from(output(Command::new(program).args(["-c", code]))?).join("capi");
    let library = |name: &str| {
        name == "onnxruntime.dll"
            || name.starts_with("libonnxruntime.") && (name.contains(".so") || name.ends_with(".dylib"))
    };
    let entries = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?.flatten();
    let found = entries
        .map(|entry| entry.path())
        .find(|path| path.file_name().is_some_and(|name| library(&name.to_string_lossy())));
    ensure!(found.is_some(), "no shared library in {}", folder.display());
    Ok((version, found.unwrap_or_default()))
}
