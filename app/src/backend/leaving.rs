//! Settings › Account › Your data. The server alone makes the page, so none of this is in the wasm.

/// The whole page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeavingView {
    /// When the account is erased, in the viewer's zone (`22 December 2026`); `None`: it stays.
    pub closes: Option<String>,
    /// Days that it is kept after it was deleted.
    pub grace_days: u32,
}
