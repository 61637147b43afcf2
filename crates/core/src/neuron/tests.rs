use super::*;
use crate::int8::Scheme;
use crate::quant::{Calibration, Granularity, calibrate, quantize};

/// Images with little ink and with much.
fn images(count: usize) -> Vec<u8> {
    (0..count * PIXELS).map(|at| if at % 7 <= at / PIXELS { (at * 7919 % 256) as u8 } else { 0 }).collect()
}

fn quantized(mlp: &Mlp, scheme: Scheme, granularity: Granularity) -> QuantizedMlp {
    let observe = || calibrate(mlp, Kernel::Scalar, scheme, &images(5), |_| ());
    quantize(mlp, Calibration::of(scheme, observe).unwrap(), granularity).unwrap()
}

#[test]
fn every_line_of_all_neurons_leads_to_the_kernels_own_integers() {
    let mlp = Mlp::random([100, 100], 11).unwrap();
    for scheme in Scheme::ALL {
        for granularity in [Granularity::PerTensor, Granularity::PerChannel] {
            let int8 = quantized(&mlp, scheme, granularity);
            for (kernel, image) in Kernel::available()
                .into_iter()
                .flat_map(|kernel| [0, 4].map(|image| (kernel, image * PIXELS)))
            {
                let pixels = &images(5)[image..][..PIXELS];
                let dissection = Dissection::new(&mlp, &int8, kernel, pixels).unwrap();
                let mut count = 0;
                for layer in 1..=LAYERS {
                    let outputs = dissection.outputs(layer).unwrap();
                    for (index, output) in outputs.iter().enumerate() {
                        let neuron = dissection.neuron(layer, index).unwrap();
                        let what = format!("{scheme} {granularity:?} {} {layer}-{index}", kernel.name());
                        adds_up(&neuron, &dissection.layers[layer - 1], &what);
                        assert_eq!(neuron.output.real(), *output, "{what}");
                        count += 1;
                    }
                }
                assert_eq!(count, 210);
                let mut logits = [0.0; CLASSES];
                int8.engine(kernel).logits(pixels, &mut logits);
                assert_eq!(dissection.outputs(3).unwrap(), logits, "{scheme} {granularity:?}");
            }
        }
    }
}

impl Output {
    fn real(&self) -> f32 {
        match self {
            Output::Requantized { real, .. } | Output::Dequantized { real, .. } => *real,
        }
    }
}

/// Each line follows from the one before it, and the sums and outputs are the kernel's.
fn adds_up(neuron: &Neuron, given: &Given, what: &str) {
    let index = neuron.index;
    let zero_point = i32::from(neuron.input_zero_point.0);
    let centred: i32 =
        neuron.x.iter().zip(&neuron.w).map(|(&x, &w)| (i32::from(x) - zero_point) * i32::from(w)).sum();
    assert_eq!(neuron.products - neuron.correction, neuron.accumulator, "{what}");
    assert_eq!(neuron.accumulator, centred, "{what}");
    assert_eq!(neuron.accumulator, given.accumulators[index], "{what}");
    let added = |&at: &usize| ((i32::from(neuron.x[at]) - zero_point) * i32::from(neuron.w[at])).abs();
    assert!(neuron.order.is_sorted_by_key(|at| -added(at)), "{what}");
    let mut all = neuron.order.clone();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..neuron.x.len()), "{what}");
    match &neuron.output {
        Output::Requantized {
            total,
            multiplier,
            scaled,
            rounded,
            zero_point,
            shifted,
            clamped,
            integer,
            textbook,
            ..
        } => {
            let exact = f64::from(neuron.accumulator) + f64::from(neuron.bias) / f64::from(neuron.step);
            assert!((f64::from(*total) - exact).abs() <= 1e-6 * exact.abs() + 0.01, "{what}");
            assert_eq!(*scaled, total * multiplier, "{what}");
            assert!((scaled - *rounded as f32).abs() <= 0.5, "{what}");
            assert_eq!(*shifted, rounded + i32::from(zero_point.0), "{what}");
            assert_eq!(i32::from(*clamped), (*shifted).clamp(0, 255), "{what}");
            assert_eq!(*integer, given.outputs[index], "{what}");
            let textbook = textbook.as_ref().unwrap();
            assert_eq!(textbook.sum, neuron.accumulator + textbook.bias, "{what}");
            assert!(textbook.integer.abs_diff(*integer) <= 1, "{what}: {textbook:?} for {integer}");
        }
        Output::Dequantized { real, next, .. } => {
            assert_eq!(*real, given.dynamic_outputs[index], "{what}");
            assert_eq!(next.is_some(), neuron.layer < LAYERS, "{what}");
            if let Some(Next { integer, scale, zero_point }) = next {
                let steps = f32::from(*integer) - f32::from(zero_point.0);
                assert!((steps * scale.get() - real).abs() <= scale.get() * 0.51, "{what}");
            }
        }
    }
    let float = &neuron.float;
    assert!((float.products + f64::from(float.bias) - f64::from(float.sum)).abs() < 1e-4, "{what}");
    let off = (f64::from(float.real) - f64::from(neuron.output.real())).abs();
    assert!(off < 0.2, "{what}: {off}");
}

#[test]
fn a_neuron_outside_the_network_is_an_error() {
    let mlp = Mlp::random([6, 5], 1).unwrap();
    let int8 = quantized(&mlp, Scheme::Fused, Granularity::PerTensor);
    let blank = [0; PIXELS];
    let dissection = Dissection::new(&mlp, &int8, Kernel::Scalar, &blank).unwrap();
    assert_eq!(dissection.sizes(), [6, 5, 10]);
    for (layer, index) in [(0, 0), (4, 0), (1, 6), (3, 10)] {
        assert!(matches!(dissection.neuron(layer, index), Err(Error::Mismatch(_))), "{layer}-{index}");
    }
    assert!(Dissection::new(&mlp, &int8, Kernel::Scalar, &blank[1..]).is_err());
    let other = Mlp::random([7, 5], 1).unwrap();
    assert!(Dissection::new(&other, &int8, Kernel::Scalar, &blank).is_err());
}
