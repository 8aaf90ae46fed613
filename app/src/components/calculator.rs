//! The price list with a field for a quantity beside each price: a plain form that the server answers, and that the
//! wasm takes over at the first edit.

use ledger::rate::Price;
use leptos::prelude::*;

use super::dynamic::text;
use crate::calculation::Calculation;
use crate::format;
use crate::prices::{self, Said};

/// The element whose content the wasm takes over; its `data-prices` holds the price list as JSON.
pub const ID: &str = "calculator";

/// Stands where there is no amount.
const NONE: &str = "–";

/// Rows of operation, price, quantity and cost, and their total.
#[component]
pub fn Calculator(calculation: RwSignal<Calculation>) -> impl IntoView {
    let rows = calculation.with_untracked(|all| {
        let row = |(line, price): (usize, &Price)| view! { <Line calculation line price /> };
        all.prices().iter().enumerate().map(row).collect_view()
    });
    let total = text(move || calculation.with(|all| all.total().map_or(NONE.to_owned(), format::exact)));
    view! {
        <form method="get" action="/pricing">
            <table class="prices">
                <caption class="hidden">
                    "What each operation costs, and what the quantities typed here would cost"
                </caption>
                <thead>
                    <tr>
                        <th scope="col">"Operation"</th>
                        <th scope="col">"Price in credits"</th>
                        <th scope="col">"Quantity"</th>
                        <th scope="col" class="num">
                            "Costs"
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
                <tfoot>
                    <tr>
                        <th scope="row" colspan="3">
                            "Total"
                        </th>
                        <td class="num">
                            <output data-testid="total">{total}</output>
                            <span class="unit">" credits"</span>
                        </td>
                    </tr>
                </tfoot>
            </table>
            <p class="ways">
                <button type="submit" class="button primary">
                    "Calculate"
                </button>
                <a class="button" href="/pricing" rel="external">
                    "Clear"
                </a>
            </p>
        </form>
    }
}

#[component]
fn Line<'a>(calculation: RwSignal<Calculation>, line: usize, price: &'a Price) -> impl IntoView + use<> {
    let operation = price.operation.clone();
    let (id, problem) = (field_id(&operation), format!("{}-problem", field_id(&operation)));
    let counted = format::counted(&price.unit);
    let cost = move || calculation.with(|all| all.cost(line));
    let typed = calculation.with_untracked(|all| all.typed(line).to_owned());
    view! {
        <tr>
            <th scope="row">
                <label for=id.clone()>{operation.clone()}</label>
            </th>
            <td class="price">{costs(price)}</td>
            <td class="asked">
                <input
                    id=id
                    name=operation
                    value=typed
                    inputmode="decimal"
                    autocomplete="off"
                    maxlength="40"
                    placeholder="0"
                    aria-describedby=problem.clone()
                    aria-invalid=text(move || cost().is_err().to_string())
                    on:input=move |event| {
                        calculation.update(|all| all.type_in(line, event_target_value(&event)));
                    }
                />
                <span>{counted}</span>
                <span class="wrong" id=problem>
                    {text(move || cost().err().map(|why| why.to_string()).unwrap_or_default())}
                </span>
            </td>
            <td class="num">{text(move || cost().map_or(NONE.to_owned(), format::exact))}</td>
        </tr>
    }
}

/// What the rate card says: one amount, or one for each tier.
fn costs(price: &Price) -> AnyView {
    let Said { intro, lines, least } = prices::said(price);
    let amount = |line: prices::Line| {
        let tag = if line.per.is_empty() { "tag" } else { "" };
        let per = format!(" {}", line.per);
        let when = (!line.when.is_empty()).then(|| view! { <span>{format!("{}: ", line.when)}</span> });
        view! {
            {when}
            <b class=tag>{line.amount}</b>
            <span>{per}</span>
        }
    };
    let least = least.map(|least| view! { <span class="least">{least}</span> });
    let Some(intro) = intro else {
        let lines = lines.into_iter().map(amount).collect_view();
        return view! { {lines} {least} }.into_any();
    };
    let tiers = lines.into_iter().map(|line| view! { <li>{amount(line)}</li> }).collect_view();
    view! {
        <span>{intro}</span>
        <ul class="tiers">{tiers}</ul>
        {least}
    }
    .into_any()
}

fn field_id(operation: &str) -> String {
    format!("q-{operation}")
}

#[cfg(feature = "hydrate")]
pub mod browser {
    use ledger::rate::Price;
    use leptos::mount::hydrate_from;
    use leptos::prelude::*;
    use wasm_bindgen::JsCast;
    use web_sys::{HtmlElement, HtmlInputElement};

    use super::{Calculator, ID, field_id};
    use crate::calculation::Calculation;

    /// Takes over the calculator that the server has rendered, and reads what was typed meanwhile.
    pub fn take_over() {
        let Some(element) = document().get_element_by_id(ID) else { return };
        let prices = element.get_attribute("data-prices").unwrap_or_default();
        // Written by the server of the same build.
        let Ok(prices) = serde_json::from_str::<Vec<Price>>(&prices) else { return };
        let start = || {
            // First as the server has rendered it: taking over compares nothing, and changes nothing.
            let served = |operation: &str| field(operation).map(|field| field.default_value());
            let calculation = RwSignal::new(Calculation::new(prices, served));
            Effect::new(move || calculation.update(read_fields));
            view! { <Calculator calculation /> }
        };
        hydrate_from(element.unchecked_into::<HtmlElement>(), start).forget();
        crate::app::mark_hydrated();
    }

    fn read_fields(calculation: &mut Calculation) {
        for line in 0..calculation.prices().len() {
            let operation = &calculation.prices()[line].operation;
            if let Some(field) = field(operation) {
                calculation.type_in(line, field.value());
            }
        }
    }

    fn field(operation: &str) -> Option<HtmlInputElement> {
        document().get_element_by_id(&field_id(operation))?.dyn_into().ok()
    }
}
