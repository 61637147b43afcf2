//! Ranges of activations that somebody chose by hand.

use std::fmt;
use std::str::FromStr;

use crate::quant::{Observations, Range};
use crate::{Error, Result};

/// The ranges of the input and of the three layers' outputs, written `min:max,min:max,min:max,min:max`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranges(pub Observations);

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Observations { quant, linear1, linear2, linear3 } = self.0;
        let texts = [quant, linear1, linear2, linear3].map(|Range { min, max }| format!("{min}:{max}"));
        f.write_str(&texts.join(","))
    }
}

impl FromStr for Ranges {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong =
            || Error::Recipe(format!("ranges '{text}', expected four of min:max with commas between them"));
        let range = |text: &str| {
            let (min, max) = text.split_once(':')?;
            let range = Range { min: min.parse().ok()?, max: max.parse().ok()? };
            (range.min.is_finite() && range.max.is_finite() && range.min <= range.max).then_some(range)
        };
        let ranges: Option<Vec<Range>> = text.split(',').map(range).collect();
        match ranges.as_deref() {
            Some(&[quant, linear1, linear2, linear3]) => {
                Ok(Self(Observations { quant, linear1, linear2, linear3 }))
            }
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_they_are_written() {
        let text = "-0.42421296:2.8214867,-30.5:41,0:1e-7,-3:3";
        let ranges: Ranges = text.parse().unwrap();
        assert_eq!(ranges.0.linear1, Range { min: -30.5, max: 41.0 });
        assert_eq!(ranges.to_string().parse::<Ranges>().unwrap(), ranges);
        for text in
            ["", "0:1", "0:1,0:1,0:1,0:1,0:1", "0:1,0:1,0:1,1:0", "0:1,0:1,0:1,0:NaN", "0:1,0:1,0:1,0"]
        {
            let error = text.parse::<Ranges>().unwrap_err().to_string();
            assert!(error.contains("expected four of min:max"), "{error}");
        }
    }
}
