//! A receipt in words.

mod changes;

use app::backend::overview::NO_KEY;
use app::backend::receipt::{GrantLine, Line, ReceiptPort, ReceiptView, ReportView};
use app::backend::{ConsoleError, Viewer};
use app::format;
use async_trait::async_trait;
use ledger::grant::GrantFacts;
use ledger::receipt::{BurnReason, GrantUse, Receipt};
use ledger::{Credits, EventId, Quantity, Timestamp};

use super::labels::{exact_label, key_label, zone_of};
use super::receipt::BookedReceipt;
use super::receipt_arithmetic::arithmetic;
use super::{Console, Error};
use crate::calendar::{Rfc3339, Zone};
use crate::store::ProblemReportRow;

#[async_trait]
impl ReceiptPort for Console {
    async fn receipt(&self, viewer: &Viewer, event_id: &str) -> Result<ReceiptView, ConsoleError> {
        Ok(self.read_receipt(viewer, event_id).await?)
    }
}

impl Console {
    async fn read_receipt(&self, viewer: &Viewer, event_id: &str) -> Result<ReceiptView, Error> {
        let event: EventId = event_id.parse().map_err(|_| Error::not_found())?;
        let account_no = self.account_no(viewer.account_id).await?;
        let booked = self.receipt(account_no, viewer.account_id, event).await?;
        let reports = self.store.list_reports_of_event(account_no, event.seq).await?;
        let key = match &booked.receipt.event.api_key {
            Some(id) => {
                self.store.find_api_key(account_no, id).await?.map(|key| (key.name.clone(), key_label(&key)))
            }
            None => None,
        };
        Ok(Words { zone: zone_of(viewer) }.receipt(&booked, key, &reports))
    }
}

/// Says it to one reader.
struct Words {
    zone: Zone,
}

impl Words {
    fn receipt(
        &self,
        booked: &BookedReceipt,
        key: Option<(String, String)>,
        reports: &[ProblemReportRow],
    ) -> ReceiptView {
        let receipt = &booked.receipt;
        ReceiptView {
            event_id: receipt.event_id.to_string(),
            title: title(receipt, receipt.quantity(), receipt.credits()),
            booked: changes::booked(receipt),
            facts: self.facts(booked, key),
            arithmetic: self.arithmetic(booked),
            credits: receipt.credits(),
            grants: self.grants(&receipt.grants),
            aside: changes::aside(receipt),
            balance_before: receipt.balance_before,
            balance_after: receipt.balance_after,
            corrections: changes::corrections(booked, &self.zone),
            chain: chain(receipt),
            reports: reports.iter().map(|report| self.report(report)).collect(),
            refused: None,
        }
    }

    fn facts(&self, booked: &BookedReceipt, key: Option<(String, String)>) -> Vec<Line> {
        let Receipt { event, recorded_at, hold, price, .. } = &booked.receipt;
        let quantity = format::quantity(event.quantity, &price.unit);
        let (key, key_name) = match (key, &event.api_key) {
            (Some((name, label)), _) => (label, name),
            (None, Some(id)) => (id.to_string(), String::new()),
            (None, None) => (NO_KEY.to_owned(), String::new()),
        };
        let mut facts = vec![
            line("Operation", &event.operation, ""),
            line("Quantity", &quantity, changes::quantity_note(&booked.receipt)),
        ];
        let booked_at = exact_label(&self.zone, *recorded_at);
        match event.occurred_at {
            Some(at) => {
                let why = if hold.is_some() { "when it was held for" } else { "as the service said" };
                facts.push(line("Happened", &exact_label(&self.zone, at), why));
                facts.push(line("Booked", &booked_at, ""));
            }
            None => facts.push(line("Booked", &booked_at, "the service gave no time of its own")),
        }
        facts.push(line("API key", &key, &key_name));
        facts.push(line("Reported by", &event.source, &format!("as {}", event.id)));
        let dimensions = booked.dimensions.as_ref().and_then(|pairs| pairs.as_object());
        for (name, value) in dimensions.into_iter().flatten() {
            facts.push(line(name, value.as_str().unwrap_or_default(), ""));
        }
        facts
    }

    fn arithmetic(&self, booked: &BookedReceipt) -> Vec<Line> {
        let BookedReceipt { receipt, card, .. } = booked;
        let since = match card.effective_from.micros() {
            0 => String::new(),
            _ => format!(", in force since {}", self.day(card.effective_from)),
        };
        let version = format!("version {} of the rate card{since}", card.version);
        let at = receipt.event.event_time(receipt.recorded_at);
        arithmetic(&receipt.price, &receipt.quote, &version, at)
    }

    fn grants(&self, grants: &[GrantUse]) -> Vec<GrantLine> {
        let next = grants.iter().skip(1).map(|used| Some(&used.facts)).chain([None]);
        let is_only = grants.len() == 1;
        let grant = |(used, next): (&GrantUse, Option<&GrantFacts>)| GrantLine {
            grant_id: used.grant_id.to_string(),
            name: grant_name(&used.facts),
            expiry: match used.facts.expires_at {
                Some(at) => format!("It expires on {}.", self.day(at)),
                None => "It never expires.".to_owned(),
            },
            why: self.why(used, next, is_only),
            credits: used.credits,
        };
        grants.iter().zip(next).map(grant).collect()
    }

    fn why(&self, used: &GrantUse, next: Option<&GrantFacts>, is_only: bool) -> String {
        let Some((reason, next)) = used.before_next.zip(next) else {
            return if is_only {
                "The first in the burn order with credits left, and they were enough.".to_owned()
            } else {
                "Next in the burn order; it paid the rest.".to_owned()
            };
        };
        let end = |facts: &GrantFacts| facts.expires_at.map_or("never".to_owned(), |at| self.day(at));
        match reason {
            BurnReason::LowerPriority => {
                format!(
                    "Before the next one, as priority {} comes before {}.",
                    used.facts.priority, next.priority
                )
            }
            BurnReason::ExpiresSooner => {
                format!(
                    "Before the next one, as it expires sooner ({}; the next one: {}).",
                    end(&used.facts),
                    end(next)
                )
            }
            BurnReason::KindBurnsFirst => format!(
                "Before the next one, as credits of the kind {} are used before those of the kind {}.",
                format::grant_kind(used.facts.kind.name()).to_lowercase(),
                format::grant_kind(next.kind.name()).to_lowercase(),
            ),
            BurnReason::Older => "Before the next one, as it is older.".to_owned(),
        }
    }

    fn report(&self, report: &ProblemReportRow) -> ReportView {
        ReportView {
            text: report.text.clone(),
            at: Rfc3339(report.created_at).to_string(),
            at_label: exact_label(&self.zone, report.created_at),
        }
    }

    fn day(&self, at: Timestamp) -> String {
        self.zone.format(at, "%-d %B %Y")
    }
}

/// `3 iterations of model.build cost 150 credits`
fn title(receipt: &Receipt, quantity: Quantity, credits: Credits) -> String {
    let quantity = format::quantity(quantity, &receipt.price.unit);
    let cost = if credits.is_zero() { "nothing".to_owned() } else { format::credits(credits) };
    format!("{quantity} of {} cost {cost}", receipt.event.operation)
}

pub(super) fn line(name: &str, value: &str, note: &str) -> Line {
    Line { name: name.to_owned(), value: value.to_owned(), note: note.to_owned() }
}

/// `Promotion: welcome`
pub(super) fn grant_name(facts: &GrantFacts) -> String {
    let kind = format::grant_kind(facts.kind.name());
    if facts.reason.is_empty() { kind.to_owned() } else { format!("{kind}: {}", facts.reason) }
}

fn chain(receipt: &Receipt) -> Vec<Line> {
    let (first, last) = (receipt.event_id.seq, receipt.seq);
    let place = if first == last { format!("Entry {last}") } else { format!("Entries {first} to {last}") };
    let note = if first == last { "" } else { "one for each movement" };
    vec![
        line("Position", &place, note),
        line("Hash", &receipt.hash.to_string(), "of the last entry; it covers all entries before it"),
        line("Event", &receipt.event_id.to_string(), ""),
    ]
}

#[cfg(test)]
mod tests {
    use ledger::grant::GrantKind;

    use super::*;

    fn used(kind: GrantKind, priority: u16, expires_at: Option<i64>, reason: Option<BurnReason>) -> GrantUse {
        let facts = GrantFacts {
            kind,
            priority,
            effective_at: Timestamp::from_micros(0),
            expires_at: expires_at.map(Timestamp::from_micros),
            source: "operator".to_owned(),
            reason: "welcome".to_owned(),
        };
        let account = "acct_01900000000070008000000000000001".parse().unwrap();
        let grant_id = ledger::GrantId { account, seq: 1 };
        GrantUse { grant_id, facts, credits: Credits::whole(1), before_next: reason }
    }

    #[test]
    fn every_reason_of_the_order_is_a_sentence() {
        let words = Words { zone: Zone::utc() };
        let day = 86_400_000_000;
        let why = |first: GrantUse, second: GrantUse| words.grants(&[first, second])[0].why.clone();
        let promo = |reason| used(GrantKind::Promo, 100, Some(day), Some(reason));
        let bought = || used(GrantKind::Purchase, 200, None, None);
        assert!(why(promo(BurnReason::LowerPriority), bought()).contains("priority 100 comes before 200"));
        assert!(
            why(promo(BurnReason::ExpiresSooner), bought()).contains("2 January 1970; the next one: never")
        );
        assert!(why(promo(BurnReason::KindBurnsFirst), bought()).contains("promotion are used before"));
        assert!(why(promo(BurnReason::Older), bought()).contains("older"));
        let both = words.grants(&[promo(BurnReason::Older), bought()]);
        assert_eq!(both[1].why, "Next in the burn order; it paid the rest.");
        assert_eq!(
            (both[0].name.as_str(), both[1].expiry.as_str()),
            ("Promotion: welcome", "It never expires.")
        );
        assert!(words.grants(&[bought()])[0].why.contains("they were enough"));
    }
}
