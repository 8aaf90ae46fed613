//! The embedded database as one file that can be carried away and brought back.
//!
//! [`copying`] makes a copy of one moment while others write, [`seal`] makes it say when a byte of it has changed,
//! [`inspection`] tells what a file is before anybody trusts it, and [`restoring`] puts one in the place of another.

mod copying;
mod durable;
mod inspection;
mod restoring;
mod seal;

use std::path::Path;

pub use self::copying::CopyError;
pub(super) use self::copying::keep_before_migration;
pub use self::durable::{folder, publish_new, remove};
pub use self::inspection::{BadFile, Inspected, inspect};
pub(super) use self::restoring::finish;
pub use self::restoring::{RestoreError, Restoring, exists};
pub use self::seal::seal;
use super::DatabaseUrl;

/// There is no file that could be copied or replaced.
#[derive(Debug, thiserror::Error)]
#[error("backup and restore are for the embedded SQLite file; Postgres has pg_dump and pg_restore")]
pub struct NotEmbedded;

/// The file of an embedded database; any other kind of store is backed up by its own tools.
pub fn embedded_file(url: &DatabaseUrl) -> Result<&Path, NotEmbedded> {
    match url {
        DatabaseUrl::Sqlite(path) => Ok(path),
        DatabaseUrl::Postgres(_) => Err(NotEmbedded),
    }
}
