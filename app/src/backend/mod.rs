//! What the pages ask of the server: one port (trait) and its views per area.
//!
//! The views compile on both sides, the traits only where pages are rendered (`ssr`). `server/src/console/` implements
//! them; a change of SQL therefore never recompiles a page. The server provides two things as Leptos context for every
//! request: a [`Backend`] and an `Option<`[`Viewer`]`>`.

pub mod account;
pub mod api_keys;
pub mod credits;
pub mod entries;
pub mod error;
pub mod form;
pub mod leaving;
pub mod live;
pub mod overview;
pub mod pricing;
pub mod receipt;
#[cfg(feature = "ssr")]
pub mod security;
pub mod session;
pub mod usage;

#[cfg(feature = "ssr")]
use std::sync::Arc;

pub use error::ConsoleError;
pub use session::Viewer;

/// Every port there is. Cheap to clone.
#[cfg(feature = "ssr")]
#[derive(Clone)]
pub struct Backend {
    pub session: Arc<dyn session::SessionPort>,
    pub overview: Arc<dyn overview::OverviewPort>,
    pub pricing: Arc<dyn pricing::PricingPort>,
    pub account: Arc<dyn account::AccountPort>,
    pub api_keys: Arc<dyn api_keys::ApiKeysPort>,
    pub usage: Arc<dyn usage::UsagePort>,
    pub receipt: Arc<dyn receipt::ReceiptPort>,
    pub credits: Arc<dyn credits::CreditsPort>,
}
