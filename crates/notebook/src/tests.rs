use std::collections::HashSet;
use std::path::Path;

use digit8_core::digits::{Digits, PIXELS};
use digit8_core::file::{Info, Model};
use digit8_core::float::Mlp;
use regex_lite::Regex;

use super::lab::Lab;
use digit8_report::page;

use super::tell;
use digit8_data::Dataset;
use digit8_data::model::{self, Stored};
use digit8_host::files;

/// Digits of noise, in bands that move with the label.
fn digits(count: usize) -> Digits {
    let pixel = |at: usize| if at / 28 % 10 == at / PIXELS % 10 { (at * 7919 % 256) as u8 } else { 0 };
    let labels = (0..count).map(|image| (image % 10) as u8).collect();
    Digits::new((0..count * PIXELS).map(pixel).collect(), labels).unwrap()
}

fn dataset(official_test: bool) -> Dataset {
    let origin = "scribbles <i>&c.</i> from 'here'".into();
    Dataset {
        title: "digits made by a rule".into(),
        origin,
        official_test,
        train: digits(40),
        test: digits(30),
    }
}

/// The lab of a tiny random network in a file with an awkward name.
fn with_model(folder: &Path, official_test: bool) -> Lab {
    let file = folder.join("a <b> & 'c'.safetensors");
    let mlp = Mlp::random([6, 4], 1).unwrap();
    model::write(&file, &Model::Float(mlp), &Info::new()).unwrap();
    Lab::read(dataset(official_test), " --data 'my digits'".into(), &folder.join("out"), &file).unwrap()
}

/// Panics unless every element is closed in the order in which they were opened.
fn assert_well_formed(page: &str) {
    const VOID: [&str; 4] = ["meta", "img", "br", "link"];
    let page = Regex::new("(?s)<style>.*?</style>").unwrap().replace_all(page, "");
    let tag = Regex::new(r#"<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[\w:-]+(?:="[^"<]*")?)*)\s*>"#).unwrap();
    let mut open = Vec::new();
    for found in tag.captures_iter(&page) {
        let name = found[2].to_owned();
        if &found[1] == "/" {
            assert_eq!(open.pop().as_ref(), Some(&name), "closed at {}", &found[0]);
        } else if !VOID.contains(&name.as_str()) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
    // What is no tag by the pattern has no business to look like one.
    let rest = tag.replace_all(&page, "");
    assert_eq!(rest.matches('<').count(), 1, "only the doctype is left");
    let ampersand = Regex::new("&(?:amp|lt|gt|quot);").unwrap();
    assert!(!ampersand.replace_all(&rest, "").contains('&'), "a bare ampersand");
}

#[test]
fn the_report_is_whole_and_well_formed() {
    let folder = tempfile::tempdir().unwrap();
    let lab = with_model(folder.path(), true);
    let report = tell(&lab).unwrap();
    assert_well_formed(&report);

    let ids: Vec<String> = Regex::new(" id=\"([^\"]+)\"")
        .unwrap()
        .captures_iter(&report)
        .map(|found| found[1].to_owned())
        .collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "ids are unique");
    let links: Vec<String> = Regex::new("href=\"([^\"]+)\"")
        .unwrap()
        .captures_iter(&report)
        .map(|found| found[1].to_owned())
        .collect();
    assert_eq!(links.len(), 14, "a link to each chapter");
    for link in links {
        assert!(ids.contains(&link[1..].to_owned()), "{link} leads nowhere");
    }
    for wanted in [
        "The digits",
        "The float32 network",
        "what the observers saw",
        "linear1 by hand",
        "One neuron, step by step",
        "The weights, before and after",
        "Size and accuracy again",
        "The same with ReLU fused",
        "Dynamic quantization",
        "All networks side by side",
        "The error, layer by layer",
        "Which digits are taken for which",
        "Where the networks disagree",
        "Do it again",
    ] {
        assert!(report.contains(wanted), "no {wanted}");
    }
    assert!(!report.contains("NaN"), "a number that is none");
    assert!(!report.contains("<script") && !report.contains("http"), "nothing is run or fetched");
    // Each of the quantized models is a file that can be read.
    for scheme in ["static", "fused", "dynamic"] {
        let model = model::read(&lab.int8_file(scheme)).unwrap().model;
        assert!(matches!(model, Model::Int8(int8) if int8.scheme().name() == scheme));
    }
}

#[test]
fn names_are_escaped_and_commands_can_be_typed() {
    let folder = tempfile::tempdir().unwrap();
    let report = tell(&with_model(folder.path(), true)).unwrap();
    assert!(report.contains("scribbles &lt;i&gt;&amp;c.&lt;/i&gt; from 'here'"));
    let typed = r"/a &lt;b&gt; &amp; '\''c'\''.safetensors' --scheme static --calibrate test --data 'my digits' --out ";
    assert!(report.contains(typed), "the command that quantizes");
}

#[test]
fn accuracies_on_other_digits_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let note = "are not MNIST’s test set";
    assert!(!tell(&with_model(folder.path(), true)).unwrap().contains(note));
    // In the summary, and in each chapter that names an accuracy.
    assert_eq!(tell(&with_model(folder.path(), false)).unwrap().matches(note).count(), 8);
}

#[test]
fn the_notebooks_network_is_trained_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::train(dataset(true), String::new(), folder.path(), 3).unwrap();
    let report = tell(&lab).unwrap();
    assert_well_formed(&report);
    assert!(report.contains("digit8 train --seed 3 --out "));
    let Stored { model, info, .. } = model::read(&folder.path().join("model.safetensors")).unwrap();
    assert_eq!((model, &*info["seed"]), (Model::Float(lab.mlp), "3"));
    let curve = String::from_utf8(files::read(&folder.path().join("loss.svg")).unwrap()).unwrap();
    assert!(curve.starts_with("<svg") && curve.contains("xmlns"));
    assert_well_formed(&format!("<!doctype svg>{curve}"));
}

#[test]
fn a_quantized_model_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let lab = with_model(folder.path(), true);
    tell(&lab).unwrap();
    let file = lab.int8_file("static");
    let error = Lab::read(dataset(true), String::new(), folder.path(), &file).err().unwrap();
    assert!(error.to_string().contains("expected a float32 model"), "{error}");
}

#[test]
fn formulas_are_set_and_other_text_is_left_alone() {
    let set = |text| page::math(text).into_string();
    assert_eq!(set("q_x − Z_x"), "q<sub>x</sub> − Z<sub>x</sub>");
    assert_eq!(set("round(-0.5) + -3"), "round(−0.5) + −3");
    assert_eq!(set("linear1.weight_scale, 1e-7, <&>"), "linear1.weight_scale, 1e-7, &lt;&amp;&gt;");
}
