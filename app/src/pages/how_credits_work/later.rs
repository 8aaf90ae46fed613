//! What can happen before and after a charge, in words: holds, debt, corrections.

use ledger::event::{HOLD_S, MAX_HOLD_S};
use ledger::rate::Price;
use ledger::{Credits, Quantity};
use leptos::prelude::*;

use super::{Part, example};
use crate::format;

#[component]
pub fn Holds(paid: Option<Price>) -> impl IntoView {
    let price = example(paid);
    let (more, less) = (cost(&price, "3"), cost(&price, "2"));
    let units = |text: &str| format::quantity(Quantity::parse(text).unwrap_or_default(), &price.unit);
    let example = format!(
        "So {} may be held for {} of {}; if it turns out to be {}, {} are charged and {} come back.",
        format::credits(more),
        units("3"),
        price.operation,
        units("2"),
        format::exact(less),
        format::exact(more.saturating_sub(less)),
    );
    view! {
        <Part id="holds">
            <p>
                "Work that takes a while can hold credits when it begins. They are in flight: no longer part of your \
                 balance, and not spent. When the work is done it is settled at the price that was in force when it \
                 began, by what was really used, and what is left comes back to the grants it came from."
            </p>
            <p>{example}</p>
            <ul>
                <li>
                    {format!(
                        "A hold ends by itself at its deadline, {} minutes after it was made unless the service says \
                         otherwise, and {} hours at the most. All of it comes back then.",
                        HOLD_S / 60,
                        MAX_HOLD_S / 3_600,
                    )}
                </li>
                <li>
                    "It can be settled above what was held only if the service asks for that and the difference is there."
                </li>
                <li>
                    "Credits in flight do not expire. If their grant has expired when they come back, they expire then."
                </li>
                <li>
                    "Credits lists what is in flight, for what and until when."
                </li>
            </ul>
        </Part>
    }
}

/// Nothing for what the price can't say.
fn cost(price: &Price, quantity: &str) -> Credits {
    let quantity = Quantity::parse(quantity).unwrap_or_default();
    price.quote(quantity).map(|quote| quote.credits).unwrap_or_default()
}

#[component]
pub fn Debt() -> impl IntoView {
    view! {
        <Part id="debt">
            <p>
                "Sometimes work is done before anybody could ask whether it can be paid. A service that has been given a \
                 limit for that may let your account owe: your credits are used up first, and the rest is owed."
            </p>
            <ul>
                <li>
                    "Whatever comes in next repays it first: a grant, what comes back from a hold, or a correction."
                </li>
                <li>"While something is owed, what costs credits is refused, and what is free passes."</li>
                <li>"Pages and books say how much is owed, and which event it was owed for."</li>
            </ul>
        </Part>
    }
}

#[component]
pub fn Corrections() -> impl IntoView {
    view! {
        <Part id="corrections">
            <p>
                "Nothing in the books is ever changed. When a service has reported too much, it adds a correction: the \
                 event counts with a smaller quantity from then on, or with none."
            </p>
            <ul>
                <li>"The smaller quantity is priced as the event was, with the same version of the rate card."</li>
                <li>
                    "What it costs less goes back to the grants that paid, the last one first. What was owed is no longer owed."
                </li>
                <li>"Credits that go back to a grant that has expired expire again, and the books show both."</li>
                <li>"Charts and lists count the event as corrected. Its receipt shows what it was before, and why."</li>
            </ul>
        </Part>
    }
}

#[cfg(test)]
mod tests {
    use ledger::rate::RateCard;

    use super::*;

    #[test]
    fn the_example_is_priced_by_the_card() {
        let build = &RateCard::example().prices[0];
        assert_eq!((cost(build, "3"), cost(build, "2")), (Credits::whole(150), Credits::whole(100)));
    }
}
