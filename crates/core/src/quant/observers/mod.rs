//! Observers watch a tensor during calibration and say which range its integers should cover.
//!
//! A new observer is a file here with a [`Method`], and beside its `mod` line one line in [`OBSERVERS`]: the name it has there is
//! understood by every command, recipe and page.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::quant::QParams;
use crate::{Error, Result};

mod entropy;
mod grid;
mod histogram;
mod min_max;
mod moving_average;
mod mse;
mod percentile;
mod range;
mod tally;
mod torch;

pub use grid::Grid;
pub use histogram::HistogramObserver;
pub use min_max::MinMaxObserver;
pub use range::Range;

/// Every observer.
pub static OBSERVERS: [&Method; 6] = [
    &min_max::METHOD,
    &moving_average::METHOD,
    &histogram::METHOD,
    &percentile::METHOD,
    &mse::METHOD,
    &entropy::METHOD,
];

/// What watches one tensor, or one row of one.
pub trait Observer {
    /// Takes the values of one batch into account.
    fn observe(&mut self, batch: &[f32]);

    /// The range that the integers of `grid` should cover. [`Range::NOTHING`] if nothing was seen, NaN if NaN was.
    fn range(&self, grid: &Grid) -> Range;

    /// The scale and zero point on `grid` of what was seen, which is called `what` in errors.
    ///
    /// # Errors
    /// [`Error::Range`] if nothing was seen, or something that is not finite.
    fn qparams(&self, what: &str, grid: &Grid) -> Result<QParams> {
        grid.qparams(what, self.range(grid))
    }
}

/// An observer as the table has it.
#[derive(Debug)]
pub struct Method {
    /// What it is called.
    pub name: &'static str,
    /// What it does, in two sentences.
    pub about: &'static str,
    /// The number that is written behind its name, if it takes one: `name:99.99`.
    pub argument: Option<Argument>,
    /// Makes one, of its argument (0 if it takes none).
    pub observer: fn(f64) -> Box<dyn Observer>,
}

/// The number that an observer takes.
#[derive(Debug)]
pub struct Argument {
    /// What it is, and which values it may have.
    pub about: &'static str,
    /// Whether it may have this value.
    pub allows: fn(f64) -> bool,
    /// Its value where none is given.
    pub default: f64,
}

/// Which observer: its name, and its number where it takes one, written `min-max` or `percentile:99.99`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObserverKind {
    method: &'static Method,
    argument: f64,
}

impl ObserverKind {
    /// The kind of a method, with its argument as it is by default.
    const fn of(method: &'static Method) -> Self {
        let argument = match &method.argument {
            Some(argument) => argument.default,
            None => 0.0,
        };
        Self { method, argument }
    }

    /// One such observer, which has seen nothing yet.
    pub fn observer(self) -> Box<dyn Observer> {
        (self.method.observer)(self.argument)
    }

    /// The method's line in the table.
    pub fn method(self) -> &'static Method {
        self.method
    }

    /// The range that `grid`'s integers should cover for values that are all there at once, as weights are.
    pub fn range_of(self, values: &[f32], grid: &Grid) -> Range {
        let mut observer = self.observer();
        observer.observe(values);
        observer.range(grid)
    }
}

impl Default for ObserverKind {
    fn default() -> Self {
        Self::MIN_MAX
    }
}

impl PartialEq for ObserverKind {
    fn eq(&self, other: &Self) -> bool {
        self.method.name == other.method.name && self.argument == other.argument
    }
}

impl fmt::Display for ObserverKind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.method.name)?;
        match self.method.argument {
            Some(_) => write!(f, ":{}", self.argument),
            None => Ok(()),
        }
    }
}

impl FromStr for ObserverKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, number) = match text.split_once(':') {
            Some((name, number)) => (name, Some(number)),
            None => (text, None),
        };
        let Some(method) = OBSERVERS.iter().find(|method| method.name == name) else {
            let names: Vec<_> = OBSERVERS.iter().map(|method| method.name).collect();
            return Err(Error::Recipe(format!("an observer '{name}', expected one of {}", names.join(", "))));
        };
        let argument = match (&method.argument, number) {
            (_, None) => return Ok(Self::of(method)),
            (None, Some(number)) => {
                return Err(Error::Recipe(format!("'{number}' behind {name}, which takes no number")));
            }
            (Some(argument), Some(number)) => match number.parse() {
                Ok(value) if (argument.allows)(value) => value,
                _ => {
                    return Err(Error::Recipe(format!(
                        "'{number}' behind {name}, expected {}",
                        argument.about
                    )));
                }
            },
        };
        Ok(Self { method, argument })
    }
}

impl TryFrom<String> for ObserverKind {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<ObserverKind> for String {
    fn from(kind: ObserverKind) -> Self {
        kind.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for method in OBSERVERS {
            let kind: ObserverKind = method.name.parse().unwrap();
            assert_eq!(kind, kind.to_string().parse().unwrap());
            assert_eq!(kind.method().name, method.name);
        }
        let names: std::collections::HashSet<_> = OBSERVERS.iter().map(|method| method.name).collect();
        assert_eq!(names.len(), OBSERVERS.len(), "two observers of one name");
    }

    #[test]
    fn what_is_no_observer_is_said() {
        let message = |text: &str| text.parse::<ObserverKind>().unwrap_err().to_string();
        assert!(message("minmax").contains("an observer 'minmax', expected one of min-max, "));
        assert!(message("").contains("an observer ''"));
        assert!(message("min-max:3").contains("min-max, which takes no number"));
    }

    #[test]
    fn nothing_and_nan_are_errors_of_every_observer() {
        for method in OBSERVERS {
            for batch in [&[][..], &[1.0, f32::NAN], &[f32::NAN]] {
                let mut observer = ObserverKind::of(method).observer();
                observer.observe(batch);
                for grid in [Grid::REDUCED, Grid { symmetric: true, ..Grid::REDUCED }] {
                    let error = observer.qparams("linear1", &grid).unwrap_err().to_string();
                    assert!(error.contains("linear1"), "{}: {error}", method.name);
                }
            }
        }
    }
}
