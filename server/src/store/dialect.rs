//! The few statements that take a list in one parameter, which the drivers unpack in different ways. All others have one text.

use sqlx::{PgConnection, SqliteConnection};

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
