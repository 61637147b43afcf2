//! The whole story, from digits to the last integer, in the order of the PyTorch notebook it follows.
//!
//! Imports `host`, `core`, `data` and `report`.

#![forbid(unsafe_code)]

mod by_hand;
mod confusion;
mod digits;
mod disagreements;
mod dynamic;
mod errors;
mod fusion;
mod lab;
mod network;
mod observers;
mod reproduce;
mod score;
mod story;
#[cfg(test)]
mod tests;
mod today;
mod training;
mod weights;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use digit8_core::file::Model;
use digit8_core::int8::{Activations, QuantizedMlp, Scheme};
use digit8_core::quant::Observations;
use digit8_core::quant::recipe::Set;

use digit8_data::{Quantized, RecipeFlags, Source, model};
use digit8_host::files;
use digit8_host::process::typed;
use digit8_report::{chart, page};
use lab::{Lab, Origin, int8_file};
use network::{Calibrated, Network};
use story::Story;

/// Tell the whole story, as the PyTorch notebook does
///
/// Trains a float32 network for an epoch, quantizes it statically, by hand, with ReLU fused, and dynamically, and compares
/// it all: in the terminal as it goes, and as one HTML report with pictures, `report.html`. The models and the loss curve go
/// beside it.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  digit8 notebook --open\n  digit8 notebook --seed 7 --out out/seed-7\n  digit8 notebook --model www/models/drawings-float32.safetensors"
)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Take this float32 model instead of training one: a safetensors file with PyTorch's names
    #[arg(long, value_name = "FILE", conflicts_with = "seed")]
    model: Option<PathBuf>,
    /// Where everything random in training starts from
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where the report, the models and the loss curve go
    #[arg(long, value_name = "DIR", default_value = "out/notebook")]
    out: PathBuf,
    /// Show the report in the browser when it is done
    #[arg(long)]
    open: bool,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let report = args.out.join("report.html");
    let mut outputs = vec![report.clone()];
    outputs.extend(Scheme::ALL.map(|scheme| int8_file(&args.out, scheme.name())));
    let outputs: Vec<&Path> = outputs.iter().map(PathBuf::as_path).collect();
    files::check_outputs(&outputs, &args.model.as_deref().map_or(vec![], |model| vec![model]))?;
    let dataset = args.source.load()?;
    ensure!(!dataset.test.is_empty(), "{}: no test digits", dataset.origin);
    let typed = |flag: std::ffi::OsString| format!(" {}", typed(flag.as_ref()));
    let flags = args.source.flags().into_iter().map(typed).collect();
    let lab = match &args.model {
        Some(file) => Lab::read(dataset, flags, &args.out, file)?,
        None => Lab::train(dataset, flags, &args.out, args.seed)?,
    };
    let page = tell(&lab)?;
    files::write(&report, page.as_bytes())?;
    println!(
        "\nWrote {} and, beside it, the models{}",
        report.display(),
        match lab.origin {
            Origin::Trained { .. } => " and loss.svg",
            Origin::Read => "",
        }
    );
    if args.open {
        open::that(&report).with_context(|| format!("cannot open {}", report.display()))?;
    }
    Ok(())
}

/// Tells the story, writes what is made on the way, and returns the report.
fn tell(lab: &Lab) -> anyhow::Result<String> {
    let test = &lab.dataset.test;
    let mut story = Story::default();
    story.add(&digits::Digits::new(lab)?);

    let float = Network::new(Model::Float(lab.mlp.clone()), lab.bytes, test)?;
    if let Origin::Trained { losses, .. } = &lab.origin {
        let curve = chart::loss_curve(losses, losses.len());
        files::write(&lab.out.join("loss.svg"), curve.file().as_bytes())?;
    }
    story.add(&training::Training::new(lab, &float)?);

    let unfused = calibrated(lab, Scheme::Static)?;
    story.add(&observers::Observers::new(lab, &unfused));
    story.add(&by_hand::ByHand::new(lab, &unfused)?);
    story.add(&weights::Weights::new(lab, &unfused.int8)?);
    story.add(&score::Score::new("Size and accuracy again", lab, &[&float, &unfused.network]));

    let fused = calibrated(lab, Scheme::Fused)?;
    story.add(&fusion::Fusion::new(lab, &unfused, &fused)?);

    let (_, _, dynamic) = quantized(lab, Scheme::Dynamic)?;
    story.add(&dynamic::Dynamic::new(lab, &unfused, &fused, &dynamic));

    let all = [&float, &unfused.network, &fused.network, &dynamic];
    story.add(&score::Score::new("All networks side by side", lab, &all));
    story.add(&errors::Errors::new(lab, &float, &all[1..]));
    story.add(&confusion::Confusions::new(lab, &all));
    story.add(&disagreements::Disagreements::new(lab, &all)?);
    story.add(&today::Today::new(lab)?);
    story.add(&reproduce::Reproduce::new(lab));
    Ok(page::document("From float32 to int8, step by step", &score::summary(lab, &all), &story.chapters()))
}

/// Quantizes the float network by what observers saw.
fn calibrated(lab: &Lab, scheme: Scheme) -> anyhow::Result<Calibrated> {
    let (int8, seen, network) = quantized(lab, scheme)?;
    match (*int8.activations(), seen) {
        (Activations::Static { input, outputs, .. }, Some(seen)) => {
            Ok(Calibrated { int8, seen, input, outputs, network })
        }
        _ => bail!("{scheme} quantization has no observers"),
    }
}

/// Quantizes the float network, writes the result, and lets it read the test digits.
fn quantized(lab: &Lab, scheme: Scheme) -> anyhow::Result<(QuantizedMlp, Option<Observations>, Network)> {
    let flags = RecipeFlags::pytorch(scheme, Set::Test);
    let Quantized { int8, seen, .. } = flags.quantize(&lab.mlp, &lab.dataset)?;
    let (network, file) = (Model::Int8(int8.clone()), lab.int8_file(scheme.name()));
    let info = model::quantized_info(lab.info.clone(), &flags, &lab.dataset);
    let bytes = model::write(&file, &network, &info)?;
    Ok((int8, seen, Network::new(network, bytes, &lab.dataset.test)?))
}
