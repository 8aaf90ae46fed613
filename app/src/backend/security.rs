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
    pub passkeys: PasskeysView,
    pub second_factor: SecondFactorView,
    /// Another e-mail that the viewer has asked for.
    pub email_change: Option<EmailChangeView>,
    /// Where the viewer is signed in, here first.
    pub sessions: Vec<SessionView>,
    /// What was done last, the newest first.
    pub accesses: Vec<AccessView>,
}

/// Another e-mail, until both addresses have confirmed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailChangeView {
    pub new_email: String,
    /// In the viewer's zone: `23 Nov 2026, 12:04`.
    pub until: String,
    pub old_confirmed: bool,
    pub new_confirmed: bool,
}

/// An instant in the viewer's zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MomentView {
    /// `12:04:31` today, `21 Nov 12:04` earlier.
    pub label: String,
    pub exact: String,
}

/// Somewhere where the viewer is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionView {
    /// What a form calls it.
    pub id: String,
    /// `Firefox on Windows`
    pub device: String,
    /// Empty: not known.
    pub address: String,
    pub since: MomentView,
    pub last_seen: MomentView,
    /// The one that looks.
    pub is_this: bool,
}

/// Something that was done to the viewer's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessView {
    /// `Signed in with password`
    pub what: String,
    pub at: MomentView,
    /// Empty: not known.
    pub address: String,
    /// Empty: not known.
    pub device: String,
    /// Somebody tried what they may not.
    pub is_warning: bool,
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

/// What is asked for besides a password.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecondFactorView {
    /// When an authenticator app was set up, in the viewer's zone: `22 Nov 2026`; `None`: there is none.
    pub since: Option<String>,
    /// Recovery codes that have not been used.
    pub recovery_codes: u64,
}

/// Keys of somebody's devices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PasskeysView {
    /// Whether the console is reached by a name, without which there are none.
    pub is_on: bool,
    /// The oldest first.
    pub passkeys: Vec<PasskeyView>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyView {
    /// Its id, in base64url.
    pub credential: String,
    pub name: String,
    /// In the viewer's zone: `22 Nov 2026`.
    pub since: String,
    pub last_used: Option<String>,
    /// Without it they could not sign in any more.
    pub is_last: bool,
}
