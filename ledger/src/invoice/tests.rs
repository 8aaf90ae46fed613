//! Invoices add up, are read back, and change in one direction only.

use proptest::prelude::*;

use super::*;
use crate::credits::Credits;
use crate::tax::PricesAre;

fn party(name: &str) -> Party {
    let address = vec!["Hauptstraße 1".to_owned(), "10115 Berlin".to_owned()];
    Party { name: name.into(), address, country: Some("DE".into()), email: None, tax_id: None }
}

fn line(amount: &str) -> Line {
    Line {
        kind: LineKind::Pack,
        offer: Some("large".parse().unwrap()),
        name: "Large pack".into(),
        days: None,
        credits: Some(Credits::whole(10_000)),
        amount: amount.parse().unwrap(),
    }
}

fn vat(prices: PricesAre) -> TaxRules {
    TaxRules { name: "VAT".into(), rate: "19".parse().unwrap(), prices, reverse_charge: None }
}

fn draft(amounts: &[&str], tax: Option<&TaxRules>) -> Result<Draft, InvoiceError> {
    Draft::new(party("Seller"), party("Customer"), amounts.iter().map(|amount| line(amount)).collect(), tax)
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn issued(amounts: &[&str], tax: Option<&TaxRules>) -> Invoice {
    draft(amounts, tax).unwrap().issue("INV-2026-000001".into(), day("2026-11-22"), day("2026-12-06"))
}

#[test]
fn an_invoice_is_its_json_and_is_read_back() {
    let invoice = issued(&["49.00 EUR"], Some(&vat(PricesAre::Exclusive)));
    let text = serde_json::to_string(&invoice).unwrap();
    assert_eq!(
        text,
        concat!(
            r#"{"number":"INV-2026-000001","issued_on":"2026-11-22","due_on":"2026-12-06","status":"open","#,
            r#""currency":"EUR","seller":{"name":"Seller","address":["Hauptstraße 1","10115 Berlin"],"#,
            r#""country":"DE","email":null,"tax_id":null},"customer":{"name":"Customer","#,
            r#""address":["Hauptstraße 1","10115 Berlin"],"country":"DE","email":null,"tax_id":null},"#,
            r#""lines":[{"kind":"pack","offer":"large","name":"Large pack","days":null,"credits":10000,"#,
            r#""amount":{"amount":"49.00","currency":"EUR"}}],"#,
            r#""tax":{"name":"VAT","rate":"19","prices":"exclusive","reverse_charge":null},"#,
            r#""totals":{"net":{"amount":"49.00","currency":"EUR"},"tax":{"amount":"9.31","currency":"EUR"},"#,
            r#""gross":{"amount":"58.31","currency":"EUR"}}}"#,
        )
    );
    assert_eq!(serde_json::from_str::<Invoice>(&text).unwrap(), invoice);
    for (from, to) in [
        ("58.31", "58.32"),
        ("9.31", "9.30"),
        (r#""19""#, r#""7""#),
        (r#""amount":"49.00","currency":"EUR"}}]"#, r#""amount":"48.00","currency":"EUR"}}]"#),
    ] {
        let error = serde_json::from_str::<Invoice>(&text.replacen(from, to, 1)).unwrap_err();
        assert!(error.to_string().contains("the totals are not what the lines come to"), "{error}");
    }
    assert_eq!(invoice.lines[0].text(), "Large pack, 10000 credits");
}

#[test]
fn lines_without_sense_make_no_invoice() {
    assert_eq!(draft(&[], None).unwrap_err(), InvoiceError::Lines);
    assert_eq!(draft(&["1 EUR"; 101], None).unwrap_err(), InvoiceError::Lines);
    let said = draft(&["1 EUR", "-1.01 EUR"], None).unwrap_err().to_string();
    assert_eq!(said, "the lines add up to less than nothing: -0.01 EUR");
    let said = draft(&["1 EUR", "1 USD"], None).unwrap_err().to_string();
    assert_eq!(said, "a line must be in EUR, not in USD");
    let most = "90071992547409.91 EUR";
    assert_eq!(draft(&[most, "0.01 EUR"], None).unwrap_err(), InvoiceError::Money(MoneyError::TooLarge));
    let taxed = draft(&[most], Some(&vat(PricesAre::Exclusive)));
    assert_eq!(taxed.unwrap_err(), InvoiceError::Money(MoneyError::TooLarge));
}

#[test]
fn what_comes_to_nothing_is_paid_and_the_rest_is_open() {
    assert_eq!(issued(&["1 EUR", "-1 EUR"], None).status, Status::Paid);
    let open = issued(&["1 EUR"], None);
    let paid = open.after(Act::Pay).unwrap();
    assert_eq!((open.status, paid.status), (Status::Open, Status::Paid));
    let given_up = open.after(Act::GiveUp).unwrap();
    assert_eq!(given_up.after(Act::Pay).unwrap().status, Status::Paid);
    assert_eq!(given_up.after(Act::Void).unwrap().status, Status::Void);
    assert_eq!(paid.after(Act::Void).unwrap_err().to_string(), "an invoice that is paid can't be made void");
    assert_eq!(
        open.after(Act::Void).unwrap().after(Act::Pay).unwrap_err().to_string(),
        "an invoice that is void can't be paid"
    );
    for status in Status::ALL {
        assert_eq!(Status::from_name(status.name()), Some(status));
        assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{}\"", status.name()));
    }
}

#[test]
fn numbers_have_no_gaps_within_a_year() {
    let invoices = Numbering::new("INV-").unwrap();
    let series = invoices.series(day("2026-12-31"));
    assert_eq!((series.key(), series.number(1).as_str()), ("INV-2026-", "INV-2026-000001"));
    assert_eq!(invoices.series(day("2027-01-01")).number(1_234_567), "INV-2027-1234567");
    let numbers = |nths: &[u64]| nths.iter().map(|nth| series.number(*nth)).collect::<Vec<_>>();
    let gap = |nths: &[u64]| series.find_gap(numbers(nths).iter().map(String::as_str));
    assert_eq!(gap(&[]), None);
    assert_eq!(gap(&[1, 2, 3]), None);
    assert_eq!(gap(&[1, 3]).as_deref(), Some("INV-2026-000002"));
    assert_eq!(gap(&[1, 1]).as_deref(), Some("INV-2026-000002"));
    assert_eq!(gap(&[2]).as_deref(), Some("INV-2026-000001"));
    for bad in ["", "inv-", "INV 1-", "R2026", "ABCDEFGHIJKLMNOPQ"] {
        assert_eq!(Numbering::new(bad), Err(NumberingError), "{bad}");
    }
}

#[test]
fn a_credit_note_gives_back_at_most_what_was_paid() {
    let paid = issued(&["49.00 EUR"], Some(&vat(PricesAre::Exclusive))).after(Act::Pay).unwrap();
    let credit = |invoice: &Invoice, gross: &str, before: &str| {
        let (gross, before) = (gross.parse().unwrap(), before.parse().unwrap());
        invoice.credit("CN-2026-000001".into(), day("2026-11-23"), gross, before, "a refund".into())
    };
    let whole = credit(&paid, "58.31 EUR", "0 EUR").unwrap();
    assert_eq!(whole.totals, paid.totals);
    assert_eq!(whole.invoice, paid.number);
    assert_eq!(credit(&paid, "0 EUR", "0 EUR"), Err(CreditError::Nothing));
    assert_eq!(credit(&paid, "-1 EUR", "5 EUR"), Err(CreditError::Nothing));
    assert_eq!(credit(&paid, "1 USD", "0 EUR"), Err(CreditError::OtherCurrency));
    let said = credit(&paid, "50 EUR", "10 EUR").unwrap_err().to_string();
    assert_eq!(said, "the amount must be at most 48.31 EUR, which is what earlier credit notes have left");
    let open = issued(&["49.00 EUR"], None);
    assert_eq!(credit(&open, "1 EUR", "0 EUR"), Err(CreditError::NotPaid(Status::Open)));
}

proptest! {
    #[test]
    fn an_invoice_sums_to_the_cent(
        minors in proptest::collection::vec(-50_000..200_000_i64, 1..12),
        millionths in 0..400_000_u32,
        is_inclusive in any::<bool>(),
        cuts in proptest::collection::vec(1..1_000_i64, 1..6),
    ) {
        prop_assume!(minors.iter().sum::<i64>() > 0);
        let prices = if is_inclusive { PricesAre::Inclusive } else { PricesAre::Exclusive };
        let rules = TaxRules { rate: crate::tax::TaxRate::from_millionths(millionths).unwrap(), ..vat(prices) };
        let euro: Currency = "EUR".parse().unwrap();
        let lines = minors.iter().map(|minor| Line { amount: Money::new(*minor, euro).unwrap(), ..line("0 EUR") }).collect();
        let drafted = Draft::new(party("Seller"), party("Customer"), lines, Some(&rules)).unwrap();
        let foreseen = drafted.totals();
        let invoice = drafted.issue("INV-2026-000001".into(), day("2026-11-22"), day("2026-11-22"));
        prop_assert_eq!(Totals::of(foreseen), invoice.totals.clone());
        prop_assert_eq!(invoice.totals.net.checked_add(invoice.totals.tax), Ok(invoice.totals.gross));
        prop_assert_eq!(Money::sum(euro, invoice.line_nets()), Ok(invoice.totals.net));
        let text = serde_json::to_string(&invoice).unwrap();
        prop_assert_eq!(serde_json::from_str::<Invoice>(&text).unwrap(), invoice.clone());

        // Taken back in pieces it is taken back whole, tax and all.
        let paid = invoice.after(Act::Pay).unwrap_or(invoice);
        let pieces = paid.totals.gross.allocate(&cuts).unwrap();
        let mut back = [Money::zero(euro); 3];
        for piece in pieces.into_iter().filter(|piece| !piece.is_zero()) {
            let note = paid.credit("CN".into(), day("2026-11-23"), piece, back[2], String::new()).unwrap();
            prop_assert!(!note.totals.tax.is_negative() && !note.totals.net.is_negative());
            for (sum, part) in back.iter_mut().zip([note.totals.net, note.totals.tax, note.totals.gross]) {
                *sum = sum.checked_add(part).unwrap();
            }
        }
        prop_assert_eq!(back, [paid.totals.net, paid.totals.tax, paid.totals.gross]);
    }
}
