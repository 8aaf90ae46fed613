//! The end of an account: closed at once when its user wants to, kept for a while in case they think better of it, then erased. Ids
//! and amounts stay, since the books never change; whose they were is gone.

use app::backend::Viewer;
use app::backend::leaving::LeavingView;
use ledger::time::DAY;

use super::labels::zone_of;
use super::{Console, Error};
use crate::auth::recent::Recent;
use crate::calendar::Zone;
use crate::mail::Letter;
use crate::store::{Access, AccountStatus, NewClosing, StoreError, UserRow};

/// Accounts that are looked for at a time.
const STEP: u32 = 100;

impl Console {
    /// Closes the account of somebody who has typed its e-mail: keys stop, other devices are signed out, and a letter says until
    /// when it can be kept.
    ///
    /// Errors: another e-mail was typed (422), it is closed already (409).
    pub async fn close_account(&self, recent: &Recent, typed: &str) -> Result<(), Error> {
        let user = recent.user();
        if typed.trim().to_lowercase() != user.email {
            return Err(Error::field("email", "must be the one of this account, to show that you mean it"));
        }
        let now = self.clock.now();
        let closes_at = now.saturating_add(i64::from(self.config.account_life.deletion_grace_days) * DAY);
        let zone: Zone = user.time_zone.parse().unwrap_or_else(|_| Zone::utc());
        let until = zone.format(closes_at, "%-d %B %Y");
        let letter =
            Letter::AccountClosed { name: user.name.clone(), until, sign_in_link: self.link_to("/sign-in") };
        let closing = NewClosing {
            user_id: user.id,
            account_no: user.account_no,
            now,
            closes_at,
            kept_session: recent.session(),
            mail: self.compose_mail(&user.email, &letter),
            access: self.access(user.id, Access::DeletionAsked, ""),
        };
        if !self.store.close_account(&closing).await? {
            return Err(Error::Conflict {
                message: "This account is being deleted already.",
                fields: vec![],
            });
        }
        self.live.access_changed(user.account_id);
        self.mail_written(&closing.mail);
        Ok(())
    }

    /// Keeps an account that was to be deleted; one that is open stays so.
    pub async fn keep_account(&self, user: &UserRow) -> Result<(), Error> {
        let letter = Letter::AccountKept { name: user.name.clone() };
        let mail = self.compose_mail(&user.email, &letter);
        let access = self.access(user.id, Access::DeletionCancelled, "");
        if self.store.reopen_account(user.account_no, &mail, &access).await? {
            self.live.access_changed(user.account_id);
            self.mail_written(&mail);
        }
        Ok(())
    }

    /// Erases the accounts whose time is over.
    pub async fn erase_closed_accounts(&self) -> Result<(), StoreError> {
        for (user, account_no) in self.store.accounts_to_erase(self.clock.now(), STEP).await? {
            if self.store.erase_account(user, account_no, self.clock.now()).await? {
                tracing::info!(%user, "erased a deleted account");
            }
        }
        for account_no in self.store.half_erased_accounts(STEP).await? {
            while !self.store.erase_dimensions(account_no).await? {}
        }
        Ok(())
    }

    /// What the page about the viewer's data says.
    pub async fn leaving_view(&self, viewer: &Viewer, user: &UserRow) -> Result<LeavingView, Error> {
        let closes_at = match user.account_status {
            AccountStatus::Closing => self.store.account_closes_at(user.account_no).await?,
            AccountStatus::Active | AccountStatus::Suspended => None,
        };
        Ok(LeavingView {
            closes: closes_at.map(|at| zone_of(viewer).format(at, "%-d %B %Y")),
            grace_days: self.config.account_life.deletion_grace_days,
        })
    }
}
