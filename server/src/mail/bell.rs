//! Tells the sender that something was written.

use tokio::sync::Notify;

/// Wakes the sender.
#[derive(Debug, Default)]
pub struct Bell(Notify);

impl Bell {
    /// Whoever waits, or waits next, is woken.
    pub fn ring(&self) {
        self.0.notify_one();
    }

    /// Ends when it was rung since the last time that anybody heard it.
    pub async fn heard(&self) {
        self.0.notified().await;
    }
}
