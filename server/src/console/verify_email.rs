//! Following a verification link, and the credits that it brings.

use ledger::grant::{DEFAULT_PRIORITY, GrantFacts, GrantKind};
use ledger::time::DAY;
use ledger::{AccountId, UserId};

use super::links::{LinkError, REMEMBERED};
use super::{Console, Error};
use crate::auth::tokens::hash;
use crate::sequencer::job::{GrantRefusal, NewGrant};
use crate::store::{LinkKind, Redemption, StoreError, UserRow};

/// In the books, what says that an account has had them.
const SOURCE: &str = "sign_up";
/// Users whose credits are looked for at a time, and claims that are forgotten at a time.
const STEP: u32 = 100;

impl Console {
    /// The e-mail is theirs. Other sessions and links of that user end, and so do all other claims to the e-mail; the
    /// session that asks (`session_token`) goes on when it is theirs. Then the credits for signing up.
    pub async fn verify_email(&self, token: &str, session_token: Option<&str>) -> Result<UserRow, LinkError> {
        let link = self.get_link(LinkKind::VerifyEmail, token).await?;
        let redemption = Redemption {
            token_hash: hash(token),
            kind: LinkKind::VerifyEmail,
            now: self.clock.now(),
            password_hash: None,
            kept_session: session_token.map(hash),
            mail: None,
        };
        self.redeem(&redemption, &link.user).await?;
        Ok(link.user)
    }

    pub(super) async fn redeem(&self, redemption: &Redemption, user: &UserRow) -> Result<(), LinkError> {
        match self.store.redeem_link(redemption).await {
            Ok(Some(_)) => {}
            // Somebody was faster, with this link or another one.
            Ok(None) => return Err(LinkError::Used { is_verified: true }),
            Err(error) if error.violated_unique().as_deref() == Some("users.email") => {
                return Err(LinkError::Taken);
            }
            Err(error) => return Err(Error::from(error).into()),
        }
        // They are owed from that transaction on, so a failure here is put right by the job.
        if let Err(error) = self.give_sign_up_credits(user.id, user.account_id).await {
            tracing::warn!(%error, user = %user.id, "the credits for signing up have to wait");
        }
        Ok(())
    }

    /// Gives everybody what they are owed for signing up; what a crash or a full queue has left undone.
    pub async fn give_due_credits(&self) -> Result<(), Error> {
        for (user, account) in self.store.list_credits_due(STEP).await? {
            self.give_sign_up_credits(user, account).await?;
        }
        Ok(())
    }

    /// The free credits of a verified user, once however often this is called: the books remember who has had them.
    pub(super) async fn give_sign_up_credits(&self, user: UserId, account: AccountId) -> Result<(), Error> {
        let amount = self.config.sign_up_credits;
        if !amount.is_zero() {
            let now = self.clock.now();
            let facts = GrantFacts {
                kind: GrantKind::Free,
                priority: DEFAULT_PRIORITY,
                effective_at: now,
                expires_at: Some(now.saturating_add(i64::from(self.config.sign_up_credits_days) * DAY)),
                source: SOURCE.to_owned(),
                reason: "Credits for signing up".to_owned(),
            };
            match self.sequencer.issue_once(account, NewGrant { amount, facts }).await? {
                Ok(_) | Err(GrantRefusal::GivenBefore) => {}
                Err(refusal) => return Err(refusal.into()),
            }
        }
        self.store.note_credits_given(user).await?;
        Ok(())
    }

    /// Forgets links and claims that are long over.
    pub async fn forget_old_sign_ups(&self) -> Result<(), StoreError> {
        let before = self.clock.now().saturating_add(-REMEMBERED);
        let links = self.store.delete_links(before).await?;
        let claims = self.store.delete_old_claims(before, STEP).await?;
        tracing::debug!(links, claims, "forgot old links and claims");
        Ok(())
    }
}
