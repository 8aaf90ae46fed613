//! How long things last that belong to somebody's account.

use ledger::time::DAY;

use super::{ConfigError, Document, within};

/// All in days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountLife {
    /// After which a session that nobody uses ends.
    pub session_idle_days: u32,
    /// After which each session ends.
    pub session_days: u32,
    /// For which the access log is kept.
    pub access_log_days: u32,
    /// For which a deleted account can be kept still.
    pub deletion_grace_days: u32,
}

impl Default for AccountLife {
    fn default() -> Self {
        Self { session_idle_days: 14, session_days: 90, access_log_days: 90, deletion_grace_days: 30 }
    }
}

impl AccountLife {
    pub(super) fn resolve(written: &Document) -> Result<Self, ConfigError> {
        let usual = Self::default();
        let days = |key, written: Option<u32>, usual: u32, most| {
            let days = written.unwrap_or(usual);
            within(key, days, 1, most).map(|()| days)
        };
        Ok(Self {
            session_idle_days: days(
                "session_idle_days",
                written.session_idle_days,
                usual.session_idle_days,
                365,
            )?,
            session_days: days("session_days", written.session_days, usual.session_days, 365)?,
            access_log_days: days("access_log_days", written.access_log_days, usual.access_log_days, 3_650)?,
            deletion_grace_days: days(
                "deletion_grace_days",
                written.deletion_grace_days,
                usual.deletion_grace_days,
                365,
            )?,
        })
    }

    /// In microseconds.
    pub fn session_idle(&self) -> i64 {
        i64::from(self.session_idle_days) * DAY
    }

    /// In microseconds.
    pub fn session(&self) -> i64 {
        i64::from(self.session_days) * DAY
    }

    /// In microseconds.
    pub fn access_log(&self) -> i64 {
        i64::from(self.access_log_days) * DAY
    }
}
