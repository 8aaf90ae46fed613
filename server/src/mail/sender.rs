//! Takes what is due from the outbox, in order, and writes down what became of it.
//!
//! A mail that the server took over is written down as delivered before the next one is sent, and never sent again. A
//! process that dies between the two sends it once more after its next start, under the same Message-ID. Servers that share a
//! database take each mail for themselves first; what one of them took and died with is another's after three minutes.

use ledger::time::SECOND;

use super::smtp::{Connection, SmtpServer, Undelivered};
use crate::config::Config;
use crate::console::Console;
use crate::store::{DueMail, StoreError};

/// From the first failure to the second attempt; doubles each time.
const FIRST_PAUSE: i64 = 30 * SECOND;
/// The longest time between two attempts.
const LONGEST_PAUSE: i64 = 3_600 * SECOND;

/// How long other servers leave a mail alone that this one is sending: longer than a mail server may take for it.
const LEASE: i64 = 180 * SECOND;

/// What a look into the outbox did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    pub delivered: u32,
    pub postponed: u32,
    pub failed: u32,
    /// The server could not be used, so the rest of what is due was left alone.
    pub interrupted: bool,
}

/// Sends mails by the configured server.
pub struct Sender(SmtpServer);

impl Sender {
    /// `None`: no server is configured. Errors: this machine has no certificates to check the server's with.
    pub fn new(config: &Config) -> Result<Option<Self>, lettre::transport::smtp::Error> {
        Ok(SmtpServer::new(config)?.map(Self))
    }

    /// Sends what is due, as long as `goes_on` says so. A failure of the store ends it; nothing is lost then.
    pub async fn send_due(&self, console: &Console, goes_on: impl Fn() -> bool) -> Result<Round, StoreError> {
        let mut round = Round::default();
        let mut connection = None;
        while goes_on() && !round.interrupted {
            let Some(mail) = console.store.take_due_mail(&*console.clock, LEASE).await? else {
                break;
            };
            let outcome = self.send(&mut connection, &mail).await;
            round.count(&outcome);
            write_down(console, &mail, outcome).await?;
        }
        if let Some(connection) = connection {
            connection.quit().await;
        }
        Ok(round)
    }

    async fn send<'a>(
        &'a self,
        connection: &mut Option<Connection<'a>>,
        mail: &DueMail,
    ) -> Result<(), Undelivered> {
        // One that failed is not used again.
        let mut open = match connection.take() {
            Some(open) => open,
            None => self.0.connect().await?,
        };
        open.send(mail).await?;
        *connection = Some(open);
        Ok(())
    }
}

impl Round {
    fn count(&mut self, outcome: &Result<(), Undelivered>) {
        match outcome {
            Ok(()) => self.delivered += 1,
            Err(Undelivered::Server(_)) => {
                self.postponed += 1;
                self.interrupted = true;
            }
            Err(Undelivered::Later(_)) => self.postponed += 1,
            Err(Undelivered::Never(_)) => self.failed += 1,
        }
    }
}

async fn write_down(
    console: &Console,
    mail: &DueMail,
    outcome: Result<(), Undelivered>,
) -> Result<(), StoreError> {
    let now = console.clock.now();
    let DueMail { id, kind, attempts, .. } = mail;
    let is_written = match outcome {
        Ok(()) => {
            tracing::info!(id, kind, attempts = attempts + 1, "a mail was delivered to the mail server");
            console.store.record_mail_delivered(mail, now).await?
        }
        Err(error @ Undelivered::Never(_)) => {
            tracing::warn!(id, kind, %error, "a mail will not be delivered");
            console.store.record_mail_failed(mail, now, &error.to_string()).await?
        }
        Err(error) => {
            tracing::warn!(id, kind, attempts = attempts + 1, %error, "a mail waits and is tried again");
            let pause = pause(*attempts);
            console.store.record_mail_postponed(mail, &*console.clock, pause, &error.to_string()).await?
        }
    };
    if !is_written {
        tracing::warn!(id, kind, "it took so long that the mail was given up, or is another server's by now");
    }
    Ok(())
}

/// From another failure, after `failures` earlier ones, to the next attempt, in microseconds.
fn pause(failures: i64) -> i64 {
    let doublings = u32::try_from(failures).unwrap_or(u32::MAX).min(10);
    FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        let seconds = |failures| pause(failures) / SECOND;
        let pauses: Vec<i64> = (0..9).map(seconds).collect();
        assert_eq!(pauses, [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
        assert_eq!(seconds(i64::MAX), 3_600);
    }
}
