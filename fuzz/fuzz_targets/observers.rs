//! Files of observers: an error, or parameters that a static network can be made with.
#![no_main]

use digit8_core::file::Observers;
use digit8_core::int8::{Activations, Scheme};
use digit8_core::quant::Grid;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(observers) = Observers::read(bytes) else { return };
    let made = [Scheme::Static, Scheme::Fused].map(|scheme| observers.activations(scheme, &Grid::REDUCED));
    for activations in made.into_iter().flatten() {
        let Activations::Static { input, outputs, .. } = activations else { panic!("a static scheme") };
        for qparams in outputs.into_iter().chain([input]) {
            let width = qparams.scale.get();
            assert!(width > 0.0 && width.is_finite() && width.recip().is_finite());
            assert_eq!(qparams.dequantize(qparams.quantize(0.0)), 0.0);
        }
    }
});
