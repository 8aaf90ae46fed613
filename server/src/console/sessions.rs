//! Where a user is signed in, and how they end that from afar.

use app::backend::Viewer;
use app::backend::security::{AccessView, MomentView, SessionView};
use ledger::{Timestamp, UserId};

use super::access_log::words;
use super::labels::{at_label, exact_label, zone_of};
use super::{Console, Error};
use crate::auth::sessions::{idle_since, public_id};
use crate::calendar::Zone;
use crate::store::{Access, AccessRow, ListedSession, SessionRow};

/// Rows of the access log on a page of it.
pub const LOGGED: u32 = 50;
/// Rows of it beside other things.
pub const LOGGED_BESIDE: u32 = 5;

/// Whether somebody has signed themselves out with a session that they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Other,
    Own,
}

impl Console {
    /// Writes when and from where sessions were last used. What can't be written is noted again with their next use.
    pub async fn write_seen_sessions(&self) {
        let seen = self.seen.take();
        if seen.is_empty() {
            return;
        }
        if let Err(error) = self.store.touch_sessions(&seen).await {
            tracing::warn!(%error, "the last use of sessions was not noted");
        }
    }

    /// Ends one of a user's sessions, and its streams.
    ///
    /// Errors: it is none of theirs, or over (404).
    pub async fn end_session_of(&self, session: &SessionRow, id: &str) -> Result<Ended, Error> {
        let all = self.sessions_of(session.user.id).await?;
        let meant = all.into_iter().find(|listed| public_id(listed.token_hash) == id);
        let meant = meant.ok_or_else(Error::not_found)?;
        let is_own = meant.token_hash == session.token_hash;
        self.store.delete_session(meant.token_hash).await?;
        self.live.access_changed(session.user.account_id);
        let access = if is_own { Access::SignedOut } else { Access::SessionEnded };
        self.note_access(session.user.id, access, if is_own { "" } else { &meant.device }).await;
        Ok(if is_own { Ended::Own } else { Ended::Other })
    }

    /// Ends all of a user's sessions but this one, and their streams.
    pub async fn end_other_sessions(&self, session: &SessionRow) -> Result<(), Error> {
        self.store.delete_other_sessions(session.user.id, session.token_hash).await?;
        self.live.access_changed(session.user.account_id);
        self.note_access(session.user.id, Access::OtherSessionsEnded, "").await;
        Ok(())
    }

    /// Where a user is signed in, where they were last first.
    pub async fn sessions_of(&self, user: UserId) -> Result<Vec<ListedSession>, Error> {
        self.write_seen_sessions().await;
        Ok(self.store.list_sessions(user, self.clock.now(), idle_since(self)).await?)
    }

    /// Where somebody is signed in, this session first.
    pub async fn sessions_view(
        &self,
        viewer: &Viewer,
        session: &SessionRow,
    ) -> Result<Vec<SessionView>, Error> {
        let (zone, now) = (zone_of(viewer), self.clock.now());
        let mut all = self.sessions_of(session.user.id).await?;
        // Those used last stay first among the others.
        all.sort_by_key(|listed| listed.token_hash != session.token_hash);
        let view = |listed: ListedSession| SessionView {
            id: public_id(listed.token_hash),
            device: device_label(listed.device),
            address: listed.address.unwrap_or_default(),
            since: moment(&zone, now, listed.created_at),
            last_seen: moment(&zone, now, listed.last_seen_at),
            is_this: listed.token_hash == session.token_hash,
        };
        Ok(all.into_iter().map(view).collect())
    }

    /// What was done to the viewer's account, the newest first, and from which row on there is more.
    pub async fn accesses_view(
        &self,
        viewer: &Viewer,
        before: Option<i64>,
        limit: u32,
    ) -> Result<(Vec<AccessView>, Option<i64>), Error> {
        let (zone, now) = (zone_of(viewer), self.clock.now());
        let mut rows = self.list_accesses(viewer.user_id, before, limit.saturating_add(1)).await?;
        let shown = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > shown;
        rows.truncate(shown);
        let next = rows.last().filter(|_| has_more).map(|row| row.no);
        let view = |row: AccessRow| AccessView {
            what: words(row.access, &row.about),
            at: moment(&zone, now, row.at),
            address: row.address.unwrap_or_default(),
            device: row.device,
            is_warning: matches!(row.access, Access::SignInFailed | Access::CodeRefused),
        };
        Ok((rows.into_iter().map(view).collect(), next))
    }
}

fn device_label(device: String) -> String {
    if device.is_empty() { "Unknown device".to_owned() } else { device }
}

fn moment(zone: &Zone, now: Timestamp, at: Timestamp) -> MomentView {
    MomentView { label: at_label(zone, now, at), exact: exact_label(zone, at) }
}
