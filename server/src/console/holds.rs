//! Holds and corrections, as the platform's services ask for them.

use ledger::entry::Entry;
use ledger::event::EventKey;
use ledger::{EventId, HoldId, KeyId, Quantity};

use super::receipt::Page;
use super::{Console, Error, Reasons};
use crate::sequencer::job::{
    Charged, Closing, Corrected, Correction, Held, HoldRequest, Refusal, Released, Settlement,
};
use crate::store::{HoldFilter, HoldRow};

/// A hold that is in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownHold {
    pub id: HoldId,
    account_no: i64,
    entry: Entry,
}

impl KnownHold {
    pub fn source(&self) -> &str {
        self.entry.event.as_ref().map_or("", |event| &event.source)
    }
}

/// A correction as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrectionForm {
    pub event: EventKey,
    pub id: String,
    pub quantity: Quantity,
    pub reason: String,
}

/// Part of a list of holds, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldsPage {
    pub holds: Vec<HoldRow>,
    /// Of the whole list; not said for a cursor.
    pub total: Option<u64>,
    pub has_more: bool,
}

impl Console {
    /// Reserves credits; on disk when this returns.
    pub async fn hold(&self, request: HoldRequest) -> Result<Held, Error> {
        let payer = request.payer.clone();
        let held = self.sequencer.hold(request).await?.map_err(of_holds)?;
        self.note_use(&payer).await;
        Ok(held)
    }

    /// Errors: no such hold (404).
    pub async fn find_hold(&self, id: HoldId) -> Result<KnownHold, Error> {
        let found = self.store.find_hold(id).await?;
        let (account_no, row) = found.ok_or(Error::from(Refusal::UnknownHold))?;
        Ok(KnownHold { id, account_no, entry: row.entry })
    }

    /// Makes an event of a hold.
    pub async fn settle(
        &self,
        hold: &KnownHold,
        service_key: KeyId,
        quantity: Quantity,
        allow_over: bool,
    ) -> Result<Charged, Error> {
        let before = self.month_before(hold.account_no, &hold.entry).await?;
        let settlement = Settlement { quantity, allow_over, before };
        let closing = Closing { hold: hold.id, service_key };
        self.sequencer.settle(closing, settlement).await?.map_err(of_settlements)
    }

    /// Gives a hold back.
    pub async fn release(&self, hold: &KnownHold, service_key: KeyId) -> Result<Released, Error> {
        let closing = Closing { hold: hold.id, service_key };
        self.sequencer.release(closing).await?.map_err(Error::from)
    }

    /// Gives an event a smaller quantity. Errors: no such event (404), a hold that is no event yet (409).
    pub async fn correct(&self, form: CorrectionForm, service_key: KeyId) -> Result<Corrected, Error> {
        let CorrectionForm { event, id, quantity, reason } = form;
        let (account_no, first) = self.find_named(&event).await?;
        let before = self.month_before(account_no, &first).await?;
        let correction = Correction { event, id, quantity, reason, service_key, before };
        self.sequencer.correct(correction).await?.map_err(of_corrections)
    }

    /// Leg 0 of the event of this name, whoever paid for it.
    async fn find_named(&self, key: &EventKey) -> Result<(i64, Entry), Error> {
        let found = self.store.find_named(key).await?;
        let (account_no, first) = found.ok_or_else(|| Error::NotFound {
            details: Reasons::from([("id".into(), "is no event of this source".into())]),
        })?;
        if first.deadline.is_none() {
            return Ok((account_no, first));
        }
        let closed_by = self.store.revising_entries(account_no, first.seq).await?.into_iter().next();
        closed_by.filter(|act| act.begun_event().is_some()).map(|event| (account_no, event)).ok_or(
            Error::Conflict {
                message: "This id names a hold that has not become an event: settle or release the hold instead.",
                fields: vec!["id"],
            },
        )
    }

    /// What had been used in the month before the hold or event that `entry` begins; zero where its price doesn't ask.
    async fn month_before(&self, account_no: i64, entry: &Entry) -> Result<Quantity, Error> {
        let Some(event) = &entry.event else { return Ok(Quantity::ZERO) };
        let cards = self.store.rate_cards().await?;
        let Some(card) = cards.version(event.price_version) else { return Ok(Quantity::ZERO) };
        self.used_before(account_no, entry, card).await
    }

    /// A page of holds, the newest first. A cursor is a [`HoldRow::no`].
    pub async fn list_holds(&self, filter: HoldFilter, page: Page, limit: u32) -> Result<HoldsPage, Error> {
        let (before, offset, total) = match page {
            Page::Before(no) => (no, 0, None),
            Page::Offset(offset) => (u64::MAX, offset, Some(self.store.count_holds(&filter).await?)),
        };
        // One more tells whether there is a next page.
        let mut holds = self.store.list_holds(&filter, before, limit.saturating_add(1), offset).await?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = holds.len() > wanted;
        holds.truncate(wanted);
        Ok(HoldsPage { holds, total, has_more })
    }
}

/// The event that came of a hold.
pub fn event_of(hold: &HoldRow) -> Option<EventId> {
    let act = hold.closed_by.as_ref()?;
    act.begun_event().map(|_| EventId { account: hold.account, seq: act.seq })
}

fn of_holds(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Conflict { fields } if fields == ["id"] => Error::Conflict {
            message: "An event with this source and id was charged. Use a new id for a new hold.",
            fields,
        },
        Refusal::Conflict { fields } => Error::Conflict {
            message: "A hold with this source and id was made with other content. Use a new id for a new hold.",
            fields,
        },
        refusal => refusal.into(),
    }
}

fn of_settlements(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Conflict { fields } => {
            Error::Conflict { message: "This hold has been settled with another quantity.", fields }
        }
        refusal => refusal.into(),
    }
}

fn of_corrections(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Conflict { fields } => Error::Conflict {
            message: "This event has a correction of this id with other content. Use a new id for a new correction.",
            fields,
        },
        refusal => refusal.into(),
    }
}
