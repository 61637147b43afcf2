//! Files that are no network of digit8's: a sentence each, which names what is wrong.

use digit8_core::file::{Info, Model};
use digit8_core::float::Mlp;
use digit8_interchange::export::{Form, Input, Options, export};
use digit8_interchange::import::{Scaling, decode, import};
use digit8_interchange::proto::{self, Entry, Node};
use prost::Message;

fn network() -> proto::Model {
    let options = Options { form: Form::Exact, input: Input::Normalized, all_layers: false };
    let model = Model::Float(Mlp::random([6, 5], 1).unwrap());
    decode(&export(&model, options, &Info::new())).unwrap()
}

/// What is said of the network after a change.
fn said(change: impl FnOnce(&mut proto::Model, &mut proto::Graph)) -> String {
    let mut model = network();
    let mut graph = model.graph.take().unwrap();
    change(&mut model, &mut graph);
    model.graph = Some(graph);
    import(&model.encode_to_vec(), Scaling::Normalized).unwrap_err().to_string()
}

#[test]
fn a_file_that_is_cut_short_anywhere_is_an_error() {
    let bytes = network().encode_to_vec();
    assert!(import(&bytes, Scaling::Normalized).is_ok());
    for length in (0..bytes.len()).step_by(97) {
        assert!(import(&bytes[..length], Scaling::Normalized).is_err(), "{length} bytes");
    }
    assert!(import(&[], Scaling::Normalized).unwrap_err().to_string().contains("empty"));
    assert!(
        import(b"<!doctype html>", Scaling::Normalized).unwrap_err().to_string().contains("not an ONNX file")
    );
}

#[test]
fn a_length_of_two_gigabytes_takes_no_memory() {
    // Field 7, the graph, said to be 2³¹ - 1 bytes long.
    let bytes = [0x3a, 0xff, 0xff, 0xff, 0xff, 0x07, 0x0a];
    assert!(import(&bytes, Scaling::Normalized).unwrap_err().to_string().contains("not an ONNX file"));
    let text = said(|_, graph| graph.initializer[0].dims = vec![1 << 40, 1 << 40]);
    assert!(text.contains("too large"), "{text}");
    let text = said(|_, graph| graph.initializer[0].dims = vec![-5]);
    assert!(text.contains("linear1.weight"), "{text}");
    let text = said(|_, graph| graph.initializer[0].dims = vec![6, 783]);
    assert!(text.contains("4704 values for its shape [6, 783]"), "{text}");
}

#[test]
fn the_node_that_does_not_fit_is_named() {
    let text = said(|_, graph| graph.node[1].op_type = "Sigmoid".into());
    assert!(text.starts_with("node relu1/Relu (Sigmoid): it has no place"), "{text}");
    let text = said(|_, graph| graph.node[1].op_type = "Identity".into());
    assert!(text.contains("there is no ReLU between"), "{text}");
    let text = said(|_, graph| graph.node[0].input[0] = "nothing".into());
    assert!(text.contains("linear1/Gemm (Gemm): its input nothing is made by no node"), "{text}");
    let text = said(|_, graph| graph.initializer[2].dims = vec![5, 2, 3]);
    assert!(text.contains("linear2/Gemm") && text.contains("two dimensions"), "{text}");
    let text = said(|_, graph| graph.node[0].attribute[0].i = Some(0));
    assert!(text.contains("take 6 inputs, expected 784"), "{text}");
    let text = said(|_, graph| graph.node[0].domain = "com.example".into());
    assert!(text.contains("linear1/Gemm (Gemm): it is of the domain com.example"), "{text}");
}

#[test]
fn nodes_that_wait_for_each_other_are_a_circle() {
    let text = said(|_, graph| {
        let node = |input: &str, output: &str| Node {
            input: vec![input.into()],
            output: vec![output.into()],
            op_type: "Relu".into(),
            ..Node::default()
        };
        graph.node.push(node("b", "a"));
        graph.node.push(node("a", "b"));
    });
    assert!(text.contains("a, b wait for each other: a circle"), "{text}");
}

#[test]
fn what_lies_in_another_file_or_another_version_is_refused_by_name() {
    let text = said(|_, graph| {
        graph.initializer[0].data_location = 1;
        graph.initializer[0].external_data =
            vec![Entry { key: "location".into(), value: "weights.data".into() }];
    });
    assert!(text.contains("linear1.weight") && text.contains("weights.data"), "{text}");
    let text = said(|model, _| model.opset_import[0].version = 7);
    assert_eq!(text, "opset 7, expected 11 to 23");
    let text = said(|_, graph| graph.initializer[0].data_type = 16 + 1);
    assert!(text.contains("element type has the number 17"), "{text}");
    let text = said(|_, graph| graph.input.push(graph.output[0].clone()));
    assert!(text.contains("2 inputs (input, logits), expected one"), "{text}");
    let text = said(|_, graph| graph.node.truncate(3));
    assert!(text.contains("2 linear layers, expected three"), "{text}");
    let text = said(|_, graph| graph.initializer[0].raw_data[0..4].copy_from_slice(&f32::NAN.to_le_bytes()));
    assert!(text.contains("linear1.weight holds"), "{text}");
}
