//! What services report, handed to the sequencer.

use ledger::{KeyId, Quantity};

use super::{Console, Error};
use crate::sequencer::job::{Charged, Quoted, Submission};
use crate::store::Payer;

impl Console {
    /// Charges one event; on disk when this returns.
    pub async fn charge_one(&self, submission: Submission) -> Result<Charged, Error> {
        let mut outcomes = self.sequencer.charge(vec![submission]).await?;
        let outcome = outcomes.pop().ok_or_else(|| Error::internal("the sequencer gave no answer"))?;
        Ok(outcome?)
    }

    /// Charges several events, each by itself, and answers in their order; on disk when this returns.
    pub async fn charge(&self, submissions: Vec<Submission>) -> Result<Vec<Result<Charged, Error>>, Error> {
        if submissions.is_empty() {
            return Ok(vec![]);
        }
        let outcomes = self.sequencer.charge(submissions).await?;
        Ok(outcomes.into_iter().map(|outcome| outcome.map_err(Error::from)).collect())
    }

    /// Whether a charge would be accepted now; spends nothing.
    pub async fn check(
        &self,
        service_key: KeyId,
        payer: Payer,
        operation: String,
        quantity: Quantity,
    ) -> Result<Quoted, Error> {
        Ok(self.sequencer.check(service_key, payer, operation, quantity).await??)
    }
}
