//! digit8-core for JavaScript.
