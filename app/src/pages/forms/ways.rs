//! Who else may say who somebody is: a link for each. They are links and no buttons of a form, since the content security
//! policy lets forms go nowhere else, and where a provider sends people on to is its own affair.

use leptos::prelude::*;

use crate::ssr::FormView;

/// Nothing where no provider is configured. `verb` is what one does with one: `Continue with`.
pub fn ways(form: &FormView, verb: &'static str, is_alone: bool) -> Option<AnyView> {
    if form.ways.is_empty() {
        return None;
    }
    let link = |(path, name): &(String, String)| {
        view! {
            <a class="button" href=path.clone() rel="external">
                {format!("{verb} {name}")}
            </a>
        }
    };
    let links = form.ways.iter().map(link).collect_view();
    let or = (!is_alone).then(|| view! { <p class="or sub">"or"</p> });
    Some(view! { <div class="providers">{links}</div> {or} }.into_any())
}
