//! How many requests may be made in a minute.

use super::{ConfigError, Document, Setting, parsed};

/// Requests in a minute; 0: as many as they like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Of each account without a plan.
    pub accounts: u32,
    /// Of each account in that tier.
    pub basic: u32,
    pub pro: u32,
    /// Of each service key.
    pub services: u32,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self { accounts: 600, basic: 100, pro: 500, services: 0 }
    }
}

impl RateLimits {
    /// From what the file says, overridden by the environment.
    pub(super) fn resolve(
        written: &Document,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let usual = Self::default();
        let limit = |name: &'static str, written: Option<u32>, usual: u32| {
            let setting = env(name).map(|value| Setting { key: name, value });
            let given = parsed::<u32>(setting, "requests in a minute such as 600, or 0 for no limit")?;
            Ok::<u32, ConfigError>(given.or(written).unwrap_or(usual))
        };
        Ok(Self {
            accounts: limit("CONSOLE_RATE_LIMIT", written.rate_limit, usual.accounts)?,
            basic: limit("CONSOLE_RATE_LIMIT_BASIC", written.rate_limit_basic, usual.basic)?,
            pro: limit("CONSOLE_RATE_LIMIT_PRO", written.rate_limit_pro, usual.pro)?,
            services: limit("CONSOLE_RATE_LIMIT_SERVICES", written.rate_limit_services, usual.services)?,
        })
    }
}
