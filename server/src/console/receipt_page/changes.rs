//! What came before and after an event, in words: the hold that it was settled from, what was owed, and its corrections.

use std::cmp::Ordering;

use app::backend::receipt::{CorrectionView, Line};
use app::format;
use ledger::receipt::{Corrected, GivenBack, Receipt};
use ledger::{Credits, GrantId, Quantity, Timestamp};

use super::{grant_name, line, title};
use crate::calendar::Zone;
use crate::console::labels::exact_label;
use crate::console::receipt::BookedReceipt;
use crate::console::receipt_arithmetic::arithmetic;

/// What a corrected event was before, as a sentence; empty for others.
pub(super) fn booked(receipt: &Receipt) -> String {
    if receipt.corrections.is_empty() {
        return String::new();
    }
    let before = title(receipt, receipt.event.quantity, receipt.event.credits);
    format!("It has been corrected: at first {before}.")
}

/// Goes on after the quantity that was reported.
pub(super) fn quantity_note(receipt: &Receipt) -> &'static str {
    if receipt.corrections.is_empty() { "" } else { "as it was booked; corrected since" }
}

/// What was held before, and what was owed.
pub(super) fn aside(receipt: &Receipt) -> Vec<String> {
    let held = receipt.hold.map(|hold| {
        let quantity = format::quantity(hold.quantity, &receipt.price.unit);
        let cost = receipt.event.credits;
        let rest = match hold.credits.cmp(&cost) {
            Ordering::Equal => "all of that was used".to_owned(),
            Ordering::Greater => {
                format!(
                    "{} came back when it was settled",
                    format::credits(hold.credits.saturating_sub(cost))
                )
            }
            Ordering::Less => {
                format!(
                    "{} more were needed when it was settled",
                    format::exact(cost.saturating_sub(hold.credits))
                )
            }
        };
        format!("Before, {} were held for {quantity}: {rest}.", format::credits(hold.credits))
    });
    let owed = (!receipt.owed.is_zero()).then(|| {
        format!(
            "{} could not be paid then and became owed; what comes in after that repays it first.",
            format::credits(receipt.owed)
        )
    });
    held.into_iter().chain(owed).collect()
}

/// Each correction with its arithmetic, and where the credits went.
pub(super) fn corrections(booked: &BookedReceipt, zone: &Zone) -> Vec<CorrectionView> {
    let receipt = &booked.receipt;
    let befores = std::iter::once(receipt.event.credits)
        .chain(receipt.corrections.iter().map(|correction| correction.credits));
    let each = receipt.corrections.iter().zip(befores);
    each.map(|(correction, before)| Told { booked, correction, before, zone }.view()).collect()
}

/// One correction, and what the event cost before it.
struct Told<'a> {
    booked: &'a BookedReceipt,
    correction: &'a Corrected,
    before: Credits,
    zone: &'a Zone,
}

impl Told<'_> {
    fn view(&self) -> CorrectionView {
        let Self { correction, before, .. } = *self;
        let unit = &self.booked.receipt.price.unit;
        let back = before.saturating_sub(correction.credits);
        let went = if back.is_zero() { "nothing".to_owned() } else { format::credits(back) };
        let to = if correction.quantity == Quantity::ZERO {
            "Taken back whole".to_owned()
        } else {
            format!("Corrected to {}", format::quantity(correction.quantity, unit))
        };
        let mut lines = vec![line("Why", &correction.reason, &format!("as {}", correction.id))];
        lines.push(line("Booked", &exact_label(self.zone, correction.recorded_at), ""));
        lines.extend(self.arithmetic());
        let given = correction.back.iter().map(|back| self.given(back));
        lines.extend(given);
        lines.push(line("Position", &format!("Entry {}", correction.seq), "the first of this correction"));
        CorrectionView { title: format!("{to}: {went} came back"), lines }
    }

    /// The price of the new quantity; the line with the price itself stands above.
    fn arithmetic(&self) -> Vec<Line> {
        let Self { correction, before, .. } = *self;
        let receipt = &self.booked.receipt;
        let at: Timestamp = receipt.event.event_time(receipt.recorded_at);
        let mut lines = arithmetic(&receipt.price, &correction.quote, "", at);
        lines.remove(0);
        lines.pop();
        let note = if correction.quote.credits > correction.credits {
            format!("{} for less; it costs no more than before", format::credits(correction.quote.credits))
        } else {
            format!("{} before", format::exact(before))
        };
        lines.push(line("Costs now", &format::credits(correction.credits), &note));
        lines
    }

    fn given(&self, back: &GivenBack) -> Line {
        let amount = format::credits(back.credits);
        match back.grant_id {
            None => line("No longer owed", &amount, ""),
            Some(id) => line("Came back", &amount, &format!("to {}", self.name(id))),
        }
    }

    /// Of the grant that paid; else it has repaid what was owed.
    fn name(&self, id: GrantId) -> String {
        let paid = self.booked.receipt.grants.iter().find(|used| used.grant_id == id);
        paid.map_or_else(
            || "a grant that had repaid what was owed".to_owned(),
            |used| grant_name(&used.facts),
        )
    }
}
