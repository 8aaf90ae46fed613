//! Compares what charts show with the books, a random window at a time.

use crate::calendar::Rfc3339;
use crate::console::Console;
use crate::console::rollup_check::{RollupCheck, RollupMismatch};

/// One check. A mismatch is a fault of ours or of the disk, and never goes away by itself.
pub async fn check(console: Console) {
    let checks = &console.meters.rollup_checks;
    match console.check_rollups().await {
        Ok(RollupCheck::Match) => checks.matched.add(1),
        Ok(RollupCheck::Empty) => checks.empty.add(1),
        Ok(RollupCheck::Mismatch(mismatch)) => {
            checks.mismatched.add(1);
            report(&mismatch);
        }
        Err(error) => {
            checks.failed.add(1);
            tracing::warn!(%error, "rollups could not be checked");
        }
    }
}

fn report(mismatch: &RollupMismatch) {
    let RollupMismatch { account, window, bucket, value, stored, events } = mismatch;
    tracing::error!(
        %account,
        from = %Rfc3339(window.from),
        to = %Rfc3339(window.to),
        bucket = %Rfc3339(bucket.start),
        operation = bucket.operation,
        api_key = ?bucket.api_key,
        ?value,
        ?stored,
        ?events,
        "ROLLUP MISMATCH: charts show something else than the books; `plexe-console verify --account` tells more"
    );
}
