//! What services report, handed to the sequencer.

use ledger::{KeyId, Quantity};

use super::{Console, Error};
use crate::sequencer::job::{Busy, Charged, Quoted, Submission};
use crate::store::Payer;

impl Console {
    /// Charges one event; on disk when this returns.
    pub async fn charge_one(&self, submission: Submission) -> Result<Charged, Error> {
        let payer = submission.payer.clone();
        self.must_not_be_crowded(1)?;
        let mut outcomes = self.sequencer.charge(vec![submission]).await?;
        let charged = outcomes.pop().ok_or_else(|| Error::internal("the sequencer gave no answer"))??;
        self.note_use(&payer).await;
        Ok(charged)
    }

    /// Charges several events, each by itself, and answers in their order; on disk when this returns.
    pub async fn charge(&self, submissions: Vec<Submission>) -> Result<Vec<Result<Charged, Error>>, Error> {
        if submissions.is_empty() {
            return Ok(vec![]);
        }
        self.must_not_be_crowded(submissions.len())?;
        let payers: Vec<Payer> = submissions.iter().map(|submission| submission.payer.clone()).collect();
        let outcomes = self.sequencer.charge(submissions).await?;
        for (payer, _) in payers.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()) {
            self.note_use(payer).await;
        }
        Ok(outcomes.into_iter().map(|outcome| outcome.map_err(Error::from)).collect())
    }

    /// Once more, since reading a body takes time: many may have been let in while nobody waited.
    fn must_not_be_crowded(&self, events: usize) -> Result<(), Error> {
        if !self.sequencer.is_crowded() {
            return Ok(());
        }
        self.sequencer.charges().turned_away(events);
        Err(Busy::Full.into())
    }

    /// A key that paid was used. The charge is on disk, whatever becomes of this.
    pub(super) async fn note_use(&self, payer: &Payer) {
        let Payer::ApiKey(hash) = payer else { return };
        match self.keys.note_use(&self.store, *hash, self.clock.now()).await {
            Ok(key) => key.iter().for_each(|key| self.note_key_use(key)),
            Err(error) => tracing::warn!(%error, "the use of a key was not counted"),
        }
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
