//! What plan an account has, and the acts that change it.
//!
//! A [`Subscription`] is the whole state, and survives the end of any plan. Acts return a [`Decision`]: the subscription
//! after them, and what to invoice and to grant. Whoever only wants to show what an act would do drops the decision; whoever
//! acts stores it and carries the steps out in the same transaction. An act is refused while a renewal is due, so that it
//! always sees the period that is; call [`Subscription::renew`] first.

use serde::{Deserialize, Serialize};

use super::proration::{begin_today, prorate};
use super::{Availability, Every, GrantOrder, OfferId, Plan, Plans};
use crate::credits::Credits;
use crate::day::{Day, Zone};
use crate::grant::{DEFAULT_PRIORITY, GrantFacts};
use crate::invoice::{Days, Line};
use crate::money::{Money, MoneyError};
use crate::time::{DAY, Timestamp};

/// An account's plan, and what must be known of those it had.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// `None`: it has no plan.
    pub current: Option<Current>,
    /// How many periods it has begun in all its life; each is named by its number.
    pub periods: u32,
    /// The end of the last period whose credits were given for nothing: before that day no plan gives any for nothing.
    pub free_until: Option<Day>,
}

/// The plan that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Current {
    pub plan: OfferId,
    /// As it stands on invoices.
    pub name: String,
    /// What it costs and gives, as it was when the period or this part of it began.
    pub terms: Terms,
    pub period: Period,
    /// The part of the period since the last change of plan, as it was invoiced.
    pub segment: Segment,
    /// What was given for this period, with what counted towards it from before.
    pub granted: Credits,
    pub next: Next,
    /// Since when an invoice of this plan is due and its payment has failed.
    pub past_due_since: Option<Timestamp>,
    /// The day that all periods are counted from, `months` of them up to the end of this one.
    pub anchor: Day,
    pub months: u32,
}

/// What a plan costs and gives for each period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    pub price: Money,
    pub credits: Credits,
    pub every: Every,
}

/// One period. Its days are those of the account's zone when it began, and so are its instants: whoever moves to another zone
/// has the period to its end as it was, and the next one by the new zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// From 1, over all plans of the account.
    pub number: u32,
    /// How often the plan was changed within it.
    pub part: u32,
    pub first: Day,
    /// The first day after it.
    pub end: Day,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
}

/// Days of a period that were invoiced, and given credits for, as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    pub first: Day,
    /// Before tax, or with it where prices are given with tax.
    pub price: Money,
    pub credits: Credits,
}

/// What follows on the period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// Another one of the same plan.
    Renew,
    /// Another plan.
    Change(OfferId),
    /// The default plan, or none.
    End,
}

/// Who asks for a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chooser {
    Customer,
    /// May choose plans that are not open.
    Operator,
}

/// Something to carry out once: a period that begins, or a change within one.
///
/// If `lines` is empty, its grants are issued at once; else it is an invoice, and they are issued in the transaction in which
/// that is paid: at once as well where it comes to nothing. [`Step::id`] names both, and no other step of the account has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub plan: OfferId,
    pub period: u32,
    pub part: u32,
    /// When what it is about begins.
    pub at: Timestamp,
    pub lines: Vec<Line>,
    pub grants: Vec<GrantOrder>,
}

impl Step {
    /// `plan:7` for the account's seventh period, `plan:7.1` for the first change within it. It is the `source` of its grants.
    pub fn id(&self) -> String {
        step_id(self.period, self.part)
    }

    /// What its lines add up to, before tax is looked at; never negative. `None` when there is nothing to invoice.
    pub fn due(&self) -> Option<Money> {
        let first = self.lines.first()?;
        Money::sum(first.amount.currency(), self.lines.iter().map(|line| line.amount)).ok()
    }

    /// Until when its invoice can be paid: afterwards its credits have expired, and an open invoice is to be made void.
    pub fn payable_until(&self) -> Option<Timestamp> {
        self.grants.iter().filter_map(|grant| grant.facts.expires_at).min()
    }
}

fn step_id(period: u32, part: u32) -> String {
    if part == 0 { format!("plan:{period}") } else { format!("plan:{period}.{part}") }
}

/// An act that may be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub after: Subscription,
    /// When what was asked for comes into force: now, or at the end of the period.
    pub effective_at: Timestamp,
    /// What is to be done now; nothing for what waits for the end of the period.
    pub steps: Vec<Step>,
}

/// Why an act is refused, in the customer's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no plan {0}")]
    UnknownPlan(OfferId),
    #[error("plan {0} is not offered")]
    NotOffered(OfferId),
    #[error("this is the plan in force already")]
    SamePlan,
    #[error("the account has no plan")]
    NoPlan,
    #[error("the default plan can't be cancelled")]
    DefaultPlan,
    #[error("no change of plan is planned")]
    NothingPlanned,
    #[error("an invoice of the plan in force is unpaid; pay it first")]
    PastDue,
    #[error("plans in {0} and {1} can't be exchanged for each other")]
    OtherCurrency(crate::money::Currency, crate::money::Currency),
    /// The caller's mistake: [`Subscription::renew`] comes first.
    #[error("the period is over and must be renewed first")]
    RenewalDue,
    #[error("the amount can't be counted")]
    TooLarge,
}

impl From<MoneyError> for Refusal {
    fn from(error: MoneyError) -> Self {
        match error {
            MoneyError::OtherCurrency { expected, found } => Self::OtherCurrency(expected, found),
            _ => Self::TooLarge,
        }
    }
}

impl Subscription {
    /// When [`Subscription::renew`] has something to do next; `None` without a plan.
    pub fn due_at(&self, plans: &Plans) -> Option<Timestamp> {
        let current = self.current.as_ref()?;
        Some(current.lapses_at(plans).unwrap_or(current.period.ends_at))
    }

    /// Takes a plan: at once where there is none, where it costs more for its period than the one in force, or as much and
    /// gives more; at the end of the period otherwise. Choosing the plan in force takes a planned change back.
    ///
    /// Not to be asked while an invoice of this plan is open: what an upgrade gives back must have been paid.
    pub fn choose(
        &self,
        plans: &Plans,
        zone: &dyn Zone,
        plan: &OfferId,
        chooser: Chooser,
        now: Timestamp,
    ) -> Result<Decision, Refusal> {
        self.check_renewed(plans, now)?;
        let wanted = plans.get(plan).ok_or_else(|| Refusal::UnknownPlan(plan.clone()))?;
        let Some(current) = &self.current else {
            check_offered(wanted, chooser)?;
            return Ok(self.begin(zone, wanted, now));
        };
        if current.plan == *plan {
            return if current.next == Next::Renew {
                Err(Refusal::SamePlan)
            } else {
                self.resume(plans, now)
            };
        }
        check_offered(wanted, chooser)?;
        if current.past_due_since.is_some() {
            return Err(Refusal::PastDue);
        }
        current.terms.price.same_currency(wanted.price)?;
        if !is_upgrade(&current.terms, wanted) {
            return Ok(self.planned(current, Next::Change(plan.clone())));
        }
        let keeps_period = current.terms.every == wanted.every && !current.terms.price.is_zero();
        let (after, step) = if keeps_period {
            prorate(self, current, zone, wanted, now)?
        } else {
            begin_today(self, current, zone, wanted, now)
        };
        Ok(Decision { after, effective_at: now, steps: vec![step] })
    }

    /// Ends the plan with its period; the default plan follows, or none.
    pub fn cancel(&self, plans: &Plans, now: Timestamp) -> Result<Decision, Refusal> {
        self.check_renewed(plans, now)?;
        let current = self.current.as_ref().ok_or(Refusal::NoPlan)?;
        if plans.default_plan().is_some_and(|default| default.id == current.plan) {
            return Err(Refusal::DefaultPlan);
        }
        Ok(self.planned(current, Next::End))
    }

    /// Takes back what was planned for the end of the period.
    pub fn resume(&self, plans: &Plans, now: Timestamp) -> Result<Decision, Refusal> {
        self.check_renewed(plans, now)?;
        let current = self.current.as_ref().ok_or(Refusal::NoPlan)?;
        if current.next == Next::Renew {
            return Err(Refusal::NothingPlanned);
        }
        let mut decision = self.planned(current, Next::Renew);
        decision.effective_at = now;
        Ok(decision)
    }

    /// Notes that the payment of a step's invoice has failed: the plan goes on for the days of grace, at most to the end of its period,
    /// and no new period begins.
    #[must_use]
    pub fn payment_failed(&self, now: Timestamp) -> Self {
        let mut after = self.clone();
        if let Some(current) = &mut after.current {
            current.past_due_since.get_or_insert(now);
        }
        after
    }

    /// Notes that nothing is unpaid any more.
    #[must_use]
    pub fn payments_settled(&self) -> Self {
        let mut after = self.clone();
        if let Some(current) = &mut after.current {
            current.past_due_since = None;
        }
        after
    }

    fn check_renewed(&self, plans: &Plans, now: Timestamp) -> Result<(), Refusal> {
        let is_due = self.due_at(plans).is_some_and(|due_at| due_at <= now);
        if is_due { Err(Refusal::RenewalDue) } else { Ok(()) }
    }

    fn planned(&self, current: &Current, next: Next) -> Decision {
        let effective_at = current.period.ends_at;
        let after = Self { current: Some(Current { next, ..current.clone() }), ..self.clone() };
        Decision { after, effective_at, steps: vec![] }
    }

    /// A first period, from today.
    fn begin(&self, zone: &dyn Zone, plan: &Plan, now: Timestamp) -> Decision {
        let (after, step) = self.begun(zone, plan, Beginning::today(zone, now));
        Decision { after, effective_at: now, steps: vec![step] }
    }

    /// The subscription after a period of a plan has begun, with a step for all that it gives and costs.
    pub(super) fn begun(&self, zone: &dyn Zone, plan: &Plan, from: Beginning) -> (Self, Step) {
        let gives_again = |until: Day| plan.is_free() && from.first < until;
        let waits_until = self.free_until.filter(|until| gives_again(*until));
        // Where credits were given for nothing already, the new period is what is left of that one, without any.
        let (anchor, months) = match waits_until {
            Some(until) => (until, 0),
            None => (from.anchor, from.months.saturating_add(plan.every.months())),
        };
        let end = anchor.plus_months(months);
        let period = Period {
            number: self.periods.saturating_add(1),
            part: 0,
            first: from.first,
            end,
            starts_at: from.at,
            ends_at: zone.start(end).max(from.at.saturating_add(1)),
        };
        let credits = if waits_until.is_some() { Credits::ZERO } else { plan.credits };
        let terms = Terms { price: plan.price, credits: plan.credits, every: plan.every };
        let current = Current {
            plan: plan.id.clone(),
            name: plan.name.clone(),
            terms,
            period,
            segment: Segment { first: from.first, price: plan.price, credits },
            granted: credits,
            next: Next::Renew,
            past_due_since: None,
            anchor,
            months,
        };
        let step = current.step(zone, plan, from.at, plan_lines(plan, &period), credits);
        let gave_for_nothing = plan.is_free() && !credits.is_zero();
        let free_until = if gave_for_nothing { Some(end).max(self.free_until) } else { self.free_until };
        (Self { current: Some(current), periods: period.number, free_until }, step)
    }
}

/// Where and when a period begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beginning {
    pub first: Day,
    pub at: Timestamp,
    pub anchor: Day,
    /// From the anchor to `first`.
    pub months: u32,
}

impl Beginning {
    pub(super) fn today(zone: &dyn Zone, now: Timestamp) -> Self {
        let first = zone.day(now);
        Self { first, at: now, anchor: first, months: 0 }
    }
}

impl Current {
    /// When it ends for want of payment, if something is unpaid: after the days of grace, but with its period at the latest. So what
    /// is paid late is always paid while its period goes on.
    pub fn lapses_at(&self, plans: &Plans) -> Option<Timestamp> {
        let grace = i64::from(plans.grace_days()).saturating_mul(DAY);
        self.past_due_since.map(|since| since.saturating_add(grace).min(self.period.ends_at))
    }

    /// Until when credits of this period can be spent, with a rollover of so many periods.
    pub(super) fn expires_at(&self, zone: &dyn Zone, plan: &Plan) -> Timestamp {
        let longer = u32::from(plan.rollover).saturating_mul(plan.every.months());
        if longer == 0 {
            return self.period.ends_at;
        }
        zone.start(self.anchor.plus_months(self.months.saturating_add(longer))).max(self.period.ends_at)
    }

    /// What its present part gives and costs, to be carried out.
    pub(super) fn step(
        &self,
        zone: &dyn Zone,
        plan: &Plan,
        at: Timestamp,
        lines: Vec<Line>,
        credits: Credits,
    ) -> Step {
        let Period { number, part, first, end, .. } = self.period;
        let facts = GrantFacts {
            kind: plan.grant_kind(),
            priority: DEFAULT_PRIORITY,
            effective_at: at,
            expires_at: Some(self.expires_at(zone, plan)),
            source: step_id(number, part),
            reason: format!("{}, {}", plan.name, Days::until(first, end)),
        };
        let grants = if credits.is_zero() { vec![] } else { vec![GrantOrder { amount: credits, facts }] };
        Step { plan: plan.id.clone(), period: number, part, at, lines, grants }
    }
}

/// A plan for a whole period.
fn plan_lines(plan: &Plan, period: &Period) -> Vec<Line> {
    if plan.is_free() {
        return vec![];
    }
    vec![Line { days: Some(Days::until(period.first, period.end)), ..Line::of_plan(plan) }]
}

fn check_offered(plan: &Plan, chooser: Chooser) -> Result<(), Refusal> {
    match (plan.availability, chooser) {
        (Availability::Open, _) | (Availability::ByOperator, Chooser::Operator) => Ok(()),
        _ => Err(Refusal::NotOffered(plan.id.clone())),
    }
}

/// Whether a plan takes the place of another one at once.
fn is_upgrade(terms: &Terms, wanted: &Plan) -> bool {
    let gives_more = wanted.every == terms.every && wanted.credits > terms.credits && !terms.price.is_zero();
    wanted.price.minor() > terms.price.minor() || (wanted.price == terms.price && gives_more)
}

#[cfg(test)]
mod tests;
