//! Charts in three steps: a [`plot::Plot`] says what is drawn, [`consumption`] turns it into ECharts options, and
//! [`mount`] (browser only) binds those to the page. Until then, and without scripts, [`sketch`] draws the same plot.

pub mod consumption;
#[cfg(feature = "hydrate")]
pub mod mount;
pub mod plot;
pub mod sketch;

pub use plot::Plot;
