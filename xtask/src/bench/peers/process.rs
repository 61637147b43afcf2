//! A process that times rows: a line asks, a line answers.

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use serde::Deserialize;

use super::Peers;
use crate::bench::report::Row;
use crate::bench::sampler::Bench;
use crate::process::shown;

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
        let line = self.answers.next().transpose()?;
        line.ok_or_else(|| {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            anyhow!(
                "its process ended with {:?}, see {}",
                log.lines().last().unwrap_or(""),
                self.log.display()
            )
        })
    }

    fn time(&mut self, row: usize, runs: u64) -> anyhow::Result<Duration> {
        // Of a process that has ended, the answer tells more.
        _ = writeln!(self.requests, "{row} {runs}");
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
