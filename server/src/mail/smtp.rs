//! Hands messages to the mail server, one connection for those that are due together.
//!
//! What goes wrong before a message is handed over (no connection, no TLS, a wrong password) says nothing about the
//! message: it waits. What the server answers to the message itself counts: 4xx is tried again, 5xx never (RFC 5321,
//! 4.2.1).

use std::time::{Duration, SystemTime};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, Message};
use tokio::time::timeout;

use super::letter::one_line;
use crate::config::{Config, Security, SmtpUrl};
use crate::store::DueMail;

/// A server that says nothing for so long is tried again later.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a message was not taken over.
#[derive(Debug, thiserror::Error)]
pub enum Undelivered {
    /// The server can't be used at the moment; other messages would fare no better.
    #[error("the mail server cannot be used: {0}")]
    Server(String),
    /// The server, or the way to it, failed on this message; it may take it later.
    #[error("not now: {0}")]
    Later(String),
    /// It will never be taken.
    #[error("refused: {0}")]
    Never(String),
}

/// The mail server, checked and ready to be called.
pub struct SmtpServer {
    url: SmtpUrl,
    tls: Option<TlsParameters>,
    hello: ClientId,
    from: Mailbox,
}

/// A connection that takes messages.
pub struct Connection<'a> {
    server: &'a SmtpServer,
    smtp: AsyncSmtpConnection,
}

impl SmtpServer {
    /// `None`: no server is configured. Errors: this machine has no certificates to check the server's with.
    pub fn new(config: &Config) -> Result<Option<Self>, Error> {
        let Some(url) = config.smtp_url.clone() else { return Ok(None) };
        let tls = match url.security {
            Security::Plain => None,
            Security::Tls | Security::StartTls => Some(TlsParameters::new(url.host.clone())?),
        };
        let from = config.mail_from.clone();
        Ok(Some(Self { url, tls, hello: ClientId::Domain(from.email.domain().to_owned()), from }))
    }

    /// Connects, protects the connection as configured, and signs in.
    pub async fn connect(&self) -> Result<Connection<'_>, Undelivered> {
        let connected = timeout(PATIENCE, self.open()).await;
        let smtp = connected.map_err(|_| Undelivered::Server("it does not answer".to_owned()))?;
        Ok(Connection { server: self, smtp: smtp.map_err(|error| Undelivered::Server(said(&error)))? })
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, Error> {
        let SmtpUrl { host, port, security, credentials } = &self.url;
        let wrapper = self.tls.clone().filter(|_| *security == Security::Tls);
        let place = (host.trim_matches(['[', ']']), *port);
        let mut smtp =
            AsyncSmtpConnection::connect_tokio1(place, Some(PATIENCE), &self.hello, wrapper, None).await?;
        if let (Security::StartTls, Some(tls)) = (security, &self.tls) {
            smtp.starttls(tls.clone(), &self.hello).await?;
        }
        if let Some((user, password)) = credentials {
            smtp.auth(DEFAULT_MECHANISMS, &Credentials::new(user.clone(), password.clone())).await?;
        }
        Ok(smtp)
    }

    /// The message of a mail. Sent again it is the same, id included, so that whoever got it twice can tell.
    fn message(&self, mail: &DueMail) -> Result<Message, Undelivered> {
        let impossible = |why: String| Undelivered::Never(why);
        let to: Address = mail.recipient.parse().map_err(|error| impossible(format!("{error}")))?;
        let since_1970 = u64::try_from(mail.created_at().micros()).unwrap_or_default();
        let builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(Some(one_line(&mail.recipient_name)), to))
            .subject(&mail.subject)
            .date(SystemTime::UNIX_EPOCH + Duration::from_micros(since_1970))
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.email.domain())))
            // Out-of-office answers stay away (RFC 3834).
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        let bodies = MultiPart::alternative()
            .boundary(mail.id.clone())
            .singlepart(SinglePart::plain(mail.text_body.clone()))
            .singlepart(SinglePart::html(mail.html_body.clone()));
        builder.multipart(bodies).map_err(|error| impossible(format!("{error}")))
    }
}

impl Connection<'_> {
    /// Hands a mail over; the server has it when this returns without an error.
    pub async fn send(&mut self, mail: &DueMail) -> Result<(), Undelivered> {
        let message = self.server.message(mail)?;
        let bytes = message.formatted();
        let sending = timeout(PATIENCE, self.smtp.send(message.envelope(), &bytes)).await;
        let answer = sending.map_err(|_| Undelivered::Server("it stopped answering".to_owned()))?;
        answer.map(drop).map_err(|error| {
            if error.is_permanent() {
                Undelivered::Never(said(&error))
            } else if error.is_transient() {
                Undelivered::Later(said(&error))
            } else {
                Undelivered::Server(said(&error))
            }
        })
    }

    /// Ends politely; what was handed over stays so.
    pub async fn quit(mut self) {
        // A server that does not say goodbye has its messages all the same.
        let _ = timeout(Duration::from_secs(1), self.smtp.quit()).await;
    }
}

/// An error on one line, as long as the outbox shows.
fn said(error: &Error) -> String {
    one_line(&error.to_string()).chars().take(300).collect()
}
