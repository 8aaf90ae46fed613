//! The command line.
//!
//! One process owns the SQLite file. A command therefore first asks the running server over its [`socket`]; without one
//! it opens the [`books`] itself. Both ways run [`admin::execute`], so what a command did is seen by the next request.

pub mod admin;
mod answer;
mod args;
mod backup;
mod books;
pub mod command;
mod copy;
mod demo;
pub mod price_list;
mod replay;
mod restore;
mod serve;
mod socket;
mod verify;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use tokio::time::Instant;

use self::args::{
    ApiKeyCommand, Cli, Command, GrantArgs, GrantCommand, RateCardCommand, ServiceKeyCommand, UserCommand,
};
use self::backup::BackupError;
use self::books::Books;
use self::command::{
    AdminAnswer, AdminCommand, CreateApiKey, CreateGrant, CreateServiceKey, CreateUser, Secret,
};
use self::replay::ReplayError;
pub use self::serve::Server;
pub use self::socket::SocketError;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, ConfigError, DocumentError};
use crate::store::OpenError;
use crate::store::backup::{self as store_backup, NotEmbedded, RestoreError};
use crate::telemetry;

/// How long a command waits for a server that is just starting or stopping.
const PATIENCE: Duration = Duration::from_secs(3);
const AGAIN: Duration = Duration::from_millis(50);
/// What runs in threads of its own (hashing) may go on this long after the end.
const LAST_WORK: Duration = Duration::from_millis(20);

/// The words could not be understood.
const EXIT_USAGE: u8 = 2;
/// A replay sent everything and something was rejected.
const EXIT_REJECTED: u8 = 3;

/// Why a command failed; each is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(
        "there is no console here: {} does not exist; run this in the folder where the console runs, or name its file with DATABASE_URL",
        file.display()
    )]
    NoConsole { file: PathBuf },
    #[error("cannot start: {0}")]
    Runtime(std::io::Error),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("cannot listen on {addr}: {cause}; {setting} picks another address")]
    Listen { setting: &'static str, addr: SocketAddr, cause: std::io::Error },
    #[error("no connections were accepted any more; the log says why")]
    Deaf,
    #[error("cannot check the mail server's certificate: {0}")]
    Certificates(lettre::transport::smtp::Error),
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The sentence of whoever carried out the command.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    NotEmbedded(#[from] NotEmbedded),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    Restore(#[from] RestoreError),
    #[error("the books in {file} are not in order: {mismatch}", file = .file.display())]
    Mismatch { file: PathBuf, mismatch: String },
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error("the answer cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Runs the program with its arguments, the first of which is its own name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return misunderstood(&error),
    };
    match start(cli) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// One line for a mistake; help and version as they are.
fn misunderstood(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        print!("{error}");
        return ExitCode::SUCCESS;
    }
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        eprint!("{error}");
    } else {
        eprintln!("{}", one_line(&error.to_string()));
    }
    ExitCode::from(EXIT_USAGE)
}

/// The first paragraph of clap's text, on one line.
fn one_line(text: &str) -> String {
    let paragraph = text.lines().take_while(|line| !line.trim().is_empty());
    let words: Vec<&str> = paragraph.map(str::trim).collect();
    format!("{} (--help shows the words)", words.join(" "))
}

fn start(cli: Cli) -> Result<ExitCode, Failure> {
    let config = Config::from_env()?;
    let usual = if matches!(cli.command, Command::Serve) { telemetry::SERVER } else { telemetry::COMMAND };
    telemetry::start(config.log_format, usual);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::Runtime)?;
    let ended = runtime.block_on(dispatch(cli, config));
    runtime.shutdown_timeout(LAST_WORK);
    ended
}

async fn dispatch(cli: Cli, config: Config) -> Result<ExitCode, Failure> {
    let command = match cli.command {
        Command::Serve => return serve::serve(config).await.map(|()| ExitCode::SUCCESS),
        Command::Migrate => return migrate(&config, cli.json).await,
        Command::Copy { to } => return copy::run(&config, &to, cli.json).await,
        Command::Demo(args) => return demo::run(&config, &args, cli.json).await,
        Command::Backup { file } => return backup::run(&config, &file, cli.json).await,
        Command::Restore { file } => return restore::run(&config, &file, cli.json).await,
        Command::Replay(args) => return replay::run(&config, &args, cli.json).await,
        Command::User(command) => user_command(command),
        Command::ServiceKey(command) => service_key_command(command),
        Command::ApiKey(ApiKeyCommand::Create { email, name, permission }) => {
            AdminCommand::CreateApiKey(CreateApiKey { email, name, permission })
        }
        Command::Grant(args) => grant_command(args)?,
        Command::Verify { account } => AdminCommand::Verify { account_id: account },
        Command::RateCard(RateCardCommand::Show) => AdminCommand::ShowRateCard,
        Command::RateCard(RateCardCommand::Import { file }) => import(&file)?,
        Command::Reports => AdminCommand::ListReports,
        Command::Stats => AdminCommand::Stats,
        Command::Outbox { email } => AdminCommand::OpenOutbox { email },
    };
    if !command.may_come_first() {
        expect_console(&config)?;
    }
    let answer = perform(&config, command).await?;
    if cli.json {
        println!("{}", answer.json()?);
    } else {
        println!("{answer}");
    }
    Ok(if answer.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// In a mistaken folder a question would be answered by an empty database, which it leaves there.
fn expect_console(config: &Config) -> Result<(), Failure> {
    match config.database_file() {
        Some(file) if !store_backup::exists(file) => Err(Failure::NoConsole { file: file.to_owned() }),
        _ => Ok(()),
    }
}

fn user_command(command: UserCommand) -> AdminCommand {
    match command {
        UserCommand::Create(user) => AdminCommand::CreateUser(CreateUser {
            email: user.email,
            name: user.name,
            user_name: user.username,
            password: Secret(user.password),
            verified: user.verified,
            operator: user.operator,
        }),
        UserCommand::Suspend { email } => AdminCommand::SuspendUser { email },
        UserCommand::Activate { email } => AdminCommand::ActivateUser { email },
        UserCommand::Tier { email, tier } => AdminCommand::SetTier { email, tier },
    }
}

fn service_key_command(command: ServiceKeyCommand) -> AdminCommand {
    match command {
        ServiceKeyCommand::Create { name, scopes, source, debt_limit } => {
            AdminCommand::CreateServiceKey(CreateServiceKey { name, scopes, source, debt_limit })
        }
        ServiceKeyCommand::List => AdminCommand::ListServiceKeys,
        ServiceKeyCommand::Rotate { id } => AdminCommand::RotateServiceKey { key_id: id },
        ServiceKeyCommand::Revoke { id } => AdminCommand::RevokeServiceKey { key_id: id },
    }
}

fn grant_command(args: GrantArgs) -> Result<AdminCommand, Failure> {
    match (args.other, args.new) {
        (Some(GrantCommand::Void { id, reason }), _) => Ok(AdminCommand::VoidGrant { grant_id: id, reason }),
        (None, Some(new)) => Ok(AdminCommand::Grant(CreateGrant {
            email: new.email,
            credits: new.credits,
            kind: new.kind,
            reason: new.reason,
            effective_at: new.effective_at,
            expires_at: new.expires_at,
            priority: new.priority,
        })),
        (None, None) => {
            Err(Failure::Refused("grant needs --email, --credits, --kind and --reason".to_owned()))
        }
    }
}

fn import(file: &Path) -> Result<AdminCommand, Failure> {
    let unreadable = |cause| DocumentError::Unreadable { path: PathBuf::from(file), cause };
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    let list = price_list::read(file, &text, SystemClock.now())?;
    Ok(AdminCommand::ImportRateCard { effective_from: list.effective_from, prices: list.prices })
}

/// Carries out a command: by the server that owns the file, else on the store opened here.
pub async fn perform(config: &Config, command: AdminCommand) -> Result<AdminAnswer, Failure> {
    let given_up = Instant::now() + PATIENCE;
    loop {
        if let Some(file) = config.database_file()
            && let Some(answer) = socket::ask(&config.socket(), file, &command).await?
        {
            return answer.map_err(Failure::Refused);
        }
        match Books::open_store(config).await {
            Ok(store) => {
                let books = Books::start(config.clone(), store);
                let answer = admin::execute(&books.console, command).await;
                books.close().await;
                return answer.map_err(|error| Failure::Refused(error.to_string()));
            }
            // A server is starting or stopping, or another command is at work: its socket or the lock will be free.
            Err(OpenError::Owned(_)) if Instant::now() < given_up => tokio::time::sleep(AGAIN).await,
            Err(error) => return Err(error.into()),
        }
    }
}

/// A server brings its store up to date when it starts, so only a store that nobody serves is opened.
async fn migrate(config: &Config, json: bool) -> Result<ExitCode, Failure> {
    let stats = perform(config, AdminCommand::Stats).await?;
    if json {
        println!("{}", stats.json()?);
    } else {
        println!("{} is up to date", config.database_url);
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests;
