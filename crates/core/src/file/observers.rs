//! What observers saw, as a JSON file: for `quant`, `linear1`, `linear2` and `linear3` either the extremes or the scale and zero
//! point that follow from them. Files that `dump` writes are read, too.
//!
//! ```json
//! {"quant": {"min": -0.4242, "max": 2.8215}, "linear1": {"scale": 0.53, "zero_point": 62}, …}
//! ```

use serde_json::{Map, Value};

use crate::int8::{Activations, Scheme};
use crate::quant::{Grid, Observations, QParams, Range, Scale, ZeroPoint};
use crate::{Error, Result};

const NAMES: [&str; 4] = ["quant", "linear1", "linear2", "linear3"];

/// What a file says of the observers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observers {
    /// Of `quant`, `linear1`, `linear2` and `linear3`.
    seen: [Seen; 4],
    scheme: Option<Scheme>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Seen {
    /// What was seen: the parameters follow from it.
    Extremes(Range),
    /// The parameters, whatever they follow from.
    Parameters(QParams),
}

impl Observers {
    /// Reads them.
    ///
    /// # Errors
    /// [`Error::Observers`] if the text is no JSON, or an observer is missing or says nothing usable; [`Error::Range`] if no
    /// scale follows from extremes.
    pub fn read(json: &[u8]) -> Result<Self> {
        let text = str::from_utf8(json).map_err(|error| Error::Observers(error.to_string()))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let wrong = |error| Error::Observers(format!("{error}; expected {EXPECTED}"));
        let mut all: Map<String, Value> = serde_json::from_str(&quoted(text)).map_err(wrong)?;
        let scheme = all.get("scheme").and_then(Value::as_str).map(str::parse).transpose()?;
        if let Some(Value::Object(layers)) = all.remove("layers") {
            all = layers;
        }
        if let Some(name) = all.keys().find(|name| !NAMES.contains(&&***name)) {
            return Err(Error::Observers(format!(
                "an observer of {name}, expected those of {}",
                NAMES.join(", ")
            )));
        }
        let seen = |name: &'static str| match all.get(name) {
            Some(observer) => Seen::read(name, observer),
            None => Err(Error::Observers(format!("no observer of {name}, expected {EXPECTED}"))),
        };
        Ok(Self { seen: [seen(NAMES[0])?, seen(NAMES[1])?, seen(NAMES[2])?, seen(NAMES[3])?], scheme })
    }

    /// The parameters of a static scheme's activations; those of extremes are on the integers of `grid`.
    ///
    /// # Errors
    /// [`Error::Observers`] if the file says that it is of another scheme, where outputs are observed elsewhere, or if the
    /// scheme has no observers.
    pub fn activations(&self, scheme: Scheme, grid: &Grid) -> Result<Activations> {
        if let Some(own) = self.scheme
            && own != scheme
        {
            return Err(Error::Observers(format!("they are of the scheme {own}, not {scheme}")));
        }
        let fused = match scheme {
            Scheme::Static => false,
            Scheme::Fused => true,
            Scheme::Dynamic => return Err(Error::Observers("the dynamic scheme has none".into())),
        };
        let qparams = |at: usize| match self.seen[at] {
            Seen::Extremes(range) => grid.qparams(NAMES[at], range),
            Seen::Parameters(qparams) => Ok(QParams { max: grid.limits[1] as u8, ..qparams }),
        };
        Ok(Activations::Static {
            fused,
            input: qparams(0)?,
            outputs: [qparams(1)?, qparams(2)?, qparams(3)?],
        })
    }

    /// The extremes, if the file has all of them.
    pub fn extremes(&self) -> Option<Observations> {
        let [quant, linear1, linear2, linear3] = self.seen.map(|seen| match seen {
            Seen::Extremes(range) => Some(range),
            Seen::Parameters(_) => None,
        });
        Some(Observations { quant: quant?, linear1: linear1?, linear2: linear2?, linear3: linear3? })
    }
}

const EXPECTED: &str = "{\"quant\": {\"min\": …, \"max\": …}, \"linear1\": {\"scale\": …, \"zero_point\": …}, …}, \
                        with either for each of quant, linear1, linear2, linear3; or a file that dump wrote";

impl Seen {
    fn read(name: &'static str, observer: &Value) -> Result<Self> {
        let get = |keys: [&str; 2]| keys.iter().find_map(|key| observer.get(key));
        let missing = || {
            Error::Observers(format!(
                "the observer of {name} has neither min and max nor scale and zero_point, expected {EXPECTED}"
            ))
        };
        // Where both are there, the parameters: a histogram's observer does not take all that lies between its extremes.
        if let Some((scale, zero_point)) = get(["scale"; 2]).zip(get(["zero_point"; 2])) {
            let scale = Scale::new(number(name, scale)? as f32)
                .map_err(|error| Error::Observers(format!("{name}: {error}")))?;
            let zero_point = number(name, zero_point)?;
            if !(0.0..=255.0).contains(&zero_point) || zero_point.fract() != 0.0 {
                return Err(Error::Observers(format!(
                    "the zero point of {name} is {zero_point}, expected a whole number, 0 to 255"
                )));
            }
            return Ok(Self::Parameters(QParams::new(scale, ZeroPoint(zero_point as u8))));
        }
        let (min, max) = get(["min", "min_val"]).zip(get(["max", "max_val"])).ok_or_else(missing)?;
        let range = Range { min: number(name, min)? as f32, max: number(name, max)? as f32 };
        QParams::affine(name, range)?;
        Ok(Self::Extremes(range))
    }
}

/// A number, or the only one of a list, as PyTorch's tensors become.
fn number(name: &str, value: &Value) -> Result<f64> {
    match value {
        Value::Array(values) if values.len() == 1 => number(name, &values[0]),
        Value::String(text) if NOT_FINITE.contains(&&**text) => Ok(text.parse().unwrap_or(f64::NAN)),
        value => value.as_f64().ok_or_else(|| {
            let value = super::listed([&*value.to_string()]);
            Error::Observers(format!("{value} for the observer of {name}, expected a number"))
        }),
    }
}

/// Numbers that JSON has no form for, as Python's `json` writes them.
const NOT_FINITE: [&str; 3] = ["-Infinity", "Infinity", "NaN"];

/// The JSON text with such numbers as strings.
fn quoted(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let (mut rest, mut in_string) = (json, false);
    while let Some(next) = rest.chars().next() {
        let word = NOT_FINITE.iter().find(|word| !in_string && rest.starts_with(**word));
        let length = word.map_or(next.len_utf8(), |word| word.len());
        match word {
            Some(word) => text.extend(["\"", word, "\""]),
            None => text.push(next),
        }
        // What is behind a backslash ends no string.
        let escaped = if in_string && next == '\\' { rest[length..].chars().next() } else { None };
        text.extend(escaped);
        in_string ^= next == '"';
        rest = &rest[length + escaped.map_or(0, char::len_utf8)..];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(linear1: &str) -> String {
        format!(
            r#"{{"quant": {{"min": -0.42, "max": 2.82}}, "linear1": {linear1}, "linear2": {{"min": -1, "max": 1}},
                "linear3": {{"min": -1, "max": 1}}}}"#
        )
    }

    fn refusal(linear1: &str) -> String {
        Observers::read(file(linear1).as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn extremes_and_parameters_are_read() {
        let range = Range { min: -3.0, max: 5.0 };
        let expected = QParams::affine("linear1", range).unwrap();
        let parameters =
            format!("{{\"scale\": [{}], \"zero_point\": {}}}", expected.scale, expected.zero_point);
        let both = parameters.replace('{', "{\"min\": -99, \"max\": 99, ");
        for linear1 in
            ["{\"min\": -3, \"max\": 5}", "{\"min_val\": -3, \"max_val\": [5]}", &parameters, &both]
        {
            let observers = Observers::read(file(linear1).as_bytes()).unwrap();
            for (scheme, is_fused) in [(Scheme::Static, false), (Scheme::Fused, true)] {
                let Activations::Static { fused, outputs, .. } =
                    observers.activations(scheme, &Grid::REDUCED).unwrap()
                else {
                    panic!("{scheme} is static");
                };
                assert_eq!((fused, outputs[0]), (is_fused, expected), "{linear1}");
            }
            let extremes = observers.extremes().map(|seen| seen.linear1);
            assert_eq!(extremes, linear1.contains("scale").then_some(range).xor(Some(range)), "{linear1}");
            assert!(observers.activations(Scheme::Dynamic, &Grid::REDUCED).is_err());
        }
    }

    #[test]
    fn what_dump_writes_is_read() {
        let json = r#"{"scheme": "fused", "observers": null, "layers": {
            "quant": {"scale": 0.0255, "zero_point": 17}, "linear1": {"scale": 0.5, "zero_point": 0, "weight_scale": 0.1},
            "linear2": {"scale": 0.25, "zero_point": 255}, "linear3": {"scale": 1, "zero_point": 3, "weight_scale": [1, 2]}}}"#;
        let observers = Observers::read(json.as_bytes()).unwrap();
        let Activations::Static { input, outputs, .. } =
            observers.activations(Scheme::Fused, &Grid::REDUCED).unwrap()
        else {
            panic!("fused is static");
        };
        assert_eq!((input.zero_point, outputs[1].zero_point), (ZeroPoint(17), ZeroPoint(255)));
        assert_eq!(outputs[2].scale.get(), 1.0);
        let said = observers.activations(Scheme::Static, &Grid::REDUCED).unwrap_err().to_string();
        assert!(said.contains("of the scheme fused, not static"), "{said}");
    }

    #[test]
    fn numbers_that_are_not_finite_are_explained() {
        for (linear1, expected) in [
            (r#"{"min": Infinity, "max": -Infinity}"#, "linear1: its observer saw nothing"),
            (r#"{"min": NaN, "max": 1}"#, "linear1: its observer saw NaN"),
            (r#"{"min": -1, "max": Infinity}"#, "linear1: its observer saw an infinity"),
            (r#"{"min": -3.4e+38, "max": 3.4e+38}"#, "linear1: the range from -340000"),
            (r#"{"min": -1, "max": 1e99}"#, "linear1: its observer saw an infinity"),
            (r#"{"min": 2, "max": 1}"#, "linear1: the least value, 2, is above the greatest, 1"),
            (
                r#"{"scale": Infinity, "zero_point": 0}"#,
                "linear1: not a usable model: an infinity as a scale",
            ),
            (r#"{"scale": 1, "zero_point": NaN}"#, "zero point of linear1 is NaN"),
            (r#"{"scale": 1, "zero_point": 256}"#, "zero point of linear1 is 256, expected"),
            (
                r#"{"min": "NaN, \"Infinity\"", "max": 1}"#,
                r#""NaN, \"Infinity\"" for the observer of linear1"#,
            ),
            (r#"{"min": 1}"#, "the observer of linear1 has neither"),
            ("[1, 2]", "the observer of linear1 has neither"),
        ] {
            let said = refusal(linear1);
            assert!(said.contains(expected), "{linear1}: {said}");
        }
        assert!(refusal(r#"{"min": -3.4e+38, "max": 3.4e+38}"#).contains("too wide"));
    }

    #[test]
    fn other_files_are_refused() {
        let refusal = |json: &str| Observers::read(json.as_bytes()).unwrap_err().to_string();
        assert!(refusal("{}").contains("no observer of quant"));
        assert!(refusal("{\"quant\"").contains("expected {\"quant\": {\"min\""));
        assert!(refusal("[]").contains("expected {\"quant\""));
        assert!(refusal(r#"{"quant": 1, "relu1": 2}"#).contains("an observer of relu1"));
        assert!(Observers::read(b"\xff").is_err());
        assert_eq!(quoted(r#"{"NaN\"": NaN, "ä\\": -Infinity}"#), r#"{"NaN\"": "NaN", "ä\\": "-Infinity"}"#);
    }
}
