//! Settings: a TOML file, overridden by the environment. Wrong ones are refused at start, with the key, the value and
//! what would be right. `server/console.example.toml` documents every key.

mod account_life;
mod base_url;
pub mod document;
mod providers;
mod rate_limits;
mod secret_key;
mod smtp_url;
pub mod tls;
mod trusted_proxies;
mod usage_dimensions;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ledger::Credits;
use lettre::message::Mailbox;
use serde::Deserialize;

pub use account_life::AccountLife;
pub use base_url::BaseUrl;
pub use document::DocumentError;
pub use providers::{ProviderSettings, Secret, Speaks, is_loopback};
pub use rate_limits::RateLimits;
pub use secret_key::SecretKey;
pub use smtp_url::{Security, SmtpUrl};
pub use tls::{NamedFile, TlsFiles};
pub use trusted_proxies::TrustedProxies;
pub use usage_dimensions::UsageDimensions;

use crate::store::DatabaseUrl;

/// Read when it exists and `CONSOLE_CONFIG` names no other file.
const DEFAULT_FILE: &str = "console.toml";
const DEFAULT_DATA_DIR: &str = "data";
const DEFAULT_PORT: u16 = 3000;
const QUEUE_CAPACITY: u32 = 8_192;
const CONFIRM_AFTER_MINUTES: u32 = 10;
/// One request brings up to 1 000 charges.
const LEAST_QUEUE: u32 = 1_000;

/// All settings, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub database_url: DatabaseUrl,
    /// Where the socket for commands lies; the folder of the database file unless set.
    pub data_dir: PathBuf,
    /// Where to listen.
    pub addr: SocketAddr,
    /// Where people reach the console, without a trailing slash.
    pub base_url: BaseUrl,
    /// What the server itself speaks TLS with; without it, a proxy does.
    pub tls: Option<TlsFiles>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// Where `/metrics` is answered; nowhere without it.
    pub metrics_addr: Option<SocketAddr>,
    pub log_format: LogFormat,
    /// Given when a user's e-mail is verified; zero gives nothing.
    pub sign_up_credits: Credits,
    /// How long they last, in days.
    pub sign_up_credits_days: u32,
    /// Jobs that may wait for the sequencer before callers are told to come back.
    pub queue_capacity: usize,
    /// Requests that may be made in a minute.
    pub rate_limits: RateLimits,
    /// What consumption can be grouped by besides operations and keys.
    pub usage_dimensions: UsageDimensions,
    /// The mail server; without one mails stay in the outbox.
    pub smtp_url: Option<SmtpUrl>,
    /// Who mails are from.
    pub mail_from: Mailbox,
    /// Whom people can sign in with besides a password, in the order of their buttons.
    pub providers: Vec<ProviderSettings>,
    /// How long after somebody has proved who they are they may do what is sensitive, in minutes.
    pub confirm_after_minutes: u32,
    /// How long sessions and what is kept about them last.
    pub account_life: AccountLife,
    /// Seals what the database must not tell by itself; without one it does.
    pub secret_key: Option<SecretKey>,
}

/// How log lines look.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Why there is no [`Config`].
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error("{key} is {value:?}; it must be {right}")]
    Wrong { key: String, value: String, right: String },
}

/// The file as it is written; every key may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    database_url: Option<String>,
    data_dir: Option<String>,
    addr: Option<String>,
    base_url: Option<String>,
    tls_certificate: Option<String>,
    tls_key: Option<String>,
    trusted_proxies: Option<String>,
    metrics_addr: Option<String>,
    log_format: Option<String>,
    sign_up_credits: Option<String>,
    sign_up_credits_days: Option<u32>,
    queue_capacity: Option<u32>,
    rate_limit: Option<u32>,
    rate_limit_basic: Option<u32>,
    rate_limit_pro: Option<u32>,
    rate_limit_services: Option<u32>,
    usage_dimensions: Option<Vec<String>>,
    smtp_url: Option<String>,
    mail_from: Option<String>,
    google_client_id: Option<String>,
    google_client_secret: Option<String>,
    google_issuer: Option<String>,
    github_client_id: Option<String>,
    github_client_secret: Option<String>,
    github_authorize_url: Option<String>,
    github_token_url: Option<String>,
    github_api_url: Option<String>,
    oidc_providers: Option<Vec<providers::Written>>,
    confirm_after_minutes: Option<u32>,
    session_idle_days: Option<u32>,
    session_days: Option<u32>,
    access_log_days: Option<u32>,
    deletion_grace_days: Option<u32>,
    secret_key: Option<String>,
}

impl Document {
    /// What is written about providers.
    fn of_provider(&self, key: &str) -> Option<&String> {
        match key {
            "google_client_id" => self.google_client_id.as_ref(),
            "google_client_secret" => self.google_client_secret.as_ref(),
            "google_issuer" => self.google_issuer.as_ref(),
            "github_client_id" => self.github_client_id.as_ref(),
            "github_client_secret" => self.github_client_secret.as_ref(),
            "github_authorize_url" => self.github_authorize_url.as_ref(),
            "github_token_url" => self.github_token_url.as_ref(),
            "github_api_url" => self.github_api_url.as_ref(),
            _ => None,
        }
    }

    fn providers(&self, env: &dyn Fn(&str) -> Option<String>) -> Result<Vec<ProviderSettings>, ConfigError> {
        let pick = |key: &'static str, name: &'static str| match env(name) {
            Some(value) => Some((name, value)),
            None => self.of_provider(key).map(|value| (key, value.clone())),
        };
        let wrong = |providers::Wrong { key, value, right }| ConfigError::Wrong { key, value, right };
        providers::resolve(&pick, env("CONSOLE_OIDC_PROVIDERS"), self.oidc_providers.clone()).map_err(wrong)
    }
}

impl Default for Config {
    fn default() -> Self {
        let data_dir = PathBuf::from(DEFAULT_DATA_DIR);
        Self {
            database_url: database_in(&data_dir),
            data_dir,
            addr: SocketAddr::from(([127, 0, 0, 1], DEFAULT_PORT)),
            base_url: BaseUrl::localhost(DEFAULT_PORT),
            tls: None,
            trusted_proxies: TrustedProxies::default(),
            metrics_addr: None,
            log_format: LogFormat::Text,
            sign_up_credits: Credits::whole(100),
            sign_up_credits_days: 30,
            queue_capacity: QUEUE_CAPACITY as usize,
            rate_limits: RateLimits::default(),
            usage_dimensions: UsageDimensions::default(),
            smtp_url: None,
            mail_from: smtp_url::usual_mail_from("localhost"),
            providers: Vec::new(),
            confirm_after_minutes: CONFIRM_AFTER_MINUTES,
            account_life: AccountLife::default(),
            secret_key: None,
        }
    }
}

impl Config {
    /// Reads the file that `CONSOLE_CONFIG` names (else `console.toml`, when there is one) and the process's
    /// environment.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::load(&|key| std::env::var(key).ok().filter(|value| !value.is_empty()))
    }

    /// As [`Config::from_env`], with any environment.
    pub fn load(env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let document = match env("CONSOLE_CONFIG") {
            Some(path) => document::read(Path::new(&path))?,
            None if Path::new(DEFAULT_FILE).exists() => document::read(Path::new(DEFAULT_FILE))?,
            None => Document::default(),
        };
        Self::resolve(document, env)
    }

    fn resolve(document: Document, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let defaults = Self::default();
        let providers = document.providers(env)?;
        let confirm_after_minutes = document.confirm_after_minutes.unwrap_or(CONFIRM_AFTER_MINUTES);
        within("confirm_after_minutes", confirm_after_minutes, 1, 1_440)?;
        let rate_limits = RateLimits::resolve(&document, env)?;
        let account_life = AccountLife::resolve(&document)?;
        let pick = |key: &'static str, name: &'static str, written: Option<String>| match env(name) {
            Some(value) => Some(Setting { key: name, value }),
            None => written.map(|value| Setting { key, value }),
        };
        let data_dir = pick("data_dir", "CONSOLE_DATA_DIR", document.data_dir);
        let database_url = match pick("database_url", "DATABASE_URL", document.database_url) {
            Some(setting) => Some(setting.database_url()?),
            None => None,
        };
        let data_dir = match (data_dir, &database_url) {
            (Some(setting), _) => PathBuf::from(setting.value),
            (None, Some(DatabaseUrl::Sqlite(path))) => folder_of(path),
            (None, None | Some(DatabaseUrl::Postgres(_))) => defaults.data_dir,
        };
        let address = "an address and port such as 127.0.0.1:3000";
        let addr = parsed(pick("addr", "CONSOLE_ADDR", document.addr), address)?.unwrap_or(defaults.addr);
        let certificate = pick("tls_certificate", "CONSOLE_TLS_CERTIFICATE", document.tls_certificate);
        let tls = tls_files(certificate, pick("tls_key", "CONSOLE_TLS_KEY", document.tls_key))?;
        let base_url = pick("base_url", "CONSOLE_BASE_URL", document.base_url);
        let base_url = reached_as(base_url, tls.as_ref(), addr.port())?;
        let proxies = pick("trusted_proxies", "CONSOLE_TRUSTED_PROXIES", document.trusted_proxies);
        let log_format = pick("log_format", "CONSOLE_LOG_FORMAT", document.log_format);
        let credits = pick("sign_up_credits", "CONSOLE_SIGN_UP_CREDITS", document.sign_up_credits);
        let days = document.sign_up_credits_days.unwrap_or(defaults.sign_up_credits_days);
        let capacity = document.queue_capacity.unwrap_or(QUEUE_CAPACITY);
        within("sign_up_credits_days", days, 1, 3_650)?;
        within("queue_capacity", capacity, LEAST_QUEUE, 1_000_000)?;
        let mail_from = match pick("mail_from", "CONSOLE_MAIL_FROM", document.mail_from) {
            Some(setting) => smtp_url::mail_from(&setting.value).map_err(|right| setting.wrong(right))?,
            None => smtp_url::usual_mail_from(base_url.authority()),
        };
        Ok(Self {
            database_url: database_url.unwrap_or_else(|| database_in(&data_dir)),
            data_dir,
            addr,
            base_url,
            tls,
            trusted_proxies: parsed(proxies, "networks such as 127.0.0.0/8, 10.0.0.5")?.unwrap_or_default(),
            metrics_addr: parsed(
                pick("metrics_addr", "CONSOLE_METRICS_ADDR", document.metrics_addr),
                "an address and port such as 127.0.0.1:9464",
            )?,
            log_format: parsed(log_format, "text or json")?.unwrap_or_default(),
            sign_up_credits: amount(credits)?.unwrap_or(defaults.sign_up_credits),
            sign_up_credits_days: days,
            queue_capacity: usize::try_from(capacity).unwrap_or(defaults.queue_capacity),
            rate_limits,
            usage_dimensions: dimensions(env("CONSOLE_USAGE_DIMENSIONS"), document.usage_dimensions)?,
            smtp_url: match pick("smtp_url", "SMTP_URL", document.smtp_url) {
                Some(setting) => Some(setting.smtp_url()?),
                None => None,
            },
            mail_from,
            providers,
            confirm_after_minutes,
            account_life,
            secret_key: sealing_key(pick("secret_key", "CONSOLE_SECRET_KEY", document.secret_key))?,
        })
    }

    /// Takes over where the server really listens. With port 0 nobody could name the port before, so a base URL on this
    /// machine gets it as well.
    pub fn listens_on(&mut self, addr: SocketAddr) {
        if self.addr.port() == 0 && !self.base_url.is_https() {
            self.base_url = BaseUrl::localhost(addr.port());
        } else if self.addr.port() == 0 && self.base_url == BaseUrl::secure_localhost(0) {
            self.base_url = BaseUrl::secure_localhost(addr.port());
        }
        self.addr = addr;
    }

    /// Whether this is a developer's machine: http is only ever served on localhost.
    pub fn is_development(&self) -> bool {
        !self.base_url.is_https()
    }

    /// The file of the books, which one process owns; `None`: they are in a database that servers share.
    pub fn database_file(&self) -> Option<&Path> {
        match &self.database_url {
            DatabaseUrl::Sqlite(path) => Some(path),
            DatabaseUrl::Postgres(_) => None,
        }
    }

    /// Where a running server takes commands.
    pub fn socket(&self) -> PathBuf {
        self.data_dir.join("console.sock")
    }
}

/// A value and the name under which it was given.
struct Setting {
    key: &'static str,
    value: String,
}

impl Setting {
    fn wrong(&self, right: String) -> ConfigError {
        ConfigError::Wrong { key: self.key.to_owned(), value: self.value.clone(), right }
    }

    /// The error does not repeat a password.
    fn database_url(&self) -> Result<DatabaseUrl, ConfigError> {
        let right =
            "sqlite://PATH, for example sqlite://data/console.db, or postgres://USER:PASSWORD@HOST/DATABASE";
        let value = || match self.value.split_once('@') {
            Some((_, after)) => format!("…@{after}"),
            None => self.value.clone(),
        };
        let wrong =
            |_| ConfigError::Wrong { key: self.key.to_owned(), value: value(), right: right.to_owned() };
        DatabaseUrl::parse(&self.value).map_err(wrong)
    }

    /// The error does not repeat a password.
    fn smtp_url(&self) -> Result<SmtpUrl, ConfigError> {
        let value = || smtp_url::redacted(&self.value);
        let wrong = |right| ConfigError::Wrong { key: self.key.to_owned(), value: value(), right };
        self.value.parse().map_err(wrong)
    }
}

fn amount(setting: Option<Setting>) -> Result<Option<Credits>, ConfigError> {
    let right = "a decimal amount of credits in quotes, such as \"100\" or \"2.5\"";
    let read = |setting: Setting| Credits::parse(&setting.value).map_err(|_| setting.wrong(right.to_owned()));
    setting.map(read).transpose()
}

fn parsed<T: FromStr>(setting: Option<Setting>, right: &str) -> Result<Option<T>, ConfigError> {
    let parse = |setting: Setting| setting.value.parse().map_err(|_| setting.wrong(right.to_owned()));
    setting.map(parse).transpose()
}

/// The error does not repeat it.
fn sealing_key(setting: Option<Setting>) -> Result<Option<SecretKey>, ConfigError> {
    let wrong = |key: &str| ConfigError::Wrong {
        key: key.to_owned(),
        value: "…".to_owned(),
        right: secret_key::RIGHT.to_owned(),
    };
    setting.map(|Setting { key, value }| value.parse().map_err(|()| wrong(key))).transpose()
}

fn within(key: &str, value: u32, least: u32, most: u32) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let right = format!("a whole number from {least} to {most}");
    Err(ConfigError::Wrong { key: key.to_owned(), value: value.to_string(), right })
}

/// A list in the file, separated by commas in the environment.
fn dimensions(
    variable: Option<String>,
    written: Option<Vec<String>>,
) -> Result<UsageDimensions, ConfigError> {
    let (key, names) = match variable {
        Some(value) => {
            let names = value.split(',').map(|name| name.trim().to_owned()).collect();
            ("CONSOLE_USAGE_DIMENSIONS", names)
        }
        None => ("usage_dimensions", written.unwrap_or_default()),
    };
    let value = names.join(", ");
    let wrong = |right| ConfigError::Wrong { key: key.to_owned(), value, right };
    UsageDimensions::parse(names).map_err(wrong)
}

/// Where people reach a server that listens on this port; by https if it speaks TLS.
fn reached_as(setting: Option<Setting>, tls: Option<&TlsFiles>, port: u16) -> Result<BaseUrl, ConfigError> {
    let Some(setting) = setting else {
        return Ok(if tls.is_some() { BaseUrl::secure_localhost(port) } else { BaseUrl::localhost(port) });
    };
    let base_url: BaseUrl = setting.value.parse().map_err(|right| setting.wrong(right))?;
    match tls {
        Some(tls) if !base_url.is_https() => {
            let (host, because) = (base_url.authority(), tls.certificate.setting);
            Err(setting.wrong(format!("https://{host}, since {because} is set")))
        }
        _ => Ok(base_url),
    }
}

/// Both files or neither.
fn tls_files(certificate: Option<Setting>, key: Option<Setting>) -> Result<Option<TlsFiles>, ConfigError> {
    let missing = |key: &str, right: &str, other: &Setting| ConfigError::Wrong {
        key: key.to_owned(),
        value: String::new(),
        right: format!("{right}, since {} is set", other.key),
    };
    let named = |setting: Setting| NamedFile { setting: setting.key, path: PathBuf::from(setting.value) };
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(certificate), None) => Err(missing("tls_key", tls::RIGHT_KEY, &certificate)),
        (None, Some(key)) => Err(missing("tls_certificate", tls::RIGHT_CERTIFICATE, &key)),
        (Some(certificate), Some(key)) => {
            Ok(Some(TlsFiles { certificate: named(certificate), key: named(key) }))
        }
    }
}

fn database_in(data_dir: &Path) -> DatabaseUrl {
    DatabaseUrl::Sqlite(data_dir.join("console.db"))
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

impl FromStr for LogFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests;
