//! What the server gives each request as Leptos context, besides [`crate::backend`]. Types of no web framework.

pub mod assets;
pub mod content;
pub mod form;
pub mod respond;
pub mod wake;

pub use assets::Assets;
pub use content::Content;
pub use form::{FormView, Screen};
pub use respond::Respond;
pub use wake::Wake;
