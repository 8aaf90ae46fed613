//! Who may take all their data along, and how often.

use std::sync::Arc;

use ledger::time::SECOND;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Console, Error};
use crate::auth::recent::Recent;
use crate::auth::throttle::Allowance;
use crate::store::Access;

/// Archives of one account within an hour.
const AN_HOUR: usize = 5;
/// Archives that are written at once: each has a thread.
const AT_ONCE: usize = 4;

/// Archives that are being written, and that were.
#[derive(Debug)]
pub struct Exports {
    running: Arc<Semaphore>,
    hourly: Allowance<i64>,
}

impl Default for Exports {
    fn default() -> Self {
        Self { running: Arc::new(Semaphore::new(AT_ONCE)), hourly: Allowance::new(AN_HOUR, 3_600 * SECOND) }
    }
}

impl Console {
    /// Lets somebody take their data along; their turn lasts until it is dropped.
    ///
    /// Errors: too many in this hour (429), too many at once (503).
    pub async fn begin_export(&self, recent: &Recent) -> Result<OwnedSemaphorePermit, Error> {
        let user = recent.user();
        let turn = Arc::clone(&self.exports.running).try_acquire_owned();
        let turn = turn.map_err(|_| Error::Unavailable { retry_after_s: 10 })?;
        let too_many = |retry_after_s| Error::RateLimited { retry_after_s };
        self.exports.hourly.take(user.account_no, self.clock.now()).map_err(too_many)?;
        self.note_access(user.id, Access::Exported, "").await;
        Ok(turn)
    }
}
