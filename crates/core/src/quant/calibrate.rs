//! Calibration: run the float network over sample images and let an observer watch each layer's output.

use serde::{Deserialize, Serialize};

use crate::digits::{PIXELS, normalized};
use crate::float::{Mlp, contiguous};
use crate::int8::Scheme;
use crate::quant::{MinMaxObserver, Observer, Range};
use crate::{Kernel, Result};

/// What the observers saw: of the input, and of each layer's output (behind ReLU where the scheme fuses it).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observations {
    /// The normalised pixels.
    pub quant: Range,
    /// The first layer's output.
    pub linear1: Range,
    /// The second layer's output.
    pub linear2: Range,
    /// The logits.
    pub linear3: Range,
}

impl Observations {
    /// The ranges of the three layers' outputs.
    pub fn layers(&self) -> [Range; 3] {
        [self.linear1, self.linear2, self.linear3]
    }
}

/// Observes `pixels` (`[n, 784]`) on their way through the network. `progress` is told the number of images done.
///
/// # Errors
/// [`Error::Range`](crate::Error::Range) if there were no images or a layer's output was not finite.
pub fn calibrate(
    mlp: &Mlp,
    kernel: Kernel,
    scheme: Scheme,
    pixels: &[u8],
    mut progress: impl FnMut(usize),
) -> Result<Observations> {
    const BATCH: usize = 100;
    let table = normalized();
    let mut input = MinMaxObserver::default();
    let mut outputs = [MinMaxObserver::default(); 3];
    for batch in pixels.chunks(BATCH * PIXELS) {
        for &pixel in batch {
            input.observe(&[table[usize::from(pixel)]]);
        }
        let layers = mlp.layer_outputs(kernel, batch);
        for (index, (observer, mut layer)) in outputs.iter_mut().zip(layers).enumerate() {
            if scheme == Scheme::Fused && index < 2 {
                layer.mapv_inplace(|y| y.max(0.0));
            }
            observer.observe(&contiguous(&layer));
        }
        progress(batch.len() / PIXELS);
    }
    let [linear1, linear2, linear3] = outputs.map(|observer| observer.seen());
    Ok(Observations {
        quant: input.seen().checked("quant")?,
        linear1: linear1.checked("linear1")?,
        linear2: linear2.checked("linear2")?,
        linear3: linear3.checked("linear3")?,
    })
}
