//! The periods that have begun since somebody looked.

use super::subscription::{Beginning, Current, Next, Refusal, Step, Subscription};
use super::{OfferId, Plan, Plans};
use crate::day::Zone;
use crate::time::Timestamp;

/// What has fallen due up to an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewed {
    pub after: Subscription,
    /// What is to be carried out, the earliest first.
    pub steps: Vec<Step>,
    /// Numbers of periods that were over, and their credits expired, before anybody looked. They have no step: nobody pays for
    /// what could never be used.
    pub missed: Vec<u32>,
    /// The plan that has ended because it wasn't paid for; nobody waits for its open invoices any more.
    pub lapsed: Option<OfferId>,
}

impl Subscription {
    /// Begins every period that is due by `now`, one after the other, each when the one before it ended; so it makes no
    /// difference when and how often somebody calls it. What is unpaid lapses when its days of
    /// grace, or its period, are over: then the default plan takes its place, or none.
    ///
    /// Errors: [`Refusal::UnknownPlan`] where a plan that goes on, or follows, is no longer among the plans.
    pub fn renew(&self, plans: &Plans, zone: &dyn Zone, now: Timestamp) -> Result<Renewed, Refusal> {
        let mut done = Renewed { after: self.clone(), steps: vec![], missed: vec![], lapsed: None };
        while let Some(current) = done.after.current.clone() {
            match current.lapses_at(plans) {
                Some(lapses_at) if lapses_at <= now => {
                    done.lapsed = Some(current.plan.clone());
                    let from = Beginning::today(zone, lapses_at);
                    done.follow(plans.default_plan(), zone, from, now);
                }
                None if current.period.ends_at <= now => {
                    let next = following(&current, plans)?;
                    done.follow(next, zone, after(&current), now);
                }
                _ => break,
            }
        }
        Ok(done)
    }
}

impl Renewed {
    fn follow(&mut self, next: Option<&Plan>, zone: &dyn Zone, from: Beginning, now: Timestamp) {
        let Some(plan) = next else {
            self.after.current = None;
            return;
        };
        let (after, step) = self.after.begun(zone, plan, from);
        let is_of_use = after.current.as_ref().is_some_and(|current| current.expires_at(zone, plan) > now);
        self.after = after;
        if is_of_use {
            self.steps.push(step);
        } else {
            self.missed.push(step.period);
        }
    }
}

fn following<'p>(current: &Current, plans: &'p Plans) -> Result<Option<&'p Plan>, Refusal> {
    let named = |id: &OfferId| plans.get(id).map(Some).ok_or_else(|| Refusal::UnknownPlan(id.clone()));
    match &current.next {
        Next::Renew => named(&current.plan),
        Next::Change(plan) => named(plan),
        Next::End => Ok(plans.default_plan()),
    }
}

/// The next period begins where this one ends, and is counted from the same day.
fn after(current: &Current) -> Beginning {
    let period = &current.period;
    Beginning { first: period.end, at: period.ends_at, anchor: current.anchor, months: current.months }
}
