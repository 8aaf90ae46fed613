//! The connection on which a server hears what others have committed, and holds the locks that say that it serves. What
//! is on the channel is only ever a hint: everything it says can be read in the database as well.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::sync::atomic::Ordering;
use std::time::Instant;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgListener, PgPoolOptions};
use sqlx::{Connection as _, PgPool};

use super::postgres::{CHANNEL, PostgresStore};
use super::{OpenError, Store, StoreError};
use crate::auth::rates::Counted;

/// Held by all that serve, shared; exclusively by one that counts the books by other dimensions. Postings share it as well,
/// each for its time, since whoever has lost its connection posts on.
pub(super) const SERVING: i64 = 0x0070_6c65_7866;
/// Servers look one after the other which dimensions are declared.
const STARTING: i64 = 0x0070_6c65_7867;
/// Held by the one server that does what must not be done by several.
const LEADING: i64 = 0x0070_6c65_7868;
/// Bytes of a message. Postgres takes fewer than 8 000.
const LONGEST: usize = 7_000;
const EPOCH: &str = "epoch ";
const MOVED: &str = "moved ";
const COUNTED: &str = "counted ";

/// What another server, or this one, has committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A change of identities or prices, by its number.
    Changed(u64),
    /// Numbers of accounts, and the `seq` of their last entries.
    Moved(Vec<(i64, u64)>),
    /// Requests in a minute.
    Counted(Counted),
}

impl Told {
    /// Reads a message; `None`: it is none of ours.
    fn parse(text: &str) -> Option<Self> {
        if let Some(number) = text.strip_prefix(EPOCH) {
            return number.parse().ok().map(Self::Changed);
        }
        if let Some(counted) = text.strip_prefix(COUNTED) {
            let mut words = counted.splitn(3, ' ');
            let (minute, node) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            let counts = pairs(words.next()?)?;
            return Some(Self::Counted(Counted { minute, node, counts }));
        }
        pairs(text.strip_prefix(MOVED)?).map(Self::Moved)
    }
}

/// `7:1,8:2`
fn pairs<K: FromStr, N: FromStr>(text: &str) -> Option<Vec<(K, N)>> {
    let pair = |pair: &str| {
        let (key, number) = pair.split_once(':')?;
        Some((key.parse().ok()?, number.parse().ok()?))
    };
    text.split(',').map(pair).collect()
}

/// Messages of pairs that begin so, none of them too long.
fn messages<K: fmt::Display, N: fmt::Display>(
    begin: &str,
    pairs: impl IntoIterator<Item = (K, N)>,
) -> Vec<String> {
    let mut messages: Vec<String> = vec![];
    for (key, number) in pairs {
        let mut pair = String::new();
        // Writing into a String cannot fail.
        let _ = write!(pair, "{key}:{number}");
        match messages.last_mut() {
            Some(last) if last.len() + pair.len() + 1 < LONGEST => {
                last.push(',');
                last.push_str(&pair);
            }
            _ => messages.push(format!("{begin}{pair}")),
        }
    }
    messages
}

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Number of the last change of identities or prices.
    pub epoch: u64,
    /// Of the accounts that were asked for, by number: `seq` of the last entry. Without one they are missing.
    pub seqs: HashMap<i64, u64>,
}

/// A connection that listens. Ends with [`Listening::close`]; what it holds is let go of with the connection.
pub struct Listening {
    pool: PgPool,
    listener: PgListener,
}

/// A connection that tells.
#[derive(Debug)]
pub struct Telling(PgConnection);

impl Store {
    /// Joins the servers of the database: counts by these dimensions from now on, and listens. `None`: nobody else writes.
    /// Errors: others serve and count by other dimensions.
    pub async fn join(&self, dimensions: &[String]) -> Result<Option<Listening>, OpenError> {
        match self {
            Self::Sqlite(_) => {
                self.declare_dimensions(dimensions).await?;
                Ok(None)
            }
            Self::Postgres(postgres) => {
                let mut listening = Listening::open(postgres).await?;
                listening.lock(STARTING).await?;
                let joined = self.count_by(&mut listening, dimensions).await;
                listening.unlock(STARTING).await?;
                joined.map(|()| Some(listening))
            }
        }
    }

    async fn count_by(&self, listening: &mut Listening, dimensions: &[String]) -> Result<(), OpenError> {
        let known = self.known_dimensions().await?;
        let is_same = known.len() == dimensions.len()
            && known.iter().all(|(name, is_complete)| *is_complete && dimensions.contains(name));
        if !is_same && !listening.try_lock(SERVING).await? {
            let kept: Vec<String> = known.into_iter().map(|(name, _)| name).collect();
            return Err(OpenError::OtherDimensions { kept });
        }
        if !is_same {
            self.declare_alone(dimensions, Some(&mut *listening)).await?;
        }
        listening.lock_shared(SERVING).await?;
        if !is_same {
            listening.unlock(SERVING).await?;
        }
        Ok(())
    }

    /// Listens again after the connection was lost; waits while another server counts by other dimensions.
    pub async fn listen(&self) -> Result<Option<Listening>, StoreError> {
        let Self::Postgres(postgres) = self else { return Ok(None) };
        let opening = Listening::open(postgres);
        let mut listening = postgres.answered_within(super::postgres::PATIENCE, opening).await?;
        listening.lock_shared(SERVING).await?;
        Ok(Some(listening))
    }

    /// Takes note of the number of the last change, as the database says, of whoever made it.
    pub fn heard_of(&self, number: u64) {
        if let Self::Postgres(postgres) = self {
            postgres.hearing.heard_of(number);
        }
    }

    /// Whether a change with this number, of which somebody says that it was made, was not heard of.
    pub fn is_news(&self, number: u64) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(postgres) => postgres.hearing.is_news(number),
        }
    }

    /// What others do is heard: the database was asked at this instant and has answered.
    pub fn hears(&self, asked: Instant) {
        if let Self::Postgres(postgres) = self {
            postgres.hearing.trust(asked);
        }
    }

    /// What others do may go unheard.
    pub fn hears_nothing(&self) {
        if let Self::Postgres(postgres) = self {
            postgres.hearing.distrust();
            postgres.leads.store(false, Ordering::SeqCst);
        }
    }

    /// Whether this server is the one that does what must not be done by several at once.
    pub fn leads(&self) -> bool {
        match self {
            Self::Sqlite(_) => true,
            Self::Postgres(postgres) => postgres.leads.load(Ordering::SeqCst),
        }
    }

    /// Says that it is, after [`Listening::try_to_lead`].
    pub fn lead(&self) {
        if let Self::Postgres(postgres) = self {
            postgres.leads.store(true, Ordering::SeqCst);
        }
    }

    /// A connection to tell others by; `None`: there are none.
    pub async fn telling(&self) -> Result<Option<Telling>, StoreError> {
        let Self::Postgres(postgres) = self else { return Ok(None) };
        // A message needs no sync: what it says is on disk already.
        let options = postgres.options().clone().options([("synchronous_commit", "off")]);
        Ok(Some(Telling(PgConnection::connect_with(&options).await?)))
    }
}

impl Listening {
    async fn open(postgres: &PostgresStore) -> Result<Self, StoreError> {
        // Locks are waited for as long as another server counts.
        let options: PgConnectOptions = postgres.options().clone().options([("lock_timeout", "0")]);
        let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let pool = pool.acquire_timeout(super::postgres::PATIENCE).connect_with(options).await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        // A connection of its own making would hold none of the locks.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(Self { pool, listener })
    }

    /// The next message; `None`: the connection is lost. Nothing is lost when the wait is given up.
    pub async fn next(&mut self) -> Result<Option<Told>, StoreError> {
        loop {
            let Some(message) = self.listener.try_recv().await? else { return Ok(None) };
            if let Some(told) = Told::parse(message.payload()) {
                return Ok(Some(told));
            }
            tracing::warn!(message = message.payload(), "a message of nobody we know");
        }
    }

    /// Where the database and these accounts are.
    pub async fn look(&mut self, accounts: &[i64]) -> Result<Look, StoreError> {
        let rows: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT 0::BIGINT, number FROM epoch UNION ALL SELECT account, seq FROM wallets WHERE account = ANY($1)",
        )
        .bind(accounts)
        .fetch_all(&mut self.listener)
        .await?;
        let mut look = Look { epoch: 0, seqs: HashMap::new() };
        for (no, number) in rows {
            match no {
                0 => look.epoch = number.cast_unsigned(),
                no => drop(look.seqs.insert(no, number.cast_unsigned())),
            }
        }
        Ok(look)
    }

    /// Whether this server is the one that leads, from now until the connection ends.
    pub async fn try_to_lead(&mut self) -> Result<bool, StoreError> {
        self.try_lock(LEADING).await
    }

    /// Fails when this connection no longer keeps all others from posting: it was cut, and others may have come meanwhile.
    pub(super) async fn still_alone(&mut self) -> Result<(), StoreError> {
        let held = "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory' \
            AND mode = 'ExclusiveLock' AND granted AND (classid::BIGINT << 32 | objid::BIGINT) = $1)";
        let is_alone = self.ask(held, SERVING).await?;
        if is_alone { Ok(()) } else { Err(StoreError::Lost("others may have begun to serve")) }
    }

    /// Lets go of everything.
    pub async fn close(self) {
        let Self { pool, listener } = self;
        drop(listener);
        pool.close().await;
    }

    async fn lock(&mut self, key: i64) -> Result<(), StoreError> {
        self.ask("SELECT pg_advisory_lock($1) IS NOT NULL", key).await.map(drop)
    }

    async fn lock_shared(&mut self, key: i64) -> Result<(), StoreError> {
        self.ask("SELECT pg_advisory_lock_shared($1) IS NOT NULL", key).await.map(drop)
    }

    async fn try_lock(&mut self, key: i64) -> Result<bool, StoreError> {
        self.ask("SELECT pg_try_advisory_lock($1)", key).await
    }

    async fn unlock(&mut self, key: i64) -> Result<(), StoreError> {
        self.ask("SELECT pg_advisory_unlock($1)", key).await.map(drop)
    }

    async fn ask(&mut self, question: &'static str, key: i64) -> Result<bool, StoreError> {
        let (answer,): (bool,) = sqlx::query_as(question).bind(key).fetch_one(&mut self.listener).await?;
        Ok(answer)
    }
}

impl Telling {
    /// Tells all servers which accounts have moved, and up to which `seq`.
    pub async fn tell(&mut self, moved: impl IntoIterator<Item = (i64, u64)>) -> Result<(), StoreError> {
        self.say(messages(MOVED, moved)).await
    }

    /// Tells all servers how many requests this one has counted.
    pub async fn tell_counts(&mut self, counted: Counted) -> Result<(), StoreError> {
        let Counted { minute, node, counts } = counted;
        self.say(messages(&format!("{COUNTED}{minute} {node} "), counts)).await
    }

    async fn say(&mut self, messages: Vec<String>) -> Result<(), StoreError> {
        sqlx::query("SELECT count(pg_notify($1, message)) FROM unnest($2::TEXT[]) AS message")
            .bind(CHANNEL)
            .bind(messages)
            .execute(&mut self.0)
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::rates::Subject;

    #[test]
    fn messages_are_short_and_read_back_whole() {
        let moved: Vec<(i64, u64)> = (1..=2_000_i64).map(|no| (no, u64::MAX - no.unsigned_abs())).collect();
        let messages = messages(MOVED, moved.clone());
        assert!(messages.len() > 1);
        let mut heard = vec![];
        for message in &messages {
            assert!(message.len() < LONGEST, "{}", message.len());
            let Some(Told::Moved(pairs)) = Told::parse(message) else { panic!("{message}") };
            heard.extend(pairs);
        }
        assert_eq!(heard, moved);
    }

    #[test]
    fn what_was_counted_is_read_back_whole() {
        let counts = (1..=2_000_i64).map(|no| (Subject::Account(no), u32::MAX)).collect();
        let counted = Counted { minute: 29_934_720, node: u64::MAX, counts };
        let Counted { minute, node, counts } = counted.clone();
        let mut heard = vec![];
        for message in messages(&format!("{COUNTED}{minute} {node} "), counts) {
            assert!(message.len() < LONGEST, "{}", message.len());
            let Some(Told::Counted(part)) = Told::parse(&message) else { panic!("{message}") };
            assert_eq!((part.minute, part.node), (minute, node));
            heard.extend(part.counts);
        }
        assert_eq!(heard, counted.counts);
    }

    #[test]
    fn other_peoples_messages_mean_nothing() {
        assert_eq!(Told::parse("epoch 17"), Some(Told::Changed(17)));
        for text in ["counted", "counted 1 2", "counted 1 2 ", "counted 1 x 7:1", "counted 1 2 7:-1"] {
            assert_eq!(Told::parse(text), None, "{text}");
        }
        for text in ["", "epoch", "epoch x", "moved ", "moved 1", "moved 1:2,", "moved 1:x", "hello"] {
            assert_eq!(Told::parse(text), None, "{text}");
        }
    }
}
