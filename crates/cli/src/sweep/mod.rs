//! Tries many recipes, and says which are worth their bytes.

mod grid;
mod html;
mod measure;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, ensure};
use digit8_core::Kernel;
use digit8_core::compare::{Confusion, batched_logits};
use digit8_core::file::Model;
use digit8_core::quant::{Recipe, Width};
use digit8_data::{Source, model, named_or_file};
use digit8_host::files;
use digit8_host::progress;
use digit8_host::terminal::{Table, thousands};
use rayon::prelude::*;
use serde::Serialize;

use measure::{Outcome, Sensitivity, Sets, outcome, sensitivity};

/// Try many recipes, and report which are worth their bytes
///
/// Every method at every width, bits that differ from layer to layer, numbers of calibration digits: on all cores, each recipe on one.
/// What is done is kept in a file beside the report, so that a run that was stopped goes on where it was. Recipes are chosen
/// on training digits that neither calibrate nor retrain; the test digits are only reported.
#[derive(clap::Args)]
pub struct Args {
    /// The float32 model
    #[arg(default_value = "out/model.safetensors")]
    model: PathBuf,
    /// The widths of weights to try, such as 4,3,2,ternary [default: all]
    #[arg(long, value_delimiter = ',', value_name = "BITS")]
    widths: Vec<Width>,
    /// One recipe more (a name, its text or a JSON file); can be given several times
    #[arg(long, value_name = "RECIPE")]
    recipe: Vec<String>,
    #[command(flatten)]
    source: Source,
    /// The report to write; beside it go the same with .json, and .jsonl with what is done
    #[arg(long, value_name = "FILE.html", default_value = "out/sweep.html")]
    out: PathBuf,
}

/// Everything that the report says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    model: String,
    digits: String,
    official_test: bool,
    /// What the float network reads right of the digits kept apart, and of the test digits.
    float: [f64; 2],
    /// The bytes of its weights.
    float_bytes: usize,
    outcomes: Vec<Outcome>,
    /// Of the widths, the outcome that reads most of the digits kept apart.
    best: Vec<(String, Outcome)>,
    sensitivity: Vec<Sensitivity>,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let (done_path, json_path) = (args.out.with_extension("jsonl"), args.out.with_extension("json"));
    ensure!(
        args.out != done_path && args.out != json_path,
        "--out is {}, expected .html",
        args.out.display()
    );
    files::check_writable(&args.out)?;
    let (mlp, _) = model::read_float(&args.model)?;
    let network = checksum(&files::read(&args.model)?);
    let widths = if args.widths.is_empty() { Width::ALL.to_vec() } else { args.widths.clone() };
    let mut recipes =
        grid::all(&widths).iter().map(|text| Ok(text.parse()?)).collect::<anyhow::Result<Vec<Recipe>>>()?;
    for text in &args.recipe {
        recipes.push(named_or_file(text)?);
    }
    let dataset = args.source.load()?;
    let (digits, official_test) = (dataset.origin.clone(), dataset.official_test);
    let sets = Sets::new(&dataset.train, dataset.test)?;
    println!("Model        {}", args.model.display());
    println!("Digits       {digits}");
    println!(
        "Split        {} to calibrate and retrain, {} to choose by, {} to report",
        thousands(sets.train.len()),
        thousands(sets.held_out.len()),
        thousands(sets.test.len())
    );

    let mut outcomes = read_done(&done_path, &network)?;
    let known = |recipe: &Recipe, outcomes: &[Outcome]| {
        let text = recipe.to_string();
        outcomes.iter().any(|outcome| outcome.recipe == text)
    };
    let mut todo: Vec<Recipe> = Vec::new();
    for recipe in recipes {
        if !known(&recipe, &outcomes) && !todo.contains(&recipe) {
            todo.push(recipe);
        }
    }
    println!("Recipes      {} done before, {} to do\n", outcomes.len(), todo.len());
    let file = OpenOptions::new().create(true).append(true).open(&done_path);
    let file = Mutex::new(file.with_context(|| format!("cannot write {}", done_path.display()))?);
    let bar = progress::bar(todo.len(), "Sweeping");
    let new = todo
        .par_iter()
        .map(|recipe| {
            let outcome = outcome(&mlp, &network, recipe, &sets).with_context(|| recipe.to_string())?;
            append(&file, &outcome).with_context(|| format!("cannot write {}", done_path.display()))?;
            bar.inc(1);
            Ok(outcome)
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    bar.finish_and_clear();
    outcomes.extend(new);

    let best = best(&outcomes, &widths)?;
    let bar = progress::bar(best.len(), "Looking for the layer to blame");
    let sensitivity = best
        .par_iter()
        .map(|(_, outcome)| {
            let found = sensitivity(&mlp, &outcome.recipe.parse()?, &sets)?;
            bar.inc(1);
            Ok(found)
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    bar.finish_and_clear();
    let float_bytes = 4 * mlp.layers().iter().map(|layer| layer.weight.len()).sum::<usize>();
    let float = Model::Float(mlp);
    let float = [&sets.held_out, &sets.test].map(|digits| {
        Confusion::count(&batched_logits(&float, Kernel::best(), digits.images(), 100), digits.labels())
            .accuracy()
    });
    let model = args.model.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let report = Report {
        model,
        digits: dataset.title,
        official_test,
        float,
        float_bytes,
        outcomes,
        best,
        sensitivity,
    };

    println!("Read right of the test digits, in per cent (float32: {:.2})\n", 100.0 * report.float[1]);
    println!("{}\n", methods_table(&report, |outcome| 100.0 * outcome.test).text());
    println!("Best of each width by the digits kept apart\n");
    println!("{}\n", best_table(&report).text());
    if !official_test {
        println!("These digits are not MNIST's test set.");
    }
    files::write(&json_path, &serde_json::to_vec_pretty(&report)?)?;
    files::write(&args.out, html::page(&report).as_bytes())?;
    println!("Wrote {} and {}", args.out.display(), json_path.display());
    Ok(())
}

/// The outcomes that a run before this one has left. A line that was cut short is passed over.
fn read_done(path: &Path, network: &str) -> anyhow::Result<Vec<Outcome>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text =
        String::from_utf8(files::read(path)?).with_context(|| format!("{} is not text", path.display()))?;
    let outcomes: Vec<Outcome> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    ensure!(
        outcomes.iter().all(|outcome| outcome.network == network),
        "{} has the results of another network: choose another --out, or remove it",
        path.display()
    );
    Ok(outcomes)
}

fn append(file: &Mutex<File>, outcome: &Outcome) -> anyhow::Result<()> {
    // A line that a stopped run has cut short must not take this one with it.
    let line = format!("{}\n", serde_json::to_string(outcome)?);
    let mut file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    file.write_all(line.as_bytes())?;
    Ok(())
}

/// Of each width, the outcome that reads most of the digits kept apart; of equals, the first.
fn best(outcomes: &[Outcome], widths: &[Width]) -> anyhow::Result<Vec<(String, Outcome)>> {
    let mut best = Vec::new();
    for &width in widths {
        let mut found: Option<&Outcome> = None;
        for outcome in outcomes {
            let is_of_width = outcome.recipe.parse::<Recipe>()?.weights.bits == [width; 3];
            if is_of_width && found.is_none_or(|found| outcome.held_out > found.held_out) {
                found = Some(outcome);
            }
        }
        best.extend(found.map(|found| (width.to_string(), found.clone())));
    }
    Ok(best)
}

/// Methods down, widths across, a figure for each.
fn methods_table(report: &Report, figure: impl Fn(&Outcome) -> f64) -> Table<10> {
    let text = |text: &str| match text.parse::<Recipe>() {
        Ok(recipe) => {
            let text = recipe.to_string();
            let found = report.outcomes.iter().find(|outcome| outcome.recipe == text);
            found.map_or("–".into(), |outcome| format!("{:.2}", figure(outcome)))
        }
        Err(_) => "–".into(),
    };
    let rows = grid::METHODS.iter().map(|(name, parts)| {
        std::array::from_fn(|column| match column {
            0 => (*name).to_owned(),
            _ => text(&grid::method(parts, Width::ALL[column - 1])),
        })
    });
    Table::new(["method", "8 bits", "7", "6", "5", "4", "3", "2", "ternary", "binary"], rows)
}

/// Recipes of other kinds: bits a layer, numbers of calibration digits.
fn others_table(report: &Report) -> Table<5> {
    let methods: Vec<String> = Width::ALL
        .iter()
        .flat_map(|&width| grid::METHODS.iter().map(move |(_, parts)| grid::method(parts, width)))
        .filter_map(|text| Some(text.parse::<Recipe>().ok()?.to_string()))
        .collect();
    let rows = report.outcomes.iter().filter(|outcome| !methods.contains(&outcome.recipe)).map(row);
    Table::new(["recipe", "bytes", "kept apart", "test", "SQNR of the logits"], rows.collect::<Vec<_>>())
}

fn row(outcome: &Outcome) -> [String; 5] {
    [
        outcome.recipe.clone(),
        thousands(outcome.bytes),
        format!("{:.2} %", 100.0 * outcome.held_out),
        format!("{:.2} %", 100.0 * outcome.test),
        format!("{:.1} dB", outcome.sqnr[2]),
    ]
}

fn best_table(report: &Report) -> Table<5> {
    let headings = ["recipe", "bytes", "kept apart", "test", "SQNR of the logits"];
    Table::new(headings, report.best.iter().map(|(_, outcome)| row(outcome)))
}

/// The outcomes than which none reads more in as few bytes.
fn front(outcomes: &[Outcome]) -> Vec<bool> {
    let beats = |a: &Outcome, b: &Outcome| {
        a.bytes <= b.bytes && a.held_out >= b.held_out && (a.bytes < b.bytes || a.held_out > b.held_out)
    };
    outcomes.iter().map(|outcome| !outcomes.iter().any(|other| beats(other, outcome))).collect()
}

/// FNV-1a of a file: enough to tell one network from another.
fn checksum(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(recipe: &str, bytes: usize, held_out: f64) -> Outcome {
        let (network, recipe) = ("n".into(), recipe.into());
        Outcome { network, recipe, bytes, held_out, test: held_out, sqnr: [20.0; 3], seconds: 1.0 }
    }

    #[test]
    fn the_front_has_what_nothing_beats() {
        let outcomes =
            [outcome("", 10, 0.9), outcome("", 20, 0.8), outcome("", 20, 0.95), outcome("", 10, 0.9)];
        assert_eq!(front(&outcomes), [true, false, true, true]);
    }

    #[test]
    fn the_best_of_a_width_is_chosen_on_what_was_kept_apart() {
        let mut outcomes = vec![
            outcome("weight-bits=4", 10, 0.9),
            outcome("weight-bits=4/equalize", 10, 0.95),
            outcome("weight-bits=4,4,8", 11, 0.99),
        ];
        outcomes[0].test = 1.0;
        let best = best(&outcomes, &[Width::Bits(4), Width::Bits(3)]).unwrap();
        assert_eq!(best.len(), 1);
        assert_eq!(best[0].1.recipe, "weight-bits=4/equalize");
    }

    #[test]
    fn a_run_goes_on_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sweep.jsonl");
        assert!(read_done(&path, "n").unwrap().is_empty());
        let line = serde_json::to_string(&outcome("weight-bits=4", 10, 0.9)).unwrap();
        files::write(&path, format!("{line}\n{}\n", &line[..20]).as_bytes()).unwrap();
        assert_eq!(read_done(&path, "n").unwrap().len(), 1);
        assert!(read_done(&path, "m").unwrap_err().to_string().contains("another network"));
    }
}
