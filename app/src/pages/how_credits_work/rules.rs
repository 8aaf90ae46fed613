//! The rules in words. Where a rule has a number, the number is the rule's own.

use ledger::credits::MICROS;
use ledger::event::{MAX_AGE, MAX_LEAD};
use ledger::grant::{DEFAULT_PRIORITY, GrantKind};
use ledger::rate::{MIN_NOTICE, Price};
use ledger::time::{DAY, SECOND};
use ledger::{Credits as Amount, Quantity};
use leptos::prelude::*;

use super::{Part, example};
use crate::backend::pricing::{PricingView, SignUpView};
use crate::components::public::Since;
use crate::{format, prices};

#[component]
pub fn Credits(view: PricingView) -> impl IntoView {
    let PricingView { card, .. } = view;
    let said = |price: &Price| {
        view! {
            <li>
                <code>{price.operation.clone()}</code>
                {format!(": {}", prices::line(price))}
            </li>
        }
    };
    let some = card.prices.iter().filter(|price| !price.is_free()).take(3).map(said).collect_view();
    let free: Vec<_> =
        card.prices.iter().filter(|price| price.is_free()).map(|price| price.operation.clone()).collect();
    let free = (!free.is_empty()).then(|| format!("Free of charge: {}. ", free.join(", ")));
    view! {
        <Part id="credits">
            <p>
                "What the platform does for you are operations, and operations cost credits. The rate card says how \
                 many for one unit of each:"
            </p>
            <ul>{some}</ul>
            <p>
                {free} "The whole card, with a calculator, is on "
                <a href="/pricing" rel="external">
                    "Pricing"
                </a> {format!("; it is version {}, ", card.version)} <Since since=card.since /> "."
            </p>
            <p>
                {format!(
                    "Amounts are exact: they are counted in whole millionths of a credit ({} to a credit), and what you \
                     see is what is in the books.",
                    format::count(MICROS.unsigned_abs()),
                )}
            </p>
        </Part>
    }
}

#[component]
pub fn Grants(sign_up: Option<SignUpView>) -> impl IntoView {
    let brought = sign_up.map(|SignUpView { credits, days }| {
        let days = if days == 1 { "one day".to_owned() } else { format!("{days} days") };
        let sentence = format!(
            "Verifying your e-mail address brings {}, once. They last {days}.",
            format::credits(credits)
        );
        view! { <p>{sentence}</p> }
    });
    view! {
        <Part id="grants">
            <p>
                "Credits arrive in grants. A grant has an amount, a kind, the reason why it was given, and sometimes a \
                 time from which it counts or at which it expires. Your balance is what is left of all grants that \
                 count now."
            </p>
            {brought}
            <p>"Whoever runs this console can give more, and an open page shows them as they arrive."</p>
            <p>
                "Expiry is exact: until that instant the credits pay, from then on they do not. What has been spent \
                 before stays spent, and what expires unused is written down as expired, never lost from the books."
            </p>
        </Part>
    }
}

#[component]
pub fn Order() -> impl IntoView {
    let kinds = GrantKind::ALL.map(|kind| format::grant_kind(kind.name()).to_lowercase()).join(", ");
    view! {
        <Part id="order">
            <p>"When several grants could pay, the first of these rules that tells them apart decides:"</p>
            <ol>
                <li>{format!("The lowest priority number. It is {DEFAULT_PRIORITY} unless a grant says otherwise.")}</li>
                <li>"What expires first. What never expires comes last."</li>
                <li>{format!("The kind: {kinds}.")}</li>
                <li>"The oldest."</li>
            </ol>
            <p>"So what would be lost soonest is used first, and what was given before what was bought."</p>
        </Part>
    }
}

#[component]
pub fn Charges(kinds: Vec<String>) -> impl IntoView {
    let kinds = kinds.into_iter().map(|words| view! { <li>{words}</li> }).collect_view();
    view! {
        <Part id="charges">
            <p>
                "A service reports an event: an operation and how much of it. The event is priced, paid and on disk \
                 before the service gets its answer, all of it or nothing. There is no bill at the end of the month."
            </p>
            <ul>
                <li>
                    {format!(
                        "The price is that of the time when the work was done. A service may report up to {} days late, \
                         and at most {} minutes ahead of our clock.",
                        MAX_AGE / DAY,
                        MAX_LEAD / (60 * SECOND),
                    )}
                </li>
                <li>
                    {format!(
                        "A new rate card can be read at least {} seconds before it is in force, and never changes what \
                         was charged before.",
                        MIN_NOTICE / SECOND,
                    )}
                </li>
                {kinds}
                <li>"Free operations are written down as well, and pass even with nothing left."</li>
            </ul>
        </Part>
    }
}

#[component]
pub fn Refusals(paid: Option<Price>) -> impl IntoView {
    let refusal = refusal(&example(paid));
    view! {
        <Part id="refusals">
            <p>
                "A charge that costs more than there is gets refused as a whole. Nothing is charged, nothing is written, \
                 and the service is told in the same answer: status "<b>"402"</b>", with what is missing."
            </p>
            <pre tabindex="0">
                <code>{refusal}</code>
            </pre>
            <p>"What to do:"</p>
            <ol>
                <li>"Look at where the credits went, on Overview or with the routes below."</li>
                <li>
                    "Ask whoever runs this console for credits. An open page shows them at once, and nothing has to be \
                     restarted."
                </li>
                <li>"Send the same request again, with the same id. It was never charged, so now it is, once."</li>
            </ol>
        </Part>
    }
}

/// The answer to one unit when a quarter of its price is left.
fn refusal(price: &Price) -> String {
    let unit = Quantity::parse("1").unwrap_or_default();
    let required = price.quote(unit).map(|quote| quote.credits).unwrap_or_default();
    let balance = Amount::from_micros(required.micros() / 4).unwrap_or_default();
    let missing = required.saturating_sub(balance);
    format!(
        "{{\"error\": {{\n  \"code\": \"insufficient_credits\",\n  \"status\": 402,\n  \"message\": \"Not enough credits: \
         this costs {required}, the balance is {balance}, {missing} are missing.\",\n  \"details\": {{\"balance\": \
         {balance}, \"required\": {required}, \"missing\": {missing}, …}}\n}}}}"
    )
}

#[component]
pub fn Retries() -> impl IntoView {
    view! {
        <Part id="retries">
            <p>
                "Every event has an id, chosen by the service that reports it. When an answer gets lost on the way, the \
                 service sends the same event again:"
            </p>
            <ul>
                <li>
                    "The same id with the same content is answered with the first charge, marked "
                    <code>"\"replayed\": true"</code>". Nothing is charged twice."
                </li>
                <li>
                    "The same id with other content is refused with status "<b>"409"</b>
                    ", naming the fields that differ. That is a mistake in the service, not a second event."
                </li>
                <li>"An id that was refused for want of credits may be used again."</li>
            </ul>
        </Part>
    }
}

#[component]
pub fn Receipts() -> impl IntoView {
    view! {
        <Part id="receipts">
            <p>
                "Every event has a receipt that can be worked out again: the version of the rate card, the arithmetic \
                 before and after rounding, which grants paid and why in that order, and the balance before and after."
            </p>
            <p>
                "Each entry of your books carries the hash of the one before it. A changed, missing or inserted entry \
                 would break the chain, and the check says where."
            </p>
        </Part>
    }
}

#[cfg(test)]
mod tests {
    use ledger::rate::RateCard;

    use super::*;

    #[test]
    fn the_refusal_adds_up() {
        let refusal = refusal(&RateCard::example().prices[0]);
        assert!(refusal.contains("this costs 50, the balance is 12.5, 37.5 are missing."), "{refusal}");
        let json = refusal.replace(", …", "");
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["error"]["details"]["missing"].to_string(), "37.5");
    }
}
