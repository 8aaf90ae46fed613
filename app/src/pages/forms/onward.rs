//! On to what somebody wanted to do before they were asked who they are, when that leads to another site: the browser goes there
//! from a page of ours by itself.

use leptos::prelude::*;
use leptos_meta::Meta;

use super::field::{FormFrame, Said};
use super::local_path;
use crate::ssr::FormView;

#[component]
pub fn Onward(form: FormView) -> impl IntoView {
    let next = local_path(&form.value("next")).to_owned();
    let FormView { error, notice, .. } = form;
    view! {
        <Meta http_equiv="refresh" content=format!("0; url={next}") />
        <FormFrame title="Thank you" refused=false>
            <Said error notice />
            <p class="sub">"If nothing happens, go on by yourself."</p>
            <p class="ways">
                <a class="button primary" href=next rel="external">
                    "Go on"
                </a>
            </p>
        </FormFrame>
    }
}
