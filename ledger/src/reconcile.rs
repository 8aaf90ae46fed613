//! Whether payments, invoices and the grants of what was sold say the same.
//!
//! Three books are kept of each sale: what the provider took, what was invoiced, and what credits were given. None is made
//! from another here; each is added up and held against the others.

use std::collections::BTreeSet;

use crate::credits::Credits;
use crate::grant::GrantKind;
use crate::invoice::{Invoice, Status};
use crate::money::Money;

/// An invoice and what was paid for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    /// The `source` of its grants: `plan:7`, `payment:ID`. A bonus has `:bonus` behind it.
    pub source: String,
    pub invoice: Invoice,
    /// What its payments that succeeded add up to, without regard to what was given back.
    pub paid: Money,
    /// What was given back of them, by refunds and chargebacks.
    pub refunded: Money,
    /// What its credit notes add up to, with tax.
    pub credited: Money,
}

/// A grant as the books have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    pub source: String,
    pub kind: GrantKind,
    pub amount: Credits,
}

/// The first thing that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Imbalance {
    #[error("{0} was sold by two invoices")]
    SoldTwice(String),
    #[error("invoice {invoice} is {} and {expected} must be paid for it, but {found} was", .status.name())]
    Paid { invoice: String, status: Status, expected: Money, found: Money },
    #[error("of invoice {invoice} {refunded} was given back, but its credit notes are over {credited}")]
    Refunded { invoice: String, refunded: Money, credited: Money },
    #[error("invoice {invoice} is {} and gives {expected} credits, but {source_id} gave {found}", .status.name())]
    Granted { invoice: String, status: Status, source_id: String, expected: Credits, found: Credits },
    #[error("{0} was granted twice")]
    GrantedTwice(String),
    #[error("{} credits of kind {} were given by {}, which no invoice is for", .0.amount, .0.kind.name(), .0.source)]
    NotSold(Given),
}

/// Holds the sales of one account against its grants; grants of other kinds than those that are sold may be among them.
pub fn reconcile(sales: &[Sale], given: &[Given]) -> Result<(), Imbalance> {
    let mut names = BTreeSet::new();
    for sale in sales {
        if !names.insert(sale.source.as_str()) {
            return Err(Imbalance::SoldTwice(sale.source.clone()));
        }
        check_money(sale)?;
        check_credits(sale, given)?;
    }
    let mut sources = BTreeSet::new();
    for grant in given.iter().filter(|grant| matches!(grant.kind, GrantKind::Plan | GrantKind::Purchase)) {
        if !names.contains(grant.source.as_str()) {
            return Err(Imbalance::NotSold(grant.clone()));
        }
        if !sources.insert(grant.source.as_str()) {
            return Err(Imbalance::GrantedTwice(grant.source.clone()));
        }
    }
    Ok(())
}

fn check_money(sale: &Sale) -> Result<(), Imbalance> {
    let invoice = &sale.invoice;
    let expected = match invoice.status {
        Status::Paid => invoice.totals.gross,
        Status::Open | Status::Void | Status::Uncollectible => Money::zero(invoice.currency),
    };
    if sale.paid != expected {
        let (invoice, status) = (invoice.number.clone(), invoice.status);
        return Err(Imbalance::Paid { invoice, status, expected, found: sale.paid });
    }
    if sale.refunded != sale.credited {
        let (refunded, credited) = (sale.refunded, sale.credited);
        return Err(Imbalance::Refunded { invoice: invoice.number.clone(), refunded, credited });
    }
    Ok(())
}

fn check_credits(sale: &Sale, given: &[Given]) -> Result<(), Imbalance> {
    let invoice = &sale.invoice;
    let sum = |amounts: &mut dyn Iterator<Item = Credits>| Credits::sum(amounts).unwrap_or(Credits::MAX);
    let expected = match invoice.status {
        Status::Paid => sum(&mut invoice.lines.iter().filter_map(|line| line.credits)),
        Status::Open | Status::Void | Status::Uncollectible => Credits::ZERO,
    };
    let bonus = format!("{}:bonus", sale.source);
    let is_of_sale = |grant: &&Given| grant.source == sale.source || grant.source == bonus;
    let found = sum(&mut given.iter().filter(is_of_sale).map(|grant| grant.amount));
    if found == expected {
        return Ok(());
    }
    let (number, status) = (invoice.number.clone(), invoice.status);
    Err(Imbalance::Granted { invoice: number, status, source_id: sale.source.clone(), expected, found })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day::Utc;
    use crate::invoice::{Act, Draft, Party};
    use crate::plan::{Chooser, GrantOrder, Plans, Subscription};
    use crate::purchase::Pack;
    use crate::time::{DAY, Timestamp};

    const NOW: Timestamp = Timestamp::from_micros(1_796_083_200_000_000);

    fn sale(nth: usize, source: String, lines: Vec<crate::invoice::Line>) -> Sale {
        let party = || Party { name: "A".into(), address: vec![], country: None, email: None, tax_id: None };
        let draft = Draft::new(party(), party(), lines, None).unwrap();
        let paid = draft.totals().gross;
        let day = "2026-12-01".parse().unwrap();
        let invoice = draft.issue(format!("INV-2026-00000{nth}"), day, day).after(Act::Pay).unwrap();
        let none = Money::zero(paid.currency());
        Sale { source, invoice, paid, refunded: none, credited: none }
    }

    fn given(order: &GrantOrder) -> Given {
        Given { source: order.facts.source.clone(), kind: order.facts.kind, amount: order.amount }
    }

    /// A plan that was joined and renewed, and a pack with a bonus.
    fn books() -> (Vec<Sale>, Vec<Given>) {
        let (plans, id) = (Plans::example(), "professional".parse().unwrap());
        let joined = Subscription::default().choose(&plans, &Utc, &id, Chooser::Customer, NOW).unwrap();
        let renewed = joined.after.renew(&plans, &Utc, NOW.saturating_add(40 * DAY)).unwrap();
        let pack = Pack {
            id: "large".parse().unwrap(),
            name: "Large pack".into(),
            credits: Credits::whole(1_000),
            bonus: Credits::whole(50),
            price: "9.00 EUR".parse().unwrap(),
            expires_after_days: None,
        };
        let (mut sales, mut grants) = (vec![], vec![]);
        for step in joined.steps.iter().chain(&renewed.steps) {
            sales.push(sale(sales.len(), step.id(), step.lines.clone()));
            grants.extend(step.grants.iter().map(given));
        }
        let order = pack.order();
        sales.push(sale(sales.len(), "payment:p1".into(), vec![order.line.clone()]));
        grants.extend(order.grants("p1", &Utc, NOW).iter().map(given));
        grants.push(Given {
            source: "operator".into(),
            kind: GrantKind::Adjustment,
            amount: Credits::whole(1),
        });
        (sales, grants)
    }

    #[test]
    fn what_plans_and_packs_order_fits_what_is_invoiced_for_them() {
        let (sales, grants) = books();
        assert_eq!((sales.len(), grants.len()), (3, 5));
        assert_eq!(reconcile(&sales, &grants), Ok(()));
        assert_eq!(reconcile(&[], &[]), Ok(()));
    }

    #[test]
    fn each_way_of_being_broken_is_named() {
        let said = |break_it: &dyn Fn(&mut Vec<Sale>, &mut Vec<Given>)| {
            let (mut sales, mut grants) = books();
            break_it(&mut sales, &mut grants);
            reconcile(&sales, &grants).unwrap_err().to_string()
        };
        let euros = |text: &str| -> Money { text.parse().unwrap() };
        assert_eq!(
            said(&|sales, _| sales[1].paid = euros("48.99 EUR")),
            "invoice INV-2026-000001 is paid and 49.00 EUR must be paid for it, but 48.99 EUR was"
        );
        assert_eq!(
            said(&|sales, _| sales[1].invoice.status = Status::Open),
            "invoice INV-2026-000001 is open and 0.00 EUR must be paid for it, but 49.00 EUR was"
        );
        assert_eq!(
            said(&|sales, _| sales[0].refunded = euros("1.00 EUR")),
            "of invoice INV-2026-000000 1.00 EUR was given back, but its credit notes are over 0.00 EUR"
        );
        assert_eq!(
            said(&|_, grants| drop(grants.remove(1))),
            "invoice INV-2026-000001 is paid and gives 5000 credits, but plan:2 gave 0"
        );
        assert_eq!(
            said(&|_, grants| grants.push(grants[0].clone())),
            "invoice INV-2026-000000 is paid and gives 5000 credits, but plan:1 gave 10000"
        );
        assert_eq!(
            said(&|_, grants| drop(grants.remove(3))),
            "invoice INV-2026-000002 is paid and gives 1050 credits, but payment:p1 gave 1000"
        );
        assert_eq!(
            said(&|_, grants| grants[4].kind = GrantKind::Purchase),
            "1 credits of kind purchase were given by operator, which no invoice is for"
        );
        assert_eq!(said(&|sales, _| sales.push(sales[0].clone())), "plan:1 was sold by two invoices");
        let halves = |_: &mut Vec<Sale>, grants: &mut Vec<Given>| {
            grants[0].amount = Credits::whole(2_500);
            grants.push(grants[0].clone());
        };
        assert_eq!(said(&halves), "plan:1 was granted twice");
    }
}
