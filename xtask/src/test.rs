//! Every check of the project, with a count at the end.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use regex_lite::Regex;

use crate::setup::Toolchain;
use crate::tools::{chromium, firefox, npm_packages};
use crate::web::{self, Purpose};
use crate::{root, runtimes};
use digit8_host::process::{cargo, find, output, run as run_program, shown};
use digit8_host::terminal::table;

/// Run every check
///
/// `lint` is rustfmt, clippy (natively and for wasm), rustdoc and the types of the JavaScript; `rust` is all of cargo's tests;
/// `page` is the page in a real headless Chromium, and in Firefox where there is one. What the page's checks need (Node.js, npm
/// packages, the browsers) is found, or installed where that is possible, or named. `runtimes` runs digit8's ONNX files in onnxruntime
/// and onnxruntime-web, and its int8 files in PyTorch where that is installed. The last line has the count.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  cargo xtask test\n  cargo xtask test --only rust\n  \
    cargo xtask test --only page --filter 'keyboard'\n\n\
    Environment:\n  CHROMIUM, FIREFOX   the browsers to use\n  \
    DIGIT8_SHARED       folder with MNIST and PyTorch's values, else ../shared; tests that need it are ignored when it is not there")]
pub struct Args {
    /// Only this part
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<Part>,
    /// Only the page's tests whose name has this in it (a regular expression)
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Lint,
    Rust,
    Page,
    Runtimes,
}

/// What one step came to.
#[derive(Clone, Copy, Default)]
struct Count {
    passed: usize,
    failed: usize,
    skipped: usize,
}

type Check = fn(&Args) -> anyhow::Result<Count>;

const STEPS: [(Part, &str, Check); 11] = [
    (Part::Lint, "rustfmt", |_| lint(cargo().args(["fmt", "--all", "--check"]))),
    (Part::Lint, "clippy", |_| {
        lint(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-Dwarnings"]))
    }),
    (Part::Lint, "clippy for wasm", |_| clippy_for_wasm()),
    (Part::Lint, "clippy for the fuzz targets", |_| clippy_for_fuzzing()),
    (Part::Lint, "rustdoc", |_| {
        lint(cargo().args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-Dwarnings"))
    }),
    (Part::Rust, "cargo test", |_| counted(cargo().args(["test", "--workspace", "--no-fail-fast"]))),
    (Part::Rust, "ARM's kernels, emulated", |_| arm_kernels()),
    (Part::Page, "build the page", |_| build()),
    (Part::Page, "JavaScript's types", |_| javascript_types()),
    (Part::Page, "page in browsers", page_in_browsers),
    (Part::Runtimes, "other runtimes", |_| other_runtimes()),
];

/// This program. Asked for at the start: building the tests may put a new one in its place, and then the system says that
/// the old one is deleted.
static XTASK: LazyLock<PathBuf> = LazyLock::new(|| std::env::current_exe().unwrap_or_default());

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    LazyLock::force(&XTASK);
    let mut rows = Vec::new();
    let mut total = Count::default();
    for (part, name, check) in STEPS {
        if !args.only.is_empty() && !args.only.contains(&part) {
            continue;
        }
        println!("\n── {name}");
        let start = Instant::now();
        let count = check(&args).unwrap_or_else(|error| {
            println!("{error:#}");
            Count { failed: 1, ..Count::default() }
        });
        rows.push(row(name, count, start.elapsed()));
        total.passed += count.passed;
        total.failed += count.failed;
        total.skipped += count.skipped;
    }
    println!("\n{}", table(["step", "passed", "failed", "skipped", "seconds"], rows));
    let skipped = if total.skipped > 0 { format!(", {} skipped", total.skipped) } else { String::new() };
    println!("\n{} passed, {} failed{skipped}", total.passed, total.failed);
    if total.failed > 0 {
        // The lines above say what failed: an error's text after the count would only hide it.
        std::process::exit(1);
    }
    Ok(())
}

fn row(name: &str, count: Count, time: Duration) -> [String; 5] {
    let [passed, failed, skipped] =
        [count.passed, count.failed, count.skipped].map(|number| number.to_string());
    [name.to_owned(), passed, failed, skipped, format!("{:.1}", time.as_secs_f64())]
}

const ONE: Count = Count { passed: 1, failed: 0, skipped: 0 };

/// A command that either passes or does not.
fn lint(command: &mut Command) -> anyhow::Result<Count> {
    run_program(command.current_dir(root()))?;
    Ok(ONE)
}

/// A command that runs tests and prints how many passed: cargo's or node's.
fn counted(command: &mut Command) -> anyhow::Result<Count> {
    static CARGO: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"^test result: \w+\. (?<passed>\d+) passed; (?<failed>\d+) failed; (?<skipped>\d+) ignored",
        )
        .expect("a pattern of this file")
    });
    static NODE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^\S+ (?:pass (?<passed>\d+)|(?:fail|cancelled) (?<failed>\d+)|(?:skipped|todo) (?<skipped>\d+))$")
            .expect("a pattern of this file")
    });
    let mut child = command
        .current_dir(root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", shown(command)))?;
    let mut count = Count::default();
    for line in BufReader::new(child.stdout.take().context("no output")?).lines() {
        let line = line?;
        println!("{line}");
        if let Some(found) = CARGO.captures(&line).or_else(|| NODE.captures(&line)) {
            let number = |name| found.name(name).and_then(|digits| digits.as_str().parse().ok()).unwrap_or(0);
            count.passed += number("passed");
            count.failed += number("failed");
            count.skipped += number("skipped");
        }
    }
    std::io::stdout().flush()?;
    let status = child.wait()?;
    // Whatever else went wrong, for example a test that does not compile, is one failure.
    if !status.success() && count.failed == 0 {
        println!("{} failed: {status}", shown(command));
        count.failed = 1;
    }
    ensure!(count.passed + count.failed + count.skipped > 0, "{} ran no test", shown(command));
    Ok(count)
}

/// What is built only to be fuzzed is to compile, too. libFuzzer is C++.
fn clippy_for_fuzzing() -> anyhow::Result<Count> {
    if find("c++").is_none() {
        println!("skipped: the fuzz targets need a C++ compiler");
        return Ok(Count { skipped: 1, ..Count::default() });
    }
    lint(cargo().args([
        "clippy",
        "--manifest-path=fuzz/Cargo.toml",
        "--target-dir=target/fuzz",
        "--locked",
        "--",
        "-Dwarnings",
    ]))
}

fn clippy_for_wasm() -> anyhow::Result<Count> {
    let toolchain = Toolchain::ready()?;
    if !toolchain.has_clippy() {
        println!("skipped: the compiler for wasm is Debian's, for which there is no clippy here");
        return Ok(Count { skipped: 1, ..Count::default() });
    }
    lint(toolchain.cargo("clippy", true).args(["--package=digit8-web", "--all-features", "--", "-Dwarnings"]))
}

fn build() -> anyhow::Result<Count> {
    npm_packages()?;
    ensure!(
        web::build(&web::default_folder(), Purpose::Publish)?,
        "the first answer weighs more than it may: see above"
    );
    web::build_traces()?;
    Ok(ONE)
}

/// Both of ARM's kernels against the scalar one, where rustup has the target, and a cross-compiler and QEMU are installed.
fn arm_kernels() -> anyhow::Result<Count> {
    const TARGET: &str = "aarch64-unknown-linux-gnu";
    let has_target = output(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]))
        .is_ok_and(|folder| PathBuf::from(folder).is_dir());
    let (Some(linker), Some(qemu), true) =
        (find("aarch64-linux-gnu-gcc"), find("qemu-aarch64-static"), has_target)
    else {
        println!(
            "skipped: it needs `rustup target add {TARGET}`, aarch64-linux-gnu-gcc and qemu-aarch64-static"
        );
        return Ok(Count { skipped: 1, ..Count::default() });
    };
    let runner = format!("{} -cpu max -L /usr/aarch64-linux-gnu", qemu.display());
    counted(
        cargo()
            .args(["test", "--package=digit8-kernels", "--tests", "--target", TARGET, "--"])
            .args(["--skip", "the_variable_forces", "--skip", "an_expected_kernel"])
            .envs([("DIGIT8_EXPECT_KERNELS", "neon,dotprod"), ("DIGIT8_CASES", "6")])
            .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", linker)
            .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", runner),
    )
}

fn other_runtimes() -> anyhow::Result<Count> {
    npm_packages()?;
    match runtimes::promises()? {
        Ok(mut command) => counted(&mut command),
        Err(missing) => {
            println!("skipped: {missing}");
            Ok(Count { skipped: 1, ..Count::default() })
        }
    }
}

/// After the page's build, which leaves the types of the wasm module.
fn javascript_types() -> anyhow::Result<Count> {
    npm_packages()?;
    for project in ["tsconfig.json", "tsconfig.worker.json"] {
        lint(Command::new(root().join("node_modules/.bin/tsc")).args(["--project", project]))?;
    }
    Ok(ONE)
}

fn page_in_browsers(args: &Args) -> anyhow::Result<Count> {
    npm_packages()?;
    let (chromium, firefox) = (chromium()?, firefox());
    println!("in {}", output(Command::new(&chromium).arg("--version"))?);
    match &firefox {
        Some(firefox) => println!("and in {}", output(Command::new(firefox).arg("--version"))?),
        None => println!("without Firefox, whose tests are skipped: FIREFOX can name one"),
    }
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec"]);
    node.args(args.filter.iter().map(|filter| format!("--test-name-pattern={filter}")));
    for entry in std::fs::read_dir(root().join("tests/browser"))? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.js") {
            node.arg(path);
        }
    }
    node.env("CHROMIUM", chromium).env("FIREFOX", firefox.unwrap_or_default());
    counted(node.env("DIGIT8_XTASK", &*XTASK))
}
