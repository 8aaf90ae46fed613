//! What became of the rows.

use std::collections::BTreeMap;
use std::fmt;

use ledger::Credits;
use serde::Serialize;

use super::sender::Outcome;

/// `sent = accepted + replayed + rejected`.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub sent: u64,
    pub accepted: u64,
    /// Charged before by an event of the same source and id; these receipts came again.
    pub replayed: u64,
    pub rejected: u64,
    /// Charged for the accepted ones.
    pub credits: Credits,
    /// Of the replayed ones; charged before.
    pub replayed_credits: Credits,
    /// How often each code was the reason of a rejection.
    pub rejections: BTreeMap<String, u64>,
    /// Of the lowest row that was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_rejection: Option<Rejection>,
}

#[derive(Debug, Serialize)]
pub struct Rejection {
    pub row: u64,
    pub message: String,
}

impl Report {
    /// Adds the outcomes of the rows from place `start` (row number less 1) on.
    pub fn count(&mut self, start: usize, outcomes: &[Outcome]) {
        for (place, outcome) in outcomes.iter().enumerate() {
            self.sent += 1;
            match outcome {
                Outcome::Accepted(credits) => {
                    self.accepted += 1;
                    self.credits = self.credits.checked_add(*credits).unwrap_or(Credits::MAX);
                }
                Outcome::Replayed(credits) => {
                    self.replayed += 1;
                    self.replayed_credits =
                        self.replayed_credits.checked_add(*credits).unwrap_or(Credits::MAX);
                }
                Outcome::Rejected { code, message } => {
                    self.rejected += 1;
                    *self.rejections.entry(code.clone()).or_default() += 1;
                    let row = u64::try_from(start + place + 1).unwrap_or_default();
                    if self.first_rejection.as_ref().is_none_or(|first| row < first.row) {
                        self.first_rejection = Some(Rejection { row, message: message.clone() });
                    }
                }
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, accepted, replayed, rejected, credits, replayed_credits, .. } = self;
        writeln!(out, "sent {sent} = accepted {accepted} + replayed {replayed} + rejected {rejected}")?;
        write!(out, "charged {credits} credits")?;
        if *replayed > 0 {
            write!(out, ", the replayed ones had cost {replayed_credits} before")?;
        }
        for (code, count) in &self.rejections {
            write!(out, "\nrejected {count} × {code}")?;
        }
        if let Some(Rejection { row, message }) = &self.first_rejection {
            write!(out, "\nfirst at row {row}: {message}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_counted_once() {
        let mut report = Report::default();
        let rejected = |message: &str| Outcome::Rejected {
            code: "insufficient_credits".to_owned(),
            message: message.to_owned(),
        };
        report.count(2, &[Outcome::Accepted(Credits::whole(2)), rejected("third")]);
        report.count(0, &[Outcome::Replayed(Credits::whole(1)), rejected("first")]);
        assert_eq!(report.sent, report.accepted + report.replayed + report.rejected);
        assert_eq!(
            report.to_string(),
            "sent 4 = accepted 1 + replayed 1 + rejected 2\n\
             charged 2 credits, the replayed ones had cost 1 before\n\
             rejected 2 × insufficient_credits\n\
             first at row 2: first"
        );
        let json = serde_json::to_string(&report).unwrap();
        assert!(
            json.starts_with(r#"{"sent":4,"accepted":1,"replayed":1,"rejected":2,"credits":2,"#),
            "{json}"
        );
    }
}
