//! A process that times rows: a line asks, a line answers.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use serde::Deserialize;

use crate::report::Row;
use crate::sampler::Bench;
use digit8_host::process::shown;

/// What there is to be timed, and what had to be left out.
#[derive(Default)]
pub struct Peers {
    /// A row each.
    pub benches: Vec<Bench>,
    /// Versions of the engines.
    pub versions: BTreeMap<String, String>,
    /// Sentences on what is left out, and why.
    pub left_out: Vec<String>,
}

/// What a process says before it is asked.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Message {
    /// An engine's version.
    Version(String, String),
    /// Something that can be timed; the first has number 0.
    Row(Announced),
    /// Something that cannot.
    LeftOut { engine: String, why: String },
    /// That was all.
    Ready,
}

#[derive(Deserialize)]
struct Announced {
    engine: String,
    model: String,
    batch: usize,
    correct: Option<usize>,
    classified: Option<usize>,
    settings: Option<String>,
}

/// A running process; it ends with the last row that needs it.
struct Process {
    child: Child,
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    log: PathBuf,
}

/// Starts a process and takes up its rows.
pub fn start(
    peers: &mut Peers,
    command: &mut Command,
    log: &Path,
    threads: usize,
    training_digits: usize,
) -> anyhow::Result<()> {
    let process = Rc::new(RefCell::new(Process::start(command, log)?));
    let mut number = 0;
    loop {
        let line = process.borrow_mut().answer()?;
        match serde_json::from_str(&line).with_context(|| format!("unexpected answer {line:?}"))? {
            Message::Version(engine, version) => _ = peers.versions.insert(engine, version),
            Message::LeftOut { engine, why } => peers.left_out.push(format!("{engine}: {why}")),
            Message::Ready => return Ok(()),
            Message::Row(row) => {
                let (process, at) = (Rc::clone(&process), number);
                number += 1;
                // A run of training is a step.
                let share = if row.model == "train" { 1.0 / training_digits as f64 } else { 1.0 };
                peers.benches.push(Bench {
                    per_run: row.batch as f64 * share,
                    row: Row {
                        engine: row.engine,
                        model: row.model,
                        batch: row.batch,
                        threads,
                        correct: row.correct,
                        classified: row.classified,
                        settings: row.settings,
                        ..Row::default()
                    },
                    time: Box::new(move |runs| process.borrow_mut().time(at, runs)),
                });
            }
        }
    }
}

impl Process {
    fn start(command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let errors = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().with_context(|| format!("cannot run {}", shown(command)))?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(anyhow!("no pipes to {}", shown(command)));
        };
        Ok(Self { child, requests, answers: BufReader::new(answers).lines(), log: log.into() })
    }

    fn answer(&mut self) -> anyhow::Result<String> {
        self.answers.next().transpose()?.ok_or_else(|| self.ended())
    }

    fn ended(&self) -> anyhow::Error {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        anyhow!("its process ended with {:?}, see {}", log.lines().last().unwrap_or(""), self.log.display())
    }

    fn time(&mut self, row: usize, runs: u64) -> anyhow::Result<Duration> {
        // To write to a process that is gone would end this one.
        ensure!(self.child.try_wait()?.is_none(), self.ended());
        writeln!(self.requests, "{row} {runs}")?;
        let nanoseconds = self.answer()?;
        let nanoseconds =
            nanoseconds.parse().with_context(|| format!("unexpected answer {nanoseconds:?}"))?;
        Ok(Duration::from_nanos(nanoseconds))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_process_answers_until_it_ends() -> anyhow::Result<()> {
        let script = r#"
            echo '{"version": ["toy", "1.2"]}'
            echo '{"row": {"engine": "toy", "model": "fused", "batch": 64, "correct": 9, "classified": 10}}'
            echo '{"left_out": {"engine": "toy float32", "why": "no floats"}}'
            echo '{"row": {"engine": "toy", "model": "train", "batch": 10}}'
            echo '"ready"'
            read row runs; echo $((row * 1000 + runs))
            echo 'out of toys' >&2"#;
        let log = tempfile::NamedTempFile::new()?;
        let mut peers = Peers::default();
        start(&mut peers, Command::new("sh").args(["-c", script]), log.path(), 2, 500)?;
        assert_eq!(peers.versions["toy"], "1.2");
        assert_eq!(peers.left_out, ["toy float32: no floats"]);
        let [fused, train] = &mut peers.benches[..] else { panic!("two rows") };
        assert_eq!((fused.row.name(), fused.row.correct), ("toy fused, batch 64, 2 threads".into(), Some(9)));
        assert_eq!((fused.per_run, train.per_run), (64.0, 0.02));
        assert_eq!((train.time)(7)?, Duration::from_nanos(1007));
        let error = (fused.time)(1).expect_err("the process has ended").to_string();
        assert!(error.contains("out of toys"), "{error}");
        Ok(())
    }
}
