//! The words of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use ledger::{AccountId, Credits, GrantId, KeyId, Timestamp};

use super::replay::Speed;
use crate::calendar::parse_rfc3339;

/// The account and credit console of an AI platform.
#[derive(Debug, Parser)]
#[command(name = "plexe-console", version, propagate_version = true)]
pub struct Cli {
    /// Print the answer as JSON, on the last line
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring the store up to date, listen, and run the jobs, until SIGTERM or Ctrl-C
    Serve,
    /// Bring the store up to date
    Migrate,
    /// Copy the SQLite file into an empty Postgres and verify both sides; no server may run meanwhile
    Copy {
        /// `postgres://USER:PASSWORD@HOST/DATABASE`
        #[arg(long, value_name = "URL")]
        to: String,
    },
    /// People
    #[command(subcommand)]
    User(UserCommand),
    /// Keys of the platform's own services
    #[command(subcommand)]
    ServiceKey(ServiceKeyCommand),
    /// Keys of customers
    #[command(subcommand)]
    ApiKey(ApiKeyCommand),
    /// Give credits to a user's account, or void a grant
    Grant(GrantArgs),
    /// Send a trace of model calls to a running server, as a service would
    Replay(ReplayArgs),
    /// Recompute the books and name the first mismatch
    Verify {
        /// One account instead of all
        #[arg(long, value_name = "ACCOUNT_ID")]
        account: Option<AccountId>,
    },
    /// Copy the database into a new file, also while it is served, and check the copy
    Backup { file: PathBuf },
    /// Put a backup in the place of the database, which is kept beside; no server may run meanwhile
    Restore { file: PathBuf },
    /// The price list
    #[command(subcommand)]
    RateCard(RateCardCommand),
    /// What customers find wrong with a charge, the newest first
    Reports,
    /// Figures over all accounts
    Stats,
    /// Make a sample account with a year of history, and print its sign-in; no server may run meanwhile
    Demo(DemoArgs),
    /// Mails that were not sent by SMTP, the newest first, with their links where no mail server is set
    Outbox {
        /// Only those to this address
        #[arg(long)]
        email: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Make a user with a personal account
    Create(UserArgs),
    /// Stop all spending of a user's account
    Suspend {
        #[arg(long)]
        email: String,
    },
    /// Let a suspended account spend again
    Activate {
        #[arg(long)]
        email: String,
    },
    /// Set how many requests a user's account may make in a minute
    Tier {
        #[arg(long)]
        email: String,
        /// basic, pro, or none for accounts without a plan
        #[arg(long)]
        tier: String,
    },
}

#[derive(Debug, Args)]
pub struct UserArgs {
    #[arg(long)]
    pub email: String,
    /// What the user is called
    #[arg(long)]
    pub name: String,
    /// The short unique name
    #[arg(long)]
    pub username: String,
    #[arg(long)]
    pub password: String,
    /// The e-mail is known to be theirs; gives the sign-up credits
    #[arg(long)]
    pub verified: bool,
    /// May set prices, give credits and suspend
    #[arg(long)]
    pub operator: bool,
}

#[derive(Debug, Subcommand)]
pub enum ServiceKeyCommand {
    /// Make a key; its secret is shown this once
    Create {
        #[arg(long)]
        name: String,
        /// What it may do: check, charge, hold, correct, with commas between them [default: check,charge]
        #[arg(long)]
        scopes: Option<String>,
        /// The only source it may report for
        #[arg(long)]
        source: Option<String>,
        /// Let accounts owe up to this many credits for events that ask for it
        #[arg(long, value_parser = Credits::parse, allow_negative_numbers = true)]
        debt_limit: Option<Credits>,
    },
    /// All keys, the newest first
    List,
    /// Make a key like another one and in its place; that one works until it is revoked
    Rotate {
        #[arg(long)]
        id: KeyId,
    },
    /// Revoke a key for ever
    Revoke {
        #[arg(long)]
        id: KeyId,
    },
}

#[derive(Debug, Subcommand)]
pub enum ApiKeyCommand {
    /// Make a key for a user's account; its secret is shown this once
    Create {
        #[arg(long)]
        email: String,
        #[arg(long)]
        name: String,
        /// What it may do
        #[arg(long, value_parser = ["read_only", "read_write"])]
        permission: String,
    },
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct GrantArgs {
    #[command(subcommand)]
    pub other: Option<GrantCommand>,
    #[command(flatten)]
    pub new: Option<NewGrantArgs>,
}

#[derive(Debug, Args)]
pub struct NewGrantArgs {
    #[arg(long)]
    pub email: String,
    /// A decimal amount, up to 6 decimals
    #[arg(long, value_parser = Credits::parse, allow_negative_numbers = true)]
    pub credits: Credits,
    #[arg(long, value_parser = ["free", "promo", "plan", "adjustment", "purchase"])]
    pub kind: String,
    /// Why, for the books
    #[arg(long)]
    pub reason: String,
    /// Spendable from then on, such as 2026-12-01T00:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_rfc3339)]
    pub effective_at: Option<Timestamp>,
    /// Spendable until then [default: for ever]
    #[arg(long, value_name = "TIME", value_parser = parse_rfc3339)]
    pub expires_at: Option<Timestamp>,
    /// 0 to 1000, lower burns first [default: 100]
    #[arg(long, allow_negative_numbers = true)]
    pub priority: Option<u16>,
}

#[derive(Debug, Subcommand)]
pub enum GrantCommand {
    /// Take back what is left of a grant
    Void {
        #[arg(long)]
        id: GrantId,
        /// Why, for the books
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// A CSV trace: when each call was made, and its tokens in and out
    pub file: PathBuf,
    /// Whose account pays
    #[arg(long)]
    pub email: String,
    /// The events' source; row n has id n
    #[arg(long)]
    pub source: String,
    /// A service key; without it one is made and revoked at the end
    #[arg(long)]
    pub key: Option<String>,
    /// When the first row happened; without it events carry no time of their own
    #[arg(long, value_name = "TIME", value_parser = parse_rfc3339)]
    pub start: Option<Timestamp>,
    /// How many times as fast as it was recorded (1 to 1000000), or max
    #[arg(long, default_value = "max")]
    pub speed: Speed,
    /// Events in one request
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub batch: u16,
    /// Where the server is [default: the base URL of the configuration]
    #[arg(long)]
    pub url: Option<String>,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The last instant of the history [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_rfc3339)]
    pub until: Option<Timestamp>,
    /// How long it is
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u16).range(2..=1100))]
    pub days: u16,
    /// The same seed, end and length make the same history
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

#[derive(Debug, Subcommand)]
pub enum RateCardCommand {
    /// The prices in force, in the format that import reads
    Show,
    /// Add a version of the price list, in force from the time it names
    Import {
        /// TOML as show prints it
        file: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_words_are_consistent() {
        Cli::command().debug_assert();
    }

    fn parse(words: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("plexe-console").chain(words.split(' ')))
    }

    #[test]
    fn a_grant_is_given_or_voided() {
        let cli =
            parse("grant --email a@b.c --credits 2.5 --kind promo --reason x --priority 7 --json").unwrap();
        let Command::Grant(GrantArgs { other: None, new: Some(new) }) = cli.command else { panic!() };
        assert_eq!((new.credits, new.priority, cli.json), (Credits::parse("2.5").unwrap(), Some(7), true));
        let id = "grant_019000000000700080000000000000011";
        let cli = parse(&format!("grant void --id {id} --reason x --json")).unwrap();
        let Command::Grant(GrantArgs { other: Some(GrantCommand::Void { id: read, .. }), new: None }) =
            cli.command
        else {
            panic!()
        };
        assert_eq!(read.to_string(), id);
        assert!(parse("grant").is_err());
        assert!(parse("grant --email a@b.c --credits 1 --kind promo").is_err());
    }

    #[test]
    fn wrong_values_are_refused_before_anything_happens() {
        for words in [
            "grant --email a@b.c --credits -1 --kind promo --reason x",
            "grant --email a@b.c --credits 0.0000001 --kind promo --reason x",
            "grant --email a@b.c --credits 1 --kind gift --reason x",
            "grant --email a@b.c --credits 1 --kind promo --reason x --expires-at tomorrow",
            "api-key create --email a@b.c --name x --permission admin",
            "service-key revoke --id 7",
            "verify --account user_1",
            "replay f.csv --email a@b.c --source s --batch 1001",
            "replay f.csv --email a@b.c --source s --speed 0",
            "replay f.csv --email a@b.c --source s --speed fast",
            "replay f.csv --email a@b.c --source s --start yesterday",
            "rate-card import",
            "nothing",
        ] {
            assert!(parse(words).is_err(), "{words}");
        }
    }
}
