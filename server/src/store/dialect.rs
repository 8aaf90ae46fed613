//! The few statements that take a list in one parameter, which the drivers unpack in different ways. All others have one text.

use sqlx::{PgConnection, SqliteConnection};

use super::Store;
use crate::clock::Clock;

/// A statement in the words of each driver.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sql {
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

/// A connection, which knows its driver's words.
pub(super) trait Dialect {
    /// The statement's text for this connection.
    fn text(sql: Sql) -> &'static str;

    fn says(&self, sql: Sql) -> &'static str {
        Self::text(sql)
    }
}

impl Dialect for SqliteConnection {
    fn text(sql: Sql) -> &'static str {
        sql.sqlite
    }
}

impl Dialect for PgConnection {
    fn text(sql: Sql) -> &'static str {
        sql.postgres
    }
}

/// The instant `$1`; when that is NULL the database's own, by which servers whose clocks differ agree. Postgres only.
macro_rules! shared_now {
    () => {
        "coalesce($1, CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT))"
    };
}
pub(super) use shared_now;

impl Store {
    /// The instant to bind where a statement asks for it; `None`: the database knows better what time it is.
    pub(super) fn instant(&self, clock: &dyn Clock) -> Option<i64> {
        let is_known = !self.is_shared() || !clock.is_of_the_machine();
        is_known.then(|| clock.now().micros())
    }
}
