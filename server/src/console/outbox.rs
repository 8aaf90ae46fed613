//! From a letter to the outbox, and who may look into it.
//!
//! A change that makes a mail necessary composes it before, writes it inside its own transaction
//! (`store::mails::insert_mail`), and says [`Console::mail_written`] after the commit. A mail alone goes by
//! [`Console::send_mail`].

use super::{Console, Error};
use crate::mail::Letter;
use crate::mail::letter::HOUR;
use crate::random::alphanumeric;
use crate::store::{AuditRecord, NewMail, OutboxRow};

/// Letters and digits of a mail's id.
const ID: usize = 24;
/// Mails that are listed at most.
const LISTED: u32 = 500;

/// The outbox as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbox {
    /// The newest first.
    pub mails: Vec<OutboxRow>,
    /// A mail server is configured; links are not shown then.
    pub smtp: bool,
}

impl Console {
    /// A letter as it is put into the outbox.
    pub fn compose_mail(&self, to: &str, letter: &Letter) -> NewMail {
        let created_at = self.clock.now();
        let written = letter.write();
        // Without a mail server somebody reads the outbox or nobody does: an hour is enough for both.
        let patience = if self.config.smtp_url.is_some() { letter.patience() } else { HOUR };
        NewMail {
            id: format!("mail_{}", alphanumeric(&*self.random, ID)),
            recipient: to.to_lowercase(),
            recipient_name: letter.name().to_owned(),
            kind: letter.kind(),
            subject: written.subject.to_owned(),
            text: written.text,
            html: written.html,
            link: letter.link().map(str::to_owned),
            created_at,
            expires_at: created_at.saturating_add(patience),
        }
    }

    /// A mail is in the outbox for good: sends it soon. Comes after the commit. On a developer's machine without a mail
    /// server the log shows its link; nowhere else does a link reach the log.
    pub fn mail_written(&self, mail: &NewMail) {
        self.bell.ring();
        if self.config.smtp_url.is_some() {
            return;
        }
        match &mail.link {
            Some(link) if self.config.is_development() => {
                tracing::info!(
                    kind = mail.kind,
                    to = mail.recipient,
                    link,
                    "no SMTP_URL is set: open the link by hand"
                );
            }
            _ => tracing::info!(
                id = mail.id,
                kind = mail.kind,
                "no SMTP_URL is set: the mail stays in the outbox"
            ),
        }
    }

    /// Puts a letter into the outbox by itself; on disk when this returns, and on its way soon after.
    pub async fn send_mail(&self, to: &str, letter: &Letter) -> Result<(), Error> {
        let mail = self.compose_mail(to, letter);
        self.store.insert_mail(&mail).await?;
        self.mail_written(&mail);
        Ok(())
    }

    /// The mails that SMTP has not delivered, with their links where no mail server is configured. That `actor` looked
    /// stands in the audit log.
    pub async fn open_outbox(&self, actor: &str, email: Option<&str>) -> Result<Outbox, Error> {
        let now = self.clock.now();
        let email = email.map(|email| email.trim().to_lowercase());
        let subject = email.clone().unwrap_or_default();
        let record = AuditRecord { at: now, actor: actor.to_owned(), action: "outbox.open", subject };
        // What should be gone is not shown, however long the job that erases it has been away.
        self.store.expire_mails(now).await?;
        let mut mails = self.store.open_outbox(email.as_deref(), LISTED, &record).await?;
        let smtp = self.config.smtp_url.is_some();
        if smtp {
            for mail in &mut mails {
                mail.link = None;
            }
        }
        Ok(Outbox { mails, smtp })
    }
}
