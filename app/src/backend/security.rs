//! Settings › Security: how somebody signs in. The server alone makes the page, so none of this is in the wasm.

/// The whole page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityView {
    /// For password managers: whose password it is.
    pub email: String,
    /// Providers are linked to nobody whose e-mail may be somebody else's.
    pub is_verified: bool,
    pub has_password: bool,
    /// What is linked, the oldest first.
    pub ways: Vec<WayView>,
    /// What can be linked.
    pub others: Vec<ProviderView>,
}

/// Somebody as a provider knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayView {
    /// What the provider is called here.
    pub provider: String,
    /// What they are called there.
    pub label: String,
    /// In the viewer's zone: `22 Nov 2026`.
    pub since: String,
    /// When they last signed in with it.
    pub last_used: Option<String>,
    pub issuer: String,
    pub subject: String,
    /// Without it they could not sign in any more.
    pub is_last: bool,
    /// The provider is still in the console's settings.
    pub lets_in: bool,
}

/// A provider that the console knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderView {
    pub id: String,
    pub name: String,
}
