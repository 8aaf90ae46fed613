//! Charts in three steps: a [`plot::Plot`] says what is drawn, [`consumption`] turns it into ECharts options, and
//! [`mount`] (browser only) binds those to the page. Until then, and without scripts, [`sketch`] draws the same plot.
//! The small burn-down, [`runway`], is always drawn by ourselves.

pub mod consumption;
#[cfg(feature = "hydrate")]
pub mod mount;
pub mod plot;
pub mod runway;
pub mod sketch;

pub use plot::Plot;
