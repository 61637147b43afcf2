//! Makes the models that ship with the page.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use digit8_data::Source;
use digit8_host::files;
use digit8_host::terminal::{table, thousands};

use crate::Cli;

/// Make all models that ship with the page again
///
/// Runs the commands that made them, each as it could be typed: three trainings and six quantizations. The trainings of the
/// network for drawings take nearly all the time: about twenty minutes of processor time. The same instruction set and the same
/// digits and strokes give the same bytes; what differs from the files in www/models is said at the end.
#[derive(clap::Args)]
pub struct Args {
    /// The folder that the models go to
    #[arg(long, value_name = "DIR", default_value = "out/models")]
    out: PathBuf,
    /// The folder with the shipped models, to compare with
    #[arg(long, value_name = "DIR", default_value = "www/models")]
    shipped: PathBuf,
    /// The pen strokes to train with [default: what `data --strokes` fetches]
    #[arg(long, value_name = "FILE")]
    strokes_file: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
}

/// The networks, by the first part of their files' names, and the trainings that make each, one after the other.
const TRAININGS: [(&str, &[&str]); 2] = [
    ("notebook", &["--seed 0"]),
    (
        "drawings",
        &[
            "--augment --drawn 0.05 --strokes 0.15 --others 0.07 --epochs 300 --batch 50 --lr 0.002 --schedule cosine --weight-decay 0.1",
            "--augment --drawn 0.05 --strokes 0.15 --others 0.07 --plain 0.6 --epochs 40 --batch 50 --lr 0.0004 --schedule cosine \
             --weight-decay 0.1 --prune 0.012 --sure 0.64",
        ],
    ),
];
/// How each network is quantized, for each scheme.
const CALIBRATIONS: [(&str, &str); 2] = [("notebook", ""), ("drawings", "--calibrate train --samples 1000")];
const SCHEMES: [&str; 3] = ["static", "fused", "dynamic"];

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let start = Instant::now();
    let file = |network: &str, kind: &str| args.out.join(format!("{network}-{kind}.safetensors"));
    let mut made = Vec::new();
    for ((network, trainings), (_, calibration)) in TRAININGS.into_iter().zip(CALIBRATIONS) {
        let float = file(network, "float32");
        let mut before: Option<PathBuf> = None;
        for (index, training) in trainings.iter().enumerate() {
            let is_last = index + 1 == trainings.len();
            let out = if is_last { float.clone() } else { file(network, &format!("stage{}", index + 1)) };
            let mut command = words(&format!("train {training}"));
            if let Some(before) = before {
                command.extend(["--init".into(), before.into()]);
            }
            if let (Some(path), true) = (&args.strokes_file, training.contains("--strokes")) {
                command.extend(["--strokes-file".into(), path.into()]);
            }
            command.extend(["--out".into(), out.clone().into()]);
            perform(command, &args.source)?;
            before = Some(out);
        }
        for scheme in SCHEMES {
            let int8 = file(network, scheme);
            let mut command = vec!["quantize".into(), float.clone().into()];
            command.extend(words(&format!("--scheme {scheme} {calibration} --out")));
            command.push(int8.clone().into());
            perform(command, &args.source)?;
            made.push(int8);
        }
        made.push(float);
    }
    let rows = made.iter().map(|path| row(path, &args.shipped)).collect::<anyhow::Result<Vec<_>>>()?;
    println!("\n{}", table(["file", "bytes", "shipped"], rows));
    println!("\nMade in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

fn words(text: &str) -> Vec<OsString> {
    text.split_whitespace().map(OsString::from).collect()
}

/// Says a command and runs it, with digits from `source`.
fn perform(mut command: Vec<OsString>, source: &Source) -> anyhow::Result<()> {
    command.extend(source.flags());
    let shown: Vec<_> = command.iter().map(|word| word.to_string_lossy()).collect();
    println!("\n$ digit8 {}\n", shown.join(" "));
    let program = std::iter::once(OsString::from("digit8"));
    crate::run(Cli::try_parse_from(program.chain(command))?.command)
}

/// A model's file, its size, and whether the shipped one has the same bytes.
fn row(path: &Path, shipped: &Path) -> anyhow::Result<[String; 3]> {
    let bytes = files::read(path)?;
    let name = path.file_name().unwrap_or_default();
    let same = match std::fs::read(shipped.join(name)) {
        Ok(shipped) if shipped == bytes => "the same bytes",
        Ok(_) => "other bytes",
        Err(_) => "not there",
    };
    Ok([name.to_string_lossy().into_owned(), thousands(bytes.len()), same.into()])
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_is_one() {
        Cli::command().debug_assert();
        for (network, trainings) in TRAININGS {
            for training in trainings {
                let command = words(&format!("digit8 train {training}"));
                assert!(Cli::try_parse_from(command).is_ok(), "{network}: {training}");
            }
        }
        for (network, calibration) in CALIBRATIONS {
            for scheme in SCHEMES {
                let command = words(&format!("digit8 quantize --scheme {scheme} {calibration}"));
                assert!(Cli::try_parse_from(command).is_ok(), "{network}, {scheme}");
            }
        }
    }
}
