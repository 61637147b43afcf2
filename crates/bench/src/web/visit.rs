//! What a visitor waits for: arrival on a slow link from an empty cache, and Lighthouse's scores.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use serde::Deserialize;

use super::browser::{Browser, CHROMIUM_FLAGS};
use super::server::Checkout;
use crate::report::{Visit, quantile};
use digit8_host::files;
use digit8_host::process::output;

/// Visits that the medians are over.
const VISITS: usize = 5;

#[derive(Deserialize)]
struct Seen {
    int8_ms: f64,
    float_ms: f64,
    bytes: f64,
}

/// Visits the built page. Lighthouse, which is installed with the peers, scores it if it is wanted.
pub fn measure(
    chromium: &Browser,
    checkout: &Checkout,
    page: &Path,
    lighthouse: bool,
    left_out: &mut Vec<String>,
) -> anyhow::Result<Visit> {
    let server = checkout.serve(page, false)?;
    let address = &server.address;

    println!("visiting {VISITS} times on a link of 1.6 Mbit/s and 150 ms");
    let mut link = Command::new("node");
    link.arg(checkout.programs().join("link.js")).arg(address).arg(&chromium.program).arg(VISITS.to_string());
    let seen: Vec<Seen> =
        serde_json::from_str(&output(&mut link)?).context("link.js printed something else")?;
    let median = |value: fn(&Seen) -> f64| {
        let mut values: Vec<f64> = seen.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        quantile(&values, 0.5)
    };
    let scores = if lighthouse { scores(chromium, checkout, address) } else { Ok(BTreeMap::new()) };
    let lighthouse = scores.unwrap_or_else(|error| {
        left_out.push(format!("Lighthouse: {error:#}"));
        BTreeMap::new()
    });
    Ok(Visit {
        int8_ms: median(|seen| seen.int8_ms),
        float_ms: median(|seen| seen.float_ms),
        bytes: median(|seen| seen.bytes),
        lighthouse,
    })
}

/// The score of each of Lighthouse's categories.
fn scores(chromium: &Browser, checkout: &Checkout, address: &str) -> anyhow::Result<BTreeMap<String, f64>> {
    #[derive(Deserialize)]
    struct Page {
        categories: BTreeMap<String, Category>,
    }
    #[derive(Deserialize)]
    struct Category {
        score: Option<f64>,
    }
    println!("asking Lighthouse");
    let report = checkout.root.join("target/web/lighthouse.json");
    let mut command = Command::new("node");
    command.arg(checkout.programs().join("node_modules/lighthouse/cli/index.js")).arg(address);
    command.args(["--quiet", "--output=json", "--output-path"]).arg(&report);
    command.arg("--only-categories=performance,accessibility,best-practices,seo");
    command.arg(format!("--chrome-flags={}", CHROMIUM_FLAGS.join(" ")));
    output(command.env("CHROME_PATH", &chromium.program))?;
    let page: Page = serde_json::from_slice(&files::read(&report)?)?;
    let score = |(name, category): (String, Category)| (name, category.score.unwrap_or(f64::NAN) * 100.0);
    Ok(page.categories.into_iter().map(score).collect())
}
