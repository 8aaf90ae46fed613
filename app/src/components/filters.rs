//! The controls of the usage explorer: ready ranges, days, and what to group and filter by.

use leptos::prelude::*;

use super::query_form::QueryForm;
use crate::backend::usage::{Choice, USAGE_PATH, UsageForm, chosen};

/// Two forms and a row of links; each works by itself and keeps what the others say.
pub fn filters(form: &UsageForm) -> impl IntoView + use<> {
    let problem = form.problem.clone();
    let ranges = form.ranges.iter().map(range).collect_view();
    let kept =
        [kept("group_by", &form.groups), kept("operation", &form.operations), kept("api_key", &form.keys)];
    let invalid = problem.is_some();
    let days = [day("from", "From", &form.from, invalid), day("to", "To", &form.to, invalid)];
    let span = form.span.iter().map(|one| hidden(&one.name, &one.value)).collect_view();
    let choices = [
        select("granularity", "Show by", &form.granularities),
        select("group_by", "Group", &form.groups),
        select("operation", "Operation", &form.operations),
        select("api_key", "API key", &form.keys),
    ];
    view! {
        <nav class="seg" aria-label="Range">
            {ranges}
        </nav>
        <QueryForm action=USAGE_PATH class="days" label="Days" at_once=false>
            {kept.collect_view()}
            {days.collect_view()}
            <button type="submit" class="button">
                "Show days"
            </button>
        </QueryForm>
        <QueryForm action=USAGE_PATH class="choices" label="Filters" at_once=true>
            {span}
            {choices.collect_view()}
            <button type="submit" class="button without-script">
                "Apply"
            </button>
        </QueryForm>
        {problem.map(|problem| view! { <p class="notice bad" id="days-problem" role="alert">{problem}</p> })}
    }
}

fn day(name: &'static str, label: &'static str, value: &str, invalid: bool) -> AnyView {
    let value = value.to_owned();
    view! {
        <label>
            <span>{label}</span>
            <input
                type="date"
                name=name
                required
                value=value.clone()
                prop:value=value
                aria-invalid=invalid.then_some("true")
                aria-describedby=invalid.then_some("days-problem")
            />
        </label>
    }
    .into_any()
}

fn range(one: &Choice) -> impl IntoView + use<> {
    let current = one.is_chosen.then_some("true");
    view! {
        <a href=one.value.clone() aria-current=current data-noscroll="">
            {one.name.clone()}
        </a>
    }
}

fn kept(name: &str, choices: &[Choice]) -> AnyView {
    match chosen(choices) {
        "" => ().into_any(),
        value => hidden(name, value),
    }
}

fn hidden(name: &str, value: &str) -> AnyView {
    view! { <input type="hidden" name=name.to_owned() value=value.to_owned() /> }.into_any()
}

fn select(name: &'static str, label: &'static str, choices: &[Choice]) -> AnyView {
    let option = |one: &Choice| {
        view! {
            <option value=one.value.clone() selected=one.is_chosen prop:selected=one.is_chosen>
                {one.name.clone()}
            </option>
        }
    };
    view! {
        <label>
            <span>{label}</span>
            <select name=name>{choices.iter().map(option).collect_view()}</select>
        </label>
    }
    .into_any()
}
