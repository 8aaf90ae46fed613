//! A form that was refused, to be shown again.

/// Optional in context: set by the server's own `POST /sign-in` when it renders the page again.
#[derive(Clone, Debug, Default)]
pub struct SignInForm {
    /// As typed.
    pub email: String,
    /// A whole sentence; shown above the fields and announced.
    pub error: Option<String>,
    /// Where to go afterwards: a path of this site, as the first form said.
    pub next: Option<String>,
}
