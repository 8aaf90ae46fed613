//! Takes what customers find wrong with a charge, and lists it for the operator.

use app::backend::Viewer;
use app::backend::receipt::LONGEST_REPORT;
use ledger::EventId;

use super::{Console, Error};
use crate::store::{NewProblemReport, ProblemReportRow};

/// Reports an account may send in an hour.
pub(crate) const REPORTS_AN_HOUR: usize = 20;
/// The newest reports that the operator is shown.
const LISTED: u32 = 1_000;

/// Why a report was not taken. `Display` is shown above the form.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("Please write what is wrong.")]
    Empty,
    #[error("Please keep it within {LONGEST_REPORT} characters; these are {0}.")]
    TooLong(usize),
    #[error("Please write plain text: there is a character in it that can't be shown.")]
    Unreadable,
    #[error("That were many reports. Please try again in {} minutes.", retry_after_s.div_ceil(60))]
    TooMany { retry_after_s: u64 },
    /// No such event of this account, or our fault.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl Console {
    /// Keeps a report about an event of the viewer's account. Sending the same again changes nothing.
    pub async fn report_problem(
        &self,
        viewer: &Viewer,
        event_id: &str,
        text: &str,
    ) -> Result<(), ReportError> {
        let event: EventId = event_id.parse().map_err(|_| Error::not_found())?;
        let account_no = self.account_no(viewer.account_id).await?;
        // Only what has a receipt can be reported.
        self.receipt(account_no, viewer.account_id, event).await?;
        let text = readable(text)?;
        let now = self.clock.now();
        let too_many = |retry_after_s| ReportError::TooMany { retry_after_s };
        self.reports.take(account_no, now).map_err(too_many)?;
        let report =
            NewProblemReport { account_no, seq: event.seq, user_id: viewer.user_id, text, created_at: now };
        self.store.insert_problem_report(&report).await.map_err(Error::from)?;
        Ok(())
    }

    /// The newest reports of all accounts.
    pub async fn list_problem_reports(&self) -> Result<Vec<ProblemReportRow>, Error> {
        Ok(self.store.list_problem_reports(LISTED).await?)
    }
}

/// Lines as the form sends them, without what would move the cursor of a terminal.
fn readable(text: &str) -> Result<String, ReportError> {
    let text = text.replace("\r\n", "\n");
    let text = text.trim();
    let count = text.chars().count();
    if count == 0 {
        Err(ReportError::Empty)
    } else if count > LONGEST_REPORT {
        Err(ReportError::TooLong(count))
    } else if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        Err(ReportError::Unreadable)
    } else {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_one_to_two_thousand_characters_of_text() {
        assert_eq!(readable(" too\r\nmuch ").unwrap(), "too\nmuch");
        assert!(readable(&"é".repeat(2_000)).is_ok());
        let problem = |text: &str| readable(text).unwrap_err().to_string();
        assert_eq!(problem(" \r\n "), "Please write what is wrong.");
        assert_eq!(problem(&"é".repeat(2_001)), "Please keep it within 2000 characters; these are 2001.");
        assert!(problem("\u{1b}[2J").starts_with("Please write plain text"));
    }
}
