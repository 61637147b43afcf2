//! The checkout's xtask: it builds the page and serves folders, in a process of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, bail};
use digit8_host::checkout;
use digit8_host::process::{run, shown};

/// A checkout of digit8 with its built xtask.
pub struct Checkout {
    /// Its top folder.
    pub root: PathBuf,
    xtask: PathBuf,
}

/// A folder that is being served; until it is dropped.
pub struct Server {
    child: Child,
    lines: Receiver<String>,
    /// Where it is.
    pub address: String,
}

impl Checkout {
    /// The one that the current folder is in.
    pub fn find() -> anyhow::Result<Self> {
        let root = checkout::root("`bench --web`")?;
        Ok(Self { xtask: checkout::xtask(&root)?, root })
    }

    /// The folder with the page that times, and others' engines when they are installed.
    pub fn programs(&self) -> PathBuf {
        self.root.join("crates/bench/browser")
    }

    /// Gets what the page's checks need, and builds the page into a folder.
    pub fn build_page(&self, folder: &Path) -> anyhow::Result<()> {
        run(self.command().args(["setup", "--page"]))?;
        run(self.command().args(["web", "--out"]).arg(folder))
    }

    /// Serves a folder. What its pages post to `/message` comes as lines. `isolated` from other origins, a page's timer has a
    /// finer step.
    pub fn serve(&self, folder: &Path, isolated: bool) -> anyhow::Result<Server> {
        let mut command = self.command();
        command.args(["serve", "--port=0", "--print-messages", "--folder"]).arg(folder);
        command.args(isolated.then_some("--cross-origin-isolated"));
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot run {}", shown(&command)))?;
        let output = child.stdout.take().context("no output")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Nobody listens once an error has ended it.
                let _ = sender.send(line);
            }
        });
        let mut server = Server { child, lines, address: String::new() };
        // `serving FOLDER at ADDRESS (Ctrl-C ends it)`.
        let first = server.lines.recv().ok();
        let address =
            first.as_deref().and_then(|line| line.split(' ').find(|word| word.starts_with("http://")));
        server.address = address.with_context(|| format!("{} did not serve", shown(&command)))?.to_owned();
        Ok(server)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.xtask);
        command.current_dir(&self.root);
        command
    }
}

impl Server {
    /// The next message of a page, if one comes soon.
    pub fn message(&self) -> anyhow::Result<Option<String>> {
        match self.lines.recv_timeout(Duration::from_secs(1)) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => bail!("the page's server ended by itself"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
