//! A form to be shown: a new one, or one that was refused, with everything that was typed but the password.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// Which form it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    SignIn,
    SignUp,
    /// After signing up: which mail to open.
    CheckMail,
    /// The button behind a verification link.
    VerifyEmail,
    /// Asks for another verification link.
    SendAgain,
    ForgotPassword,
    /// After asking for a link: which mail to open.
    ResetSent,
    ResetPassword,
    /// Before something sensitive, for somebody who has been signed in for a while.
    Confirm,
    /// After a password, for somebody who has an authenticator app.
    SecondStep,
    /// What such an app is to know.
    SetUpSecondStep,
    /// What opens in its place; shown once.
    RecoveryCodes,
    /// After confirming, on the way to a provider.
    Onward,
    /// After a provider, when it came to nothing.
    RoundFailed,
    /// The buttons behind a link about another e-mail.
    ChangeEmail,
    /// What became of it.
    EmailChange,
}

/// Required in context on the paths of [`crate::pages::forms`]; set by the server's own handlers of these paths.
#[derive(Clone, Debug)]
pub struct FormView {
    pub screen: Screen,
    /// A whole sentence; shown above the fields and announced.
    pub error: Option<String>,
    /// As `error`, when it is good news.
    pub notice: Option<String>,
    /// Path and name of each provider that may be asked instead.
    pub ways: Vec<(String, String)>,
    values: BTreeMap<&'static str, String>,
    errors: BTreeMap<Cow<'static, str>, String>,
}

impl FormView {
    pub fn new(screen: Screen) -> Self {
        Self {
            screen,
            error: None,
            notice: None,
            ways: Vec::new(),
            values: BTreeMap::new(),
            errors: BTreeMap::new(),
        }
    }

    /// What stands in a field, as typed. Never a password.
    #[must_use]
    pub fn with(mut self, field: &'static str, value: impl Into<String>) -> Self {
        self.values.insert(field, value.into());
        self
    }

    #[must_use]
    pub fn with_error(mut self, sentence: impl Into<String>) -> Self {
        self.error = Some(sentence.into());
        self
    }

    #[must_use]
    pub fn with_notice(mut self, sentence: impl Into<String>) -> Self {
        self.notice = Some(sentence.into());
        self
    }

    /// Whole sentences to stand beside their fields.
    #[must_use]
    pub fn with_errors(mut self, errors: impl IntoIterator<Item = (Cow<'static, str>, String)>) -> Self {
        self.errors.extend(errors);
        self
    }

    pub fn value(&self, field: &str) -> String {
        self.values.get(field).cloned().unwrap_or_default()
    }

    pub fn error_of(&self, field: &str) -> Option<String> {
        self.errors.get(field).cloned()
    }

    /// Whether something was refused.
    pub fn is_refused(&self) -> bool {
        self.error.is_some() || !self.errors.is_empty()
    }
}
