//! Several servers on one database, of which each can die at any instruction. They hear of each other over one channel of
//! the database; what is lost on it is found by looking, so that nothing but time hangs on a message.
//!
//! | module | does |
//! |---|---|
//! | `hearing` | listens, looks where the database is, and says whether what is cached still counts |
//! | `telling` | tells others which accounts have moved, after the commit and beside it, and how many requests came in |
//! | `relay` | reads from the books what others have added to the accounts that are listened to here |

mod hearing;
mod relay;
mod telling;

use tokio::task::JoinSet;

use crate::console::Console;
use crate::jobs::Stopping;
use crate::store::Listening;

/// Starts to hear and to be heard. Ends with the signal.
pub fn start(console: &Console, listening: Listening, stopping: &Stopping) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(hearing::run(console.clone(), listening, stopping.clone()));
    tasks.spawn(telling::run(console.clone(), stopping.clone()));
    tasks.spawn(relay::run(console.clone(), stopping.clone()));
    tasks
}
