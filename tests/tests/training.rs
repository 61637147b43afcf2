//! Training: step by step what PyTorch does, the same bits from the same seed, and something learnt.

use digit8_core::compare::{Confusion, logits};
use digit8_core::digits::{CLASSES, Digits, PIXELS};
use digit8_core::file::{self, Model};
use digit8_core::float::{Mlp, Progress, Schedule, Settings, train};
use digit8_core::random::Random;
use digit8_core::{Error, Kernel};
use digit8_tests::golden::Golden;
use ndarray::Array2;

/// What the notebook does.
const NOTEBOOK: Settings = Settings {
    batch: 10,
    epochs: 1,
    seed: 0,
    learning_rate: 0.001,
    schedule: Schedule::Constant,
    smoothing: 0.0,
    weight_decay: 0.0,
    average: 0.0,
};

/// Trains, and also gives the loss of every step.
fn losses(
    mlp: &Mlp,
    kernel: Kernel,
    digits: &Digits,
    settings: &Settings,
    order: Option<&[Vec<usize>]>,
) -> (Mlp, Vec<f32>) {
    let mut losses = Vec::new();
    let mut report = |progress: Progress| losses.push(progress.loss);
    let mlp = train(mlp, kernel, digits, settings, order, &mut report).unwrap();
    (mlp, losses)
}

fn mean(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64
}

#[test]
#[cfg_attr(
    not(pytorch_values),
    ignore = "needs PyTorch's values: DIGIT8_SHARED, or ../shared beside the checkout"
)]
fn follows_pytorch_step_by_step() {
    let golden = Golden::open();
    let mlp = |name: &str| match file::read(&std::fs::read(golden.path(name)).unwrap()).unwrap().model {
        Model::Float(mlp) => mlp,
        Model::Int8(_) => panic!("{name} is a float model"),
    };
    let initial = mlp("training/initial.safetensors");
    let after_100 = mlp("training/after_100_steps.safetensors");
    let digits = golden.train_digits();
    let order: Array2<u16> = golden.array("training/trace.npz", "order");
    let order: Vec<Vec<usize>> =
        order.rows().into_iter().map(|row| row.iter().map(|&index| index.into()).collect()).collect();
    let expected = golden.vector::<f32>("training/trace.npz", "loss").to_vec();

    for kernel in Kernel::available() {
        let (mlp, losses) = losses(&initial, kernel, &digits, &NOTEBOOK, Some(&order[..100]));
        for (step, (loss, expected)) in losses.iter().zip(&expected).enumerate() {
            let off = (loss / expected - 1.0).abs();
            assert!(off < 1e-5, "{}: step {step} has the loss {loss}, PyTorch's {expected}", kernel.name());
        }
        for (layer, expected) in mlp.layers().iter().zip(after_100.layers()) {
            let off = (&layer.weight - &expected.weight).abs().into_iter().fold(0.0, f32::max);
            assert!(off < 1e-4, "{}: a weight is {off} from PyTorch's after 100 steps", kernel.name());
        }
    }

    let (mlp, losses) = losses(&initial, Kernel::best(), &digits, &NOTEBOOK, Some(&order));
    let (found, expected) = (mean(&losses), mean(&expected));
    assert!(
        (found / expected - 1.0).abs() < 0.01,
        "the epoch's average loss is {found}, PyTorch's {expected}"
    );
    let correct = correct(mlp, &golden.test_digits());
    assert!((9530..=9670).contains(&correct), "{correct} of 10,000 right, expected 9600 give or take 70");
}

fn correct(mlp: Mlp, digits: &Digits) -> u32 {
    Confusion::count(&logits(&Model::Float(mlp), Kernel::best(), digits.images()), digits.labels()).correct()
}

/// Noise with two bright rows, whose place is the label.
fn bars(count: usize, seed: u64) -> Digits {
    let mut random = Random::new(seed);
    let labels: Vec<u8> = (0..count).map(|at| (at % CLASSES) as u8).collect();
    let images = labels.iter().flat_map(|&label| {
        let bright = 28 * (2 * usize::from(label) + 4)..28 * (2 * usize::from(label) + 6);
        let pixel = |at| if bright.contains(&at) { 230.0 } else { 30.0 };
        (0..PIXELS).map(|at| (pixel(at) + random.uniform(-25.0, 25.0)) as u8).collect::<Vec<_>>()
    });
    Digits::new(images.collect(), labels).unwrap()
}

#[test]
fn learns_to_tell_bars_apart() {
    let initial = Mlp::random([20, 13], 1).unwrap();
    let unseen = bars(200, 2);
    assert!(correct(initial.clone(), &unseen) < 80);
    for kernel in Kernel::available() {
        // 203 images: the last batch is a smaller one.
        let settings = Settings { epochs: 20, ..NOTEBOOK };
        let (mlp, losses) = losses(&initial, kernel, &bars(203, 3), &settings, None);
        assert_eq!(losses.len(), 20 * 21);
        assert!(mean(&losses[..21]) > 10.0 * mean(&losses[losses.len() - 21..]), "{}", kernel.name());
        assert_eq!(correct(mlp, &unseen), 200, "{}", kernel.name());
    }
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let digits = bars(100, 4);
    let run = |kernel, seed| {
        let settings = Settings { epochs: 2, seed, schedule: Schedule::Cosine, smoothing: 0.1, ..NOTEBOOK };
        losses(&Mlp::random([20, 13], seed).unwrap(), kernel, &digits, &settings, None)
    };
    for kernel in Kernel::available() {
        let alone = run(kernel, 5);
        // Beside each other, as a program with several threads would.
        let beside = std::thread::scope(|scope| {
            let [a, b] = [(); 2].map(|()| scope.spawn(|| run(kernel, 5)));
            [a.join().unwrap(), b.join().unwrap()]
        });
        assert!(beside.iter().all(|beside| *beside == alone), "{}", kernel.name());
        assert!(run(kernel, 6) != alone, "{}", kernel.name());
    }
}

#[test]
fn says_what_cannot_be_trained() {
    let mlp = Mlp::random([20, 13], 1).unwrap();
    let digits = bars(20, 1);
    let attempt = |settings: &Settings, order: Option<&[Vec<usize>]>| {
        train(&mlp, Kernel::Scalar, &digits, settings, order, &mut |_| {})
    };
    let message = |result: Result<Mlp, Error>| result.unwrap_err().to_string();
    assert!(message(attempt(&Settings { batch: 0, ..NOTEBOOK }, None)).contains("nothing to train on"));
    assert!(message(attempt(&NOTEBOOK, Some(&[vec![3, 20]]))).contains("image 20"));
    assert!(
        message(attempt(&Settings { learning_rate: f32::INFINITY, ..NOTEBOOK }, None)).contains("finite")
    );
    assert!(Mlp::random([0, 5], 1).is_err());
}
