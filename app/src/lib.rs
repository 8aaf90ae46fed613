//! What people see: pages, components, charts and server functions; and the ports they need.
//!
//! `ssr` renders it on the server, `hydrate` wakes it in the browser. Without either it is the plain values and the
//! pure builders, which is how they are tested.

pub mod api;
pub mod app;
pub mod backend;
pub mod calculation;
pub mod charts;
pub mod components;
pub mod format;
pub mod live;
pub mod pages;
pub mod prices;
#[cfg(feature = "ssr")]
pub mod shell;
#[cfg(feature = "ssr")]
pub mod ssr;
pub mod verification;

pub use app::App;
#[cfg(feature = "ssr")]
pub use shell::shell;
