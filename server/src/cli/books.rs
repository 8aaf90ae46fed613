//! The books, opened by this process: the store, the one writer, and the use cases on top.

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::clock::{SharedClock, SystemClock};
use crate::config::Config;
use crate::console::Console;
use crate::live::LiveBus;
use crate::random::{SharedRandom, SystemRandom};
use crate::sequencer::Sequencer;
use crate::store::{OpenError, Store};

/// Open books. [`Books::close`] ends them in order.
#[derive(Debug)]
pub struct Books {
    pub console: Console,
    /// Ends once all that waited is committed and answered.
    pub writer: JoinHandle<()>,
}

impl Books {
    /// Takes the lock of the store and brings it up to date.
    pub async fn open_store(config: &Config) -> Result<Store, OpenError> {
        if let Some(file) = config.database_file()
            && !file.exists()
        {
            tracing::info!(file = %file.display(), "making a new database");
        }
        Store::open(&config.database_url, &SystemClock).await
    }

    /// Starts the writer on a store.
    pub fn start(config: Config, store: Store) -> Self {
        Self::start_with(config, store, Arc::new(SystemClock), Arc::new(SystemRandom))
    }

    /// By another clock than the machine's.
    pub fn start_with(config: Config, store: Store, clock: SharedClock, random: SharedRandom) -> Self {
        let live = if store.is_shared() { LiveBus::shared() } else { LiveBus::default() };
        let (store, live) = (Arc::new(store), Arc::new(live));
        let (sequencer, writer) =
            Sequencer::start(Arc::clone(&store), Arc::clone(&live), clock.clone(), config.queue_capacity);
        let console = Console::new(Arc::new(config), store, sequencer, live, clock, random);
        Self { console, writer }
    }

    /// Answers what waits, then closes the file.
    pub async fn close(self) {
        self.console.sequencer.stop();
        if let Err(error) = self.writer.await {
            tracing::error!(%error, "the writer ended badly; the store recovers when it is opened next");
        }
        self.console.store.close().await;
    }
}
