//! One file per page.

pub mod credits;
pub mod failure;
pub mod forms;
pub mod how_credits_work;
pub mod not_found;
pub mod overview;
pub mod pricing;
pub mod receipt;
#[cfg(feature = "ssr")]
pub mod reference;
pub mod settings;
pub mod usage;
