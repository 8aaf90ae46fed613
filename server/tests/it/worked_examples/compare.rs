//! Holds what an example has become against what its author worked out: receipts, grants, books, and their verification.

use std::collections::BTreeMap;

use app::verification::Check;
use ledger::Credits;
use serde_json::Value;

use super::play::Play;
use crate::harness::client::amount;

impl Play<'_> {
    /// Receipts are read when all is booked: each must still know how things stood when its own event was.
    pub async fn compare(&self) {
        self.receipts().await;
        self.grants().await;
        self.books().await;
        self.verified().await;
    }

    async fn receipts(&self) {
        let mut before = "0";
        for step in &self.example.steps {
            if let Some(id) = step.makes() {
                let receipt = self.receipt(id).await;
                let what = format!("{}: the receipt of {id}", self.example.what);
                assert_eq!(Some(amount(&receipt["credits"]).to_string()), step.costs, "{what}: costs");
                assert_eq!(Some(price_of(&receipt)), step.price, "{what}: price");
                assert_eq!(Some(self.paid(&receipt)), step.paid, "{what}: paid");
                let balances =
                    ["balance_before", "balance_after"].map(|field| amount(&receipt[field]).to_string());
                assert_eq!(balances, [before, &step.stands[0]], "{what}: balance");
                recompute(&receipt, &what);
                self.corrections(id, &receipt, &what);
            }
            before = &step.stands[0];
        }
    }

    /// `a 30 + owed 20`
    fn paid(&self, receipt: &Value) -> String {
        let grants = receipt["grants"].as_array().expect("grants").iter();
        let part = |grant: &Value| {
            let name = self.grant_name(&grant["grant_id"]);
            assert_eq!(grant["reason"], name);
            (name.to_owned(), amount(&grant["credits"]))
        };
        let owed = ("owed".to_owned(), amount(&receipt["owed"]));
        sum_of(grants.map(part).chain([owed]))
    }

    fn corrections(&self, id: &str, receipt: &Value, what: &str) {
        let asked = self.example.steps.iter().filter(|step| step.correct.as_deref() == Some(id));
        let expected: Vec<_> = asked
            .map(|step| {
                [step.quantity.clone(), step.costs.clone(), step.back.clone()].map(Option::unwrap_or_default)
            })
            .collect();
        let told = receipt["corrections"].as_array().expect("corrections").iter().map(|correction| {
            let back = correction["back"].as_array().expect("where it went").iter();
            let back =
                back.map(|part| (self.grant_name(&part["grant_id"]).to_owned(), amount(&part["credits"])));
            [number(&correction["quantity"]), number(&correction["credits"]), sum_of(back)]
        });
        assert_eq!(told.collect::<Vec<_>>(), expected, "{what}: corrections");
        if let Some([quantity, credits, _]) = expected.last() {
            let current = &receipt["current"];
            assert_eq!(
                [number(&current["quantity"]), number(&current["credits"])],
                [quantity.clone(), credits.clone()]
            );
        }
    }

    async fn grants(&self) {
        let listed = self.reader.get("/credits/grants?limit=100").await.ok();
        let column = |field: &str| -> BTreeMap<String, String> {
            let grants = listed["grants"].as_array().expect("grants").iter();
            grants.map(|grant| (text(&grant["reason"]), amount(&grant[field]).to_string())).collect()
        };
        let what = &self.example.what;
        assert_eq!(column("remaining"), self.example.left, "{what}: left");
        for (field, expected) in [("expired", &self.example.expired), ("voided", &self.example.voided)] {
            let mut found = column(field);
            found.retain(|_, amount| amount != "0");
            assert_eq!(&found, expected, "{what}: {field}");
        }
    }

    async fn books(&self) {
        let Some(expected) = &self.example.books else { return };
        let listed = self.reader.get("/credits/entries?limit=100").await.ok();
        let entries = listed["entries"].as_array().expect("entries").iter().rev();
        let line = |entry: &Value| {
            let (movement, amount) = (text(&entry["movement"]), amount(&entry["amount"]));
            match &entry["grant_id"] {
                Value::Null => format!("{movement} {amount}"),
                grant => format!("{movement} {amount} {}", self.grant_name(grant)),
            }
        };
        assert_eq!(&entries.map(line).collect::<Vec<_>>(), expected, "{}: books", self.example.what);
    }

    /// By the server, and by the code that the browser runs.
    async fn verified(&self) {
        let what = &self.example.what;
        let verified = self.reader.get("/credits/verify").await.ok();
        assert_eq!(verified["ok"], true, "{what}: {verified}");
        let (entries, head) = (verified["entries"].as_u64().expect("a number"), text(&verified["head"]));
        let mut check = Check::new(self.member.account, (entries, head.clone()));
        check.take(self.file().await.as_bytes()).expect("entries in order");
        let whole = check.finish(entries).expect("whole books");
        assert_eq!((whole.entries, whole.head), (entries, head), "{what}: in the browser");
    }
}

fn sum_of(parts: impl Iterator<Item = (String, Credits)>) -> String {
    let parts = parts.filter(|(_, credits)| !credits.is_zero());
    parts.map(|(name, credits)| format!("{name} {credits}")).collect::<Vec<_>>().join(" + ")
}

/// `after 8: 2 × 1 + 3 × 0.5, at least 5`, and `→ 0.000001` where something was rounded.
fn price_of(receipt: &Value) -> String {
    let slice = |slice: &Value| match slice.get("packages") {
        Some(packages) => format!(
            "{} packages of {} × {}",
            number(packages),
            number(&slice["units_per_package"]),
            number(&slice["credits_per_package"])
        ),
        None => format!("{} × {}", number(&slice["quantity"]), number(&slice["credits_per_unit"])),
    };
    let slices: Vec<_> = receipt["slices"].as_array().expect("slices").iter().map(slice).collect();
    let after = receipt.get("month").map(|month| format!("after {}: ", number(&month["before"]["quantity"])));
    let least = receipt.get("minimum_applied").map(|least| format!(", at least {}", number(least)));
    let parts =
        [after.unwrap_or_default(), slices.join(" + "), rounding_of(receipt), least.unwrap_or_default()];
    parts.concat()
}

fn rounding_of(receipt: &Value) -> String {
    let rounding = &receipt["rounding"];
    let rounded = number(&rounding["credits"]);
    let is_exact = |standing: &Value| standing["exact"] == standing["credits"];
    match receipt.get("month") {
        Some(month) if is_exact(&month["before"]) && is_exact(&month["after"]) => String::new(),
        Some(month) => {
            let [after, before] = ["after", "before"].map(|side| number(&month[side]["credits"]));
            format!(" → {after} − {before} = {rounded}")
        }
        None if is_exact(rounding) => String::new(),
        None => format!(" → {rounded}"),
    }
}

/// From the receipt's own lines to its charge.
fn recompute(receipt: &Value, what: &str) {
    let rounded = amount(&receipt["rounding"]["credits"]);
    let charged = amount(&receipt["credits"]);
    if let Some(month) = receipt.get("month") {
        let (before, after) = (amount(&month["before"]["credits"]), amount(&month["after"]["credits"]));
        assert_eq!(after.checked_sub(before), Some(rounded), "{what}: {month}");
    }
    match receipt.get("minimum_applied") {
        Some(least) => assert!(amount(least) == charged && charged > rounded, "{what}: {receipt}"),
        None => assert_eq!(charged, rounded, "{what}"),
    }
}

fn number(value: &Value) -> String {
    Credits::parse(&value.to_string()).expect("a number").to_string()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
