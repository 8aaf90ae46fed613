//! `demo`: makes the sample account. It needs the books for itself, since it writes a year by a clock of its own.

use std::process::ExitCode;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::args::DemoArgs;
use super::books::Books;
use super::command::AdminCommand;
use super::{Failure, socket};
use crate::calendar::Rfc3339;
use crate::clock::{Clock as _, ManualClock, SystemClock};
use crate::config::Config;
use crate::demo::{self, EMAIL, Plan, Told};
use crate::random::SystemRandom;
use ledger::{AccountId, Credits, UserId};

const SERVER_RUNS: &str = "a server runs on this data directory; stop it first, since demo writes a year of history by a \
                           clock of its own, and start it again afterwards";
const INTERRUPTED: &str =
    "an earlier demo was interrupted and its account is incomplete; use another database (DATABASE_URL)";

/// The sign-in, and what there is to see.
#[derive(Serialize)]
struct DemoView {
    email: &'static str,
    /// `None`: it exists already.
    password: Option<String>,
    existed: bool,
    #[serde(flatten)]
    made: Option<MadeView>,
}

#[derive(Serialize)]
struct MadeView {
    user_id: UserId,
    account_id: AccountId,
    from: Rfc3339,
    until: Rfc3339,
    events: u64,
    refused: u64,
    spent: Credits,
    balance: Credits,
}

pub async fn run(config: &Config, args: &DemoArgs, json: bool) -> Result<ExitCode, Failure> {
    let made = make(config, args).await?;
    let view = DemoView {
        email: EMAIL,
        password: made.as_ref().map(|told| told.password.clone()),
        existed: made.is_none(),
        made: made.map(MadeView::from),
    };
    if json {
        println!("{}", serde_json::to_string(&view)?);
    } else {
        println!("{}", lines(&view));
    }
    Ok(ExitCode::SUCCESS)
}

/// `None`: it exists already.
async fn make(config: &Config, args: &DemoArgs) -> Result<Option<Told>, Failure> {
    let refused = |sentence: &str| Failure::Refused(sentence.to_owned());
    let find = AdminCommand::FindUser { email: EMAIL.to_owned() };
    if let Some(file) = config.database_file() {
        match socket::ask(&config.socket(), file, &find).await? {
            Some(Ok(_)) => return Ok(None),
            Some(Err(_)) => return Err(refused(SERVER_RUNS)),
            None => {}
        }
    }
    let now = SystemClock.now();
    let until = args.until.unwrap_or(now);
    if until > now {
        return Err(refused("--until must not be later than now"));
    }
    let plan = Plan { seed: args.seed, days: args.days, until };
    let clock = Arc::new(ManualClock::at(until));
    let store = Books::open_store(config).await?;
    let books = Books::start_with(config.clone(), store, clock.clone(), Arc::new(SystemRandom));
    let told = tell(&books, clock, plan).await;
    books.close().await;
    told
}

async fn tell(books: &Books, clock: Arc<ManualClock>, plan: Plan) -> Result<Option<Told>, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Refused(error.to_string());
    let store = &books.console.store;
    if let Some(demo) = store.find_demo().await.map_err(|error| failed(&error))? {
        return if demo.is_complete { Ok(None) } else { Err(Failure::Refused(INTERRUPTED.to_owned())) };
    }
    if store.find_user_by_email(EMAIL).await.map_err(|error| failed(&error))?.is_some() {
        return Err(Failure::Refused(INTERRUPTED.to_owned()));
    }
    let bar = ProgressBar::new(u64::from(plan.days) * 24);
    let style = ProgressStyle::with_template("{bar:30} a year of sample data  {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let told = demo::tell(&books.console, clock, plan, |hours| bar.set_position(hours)).await;
    bar.finish_and_clear();
    told.map(Some).map_err(|error| failed(&error))
}

impl From<Told> for MadeView {
    fn from(told: Told) -> Self {
        let Told { user_id, account_id, events, refused, spent, balance, .. } = told;
        let (from, until) = (Rfc3339(told.from), Rfc3339(told.until));
        Self { user_id, account_id, from, until, events, refused, spent, balance }
    }
}

fn lines(view: &DemoView) -> String {
    let DemoView { email, password, made, .. } = view;
    match (password, made) {
        (Some(password), Some(made)) => format!(
            "email     {email}\npassword  {password}\nThe password is shown this once.\n{} events from {} to {}, {} credits \
             spent, {} left",
            made.events, made.from, made.until, made.spent, made.balance
        ),
        _ => format!("the demo account exists already: {email}; its password was shown when it was made"),
    }
}
