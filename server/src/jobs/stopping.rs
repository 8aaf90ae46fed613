//! The signal that ends everything that runs beside the requests.

use tokio::sync::watch;

/// Gives the signal; dropping it does so too.
#[derive(Debug)]
pub struct Stop(watch::Sender<bool>);

/// Hears the signal. Each part of the server has its own.
#[derive(Debug, Clone)]
pub struct Stopping(watch::Receiver<bool>);

/// A signal and who hears it.
pub fn signal() -> (Stop, Stopping) {
    let (stop, stopping) = watch::channel(false);
    (Stop(stop), Stopping(stopping))
}

impl Stop {
    pub fn now(&self) {
        self.0.send_replace(true);
    }
}

impl Stopping {
    /// Whether the signal was given.
    pub fn is_given(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Ends when the signal was given, now or earlier.
    pub async fn wait(&mut self) {
        // An error means that the giver is gone, which is the signal as well.
        let _ = self.0.wait_for(|stopping| *stopping).await;
    }
}
