//! Parts of forms: a field with what is wrong beside it, the form's own error, the button that sends it.
//!
//! All of them are whole without scripts. A page that hydrates hands in signals (see [`Sending`]); a page that doesn't
//! hands in plain texts.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use super::dynamic::text;
use crate::backend::ConsoleError;
use crate::backend::form::{Errors, error_of};

/// A field of one line. Its id is its name.
#[component]
pub fn Field(
    name: &'static str,
    label: &'static str,
    /// What helps before anything is wrong.
    #[prop(optional)]
    hint: &'static str,
    /// What stands in it at first.
    #[prop(into, optional)]
    value: String,
    /// A whole sentence; empty when nothing is wrong.
    #[prop(into, optional)]
    error: Signal<String>,
    /// The input's type.
    #[prop(default = "text")]
    kind: &'static str,
    #[prop(default = "off")] autocomplete: &'static str,
    #[prop(default = "text")] inputmode: &'static str,
    #[prop(optional)] required: bool,
) -> impl IntoView {
    view! {
        <Labelled name label hint error>
            <input
                id=name
                name=name
                type=kind
                inputmode=inputmode
                autocomplete=autocomplete
                autocapitalize="none"
                spellcheck="false"
                required=required
                value=value
                aria-invalid=invalid(error)
                aria-describedby=described_by(name)
            />
        </Labelled>
    }
}

/// A label above any control, its hint and its error below. The control takes `id=name`, [`invalid`] and
/// [`described_by`].
#[component]
pub fn Labelled(
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    error: Signal<String>,
    children: Children,
) -> impl IntoView {
    view! {
        <div class="field">
            <label for=name>{label}</label>
            {children()}
            <p class="wrong" id=format!("{name}-error") hidden=is_empty(error)>
                {error}
            </p>
            <p class="sub" id=format!("{name}-help") hidden=hint.is_empty()>
                {hint}
            </p>
        </div>
    }
}

/// For a control's `aria-invalid`.
pub fn invalid(error: Signal<String>) -> Signal<String> {
    text(move || error.with(|error| !error.is_empty()).to_string())
}

/// For a control's `aria-describedby`.
pub fn described_by(name: &str) -> String {
    format!("{name}-error {name}-help")
}

fn is_empty(text: Signal<String>) -> Signal<bool> {
    Signal::derive(move || text.with(String::is_empty))
}

/// What is wrong with the form as a whole; nothing when the text is empty.
#[component]
pub fn FormError(#[prop(into)] error: Signal<String>) -> impl IntoView {
    view! {
        <p class="notice bad" role="alert" hidden=is_empty(error)>
            {error}
        </p>
    }
}

/// What went well, said politely. Stands in the page also while it is empty, or it would not be heard.
#[component]
pub fn Said(#[prop(into)] said: Signal<String>) -> impl IntoView {
    view! {
        <p class="said" role="status">
            {said}
        </p>
    }
}

/// The button that sends the form. While busy it says so and keeps the focus, and [`Sending`] sends nothing again.
#[component]
pub fn Submit(
    label: &'static str,
    #[prop(into, optional)] busy: Signal<bool>,
    #[prop(default = "button primary")] class: &'static str,
) -> impl IntoView {
    view! {
        <button class=class type="submit" aria-disabled=text(move || busy.get().to_string())>
            {label}
        </button>
    }
}

/// What a form's answer leads to.
pub type Answer = std::pin::Pin<Box<dyn Future<Output = Result<(), ConsoleError>>>>;

/// A form that scripts send: what is wrong with it, and whether its answer is awaited.
#[derive(Debug, Clone, Copy)]
pub struct Sending {
    pub busy: RwSignal<bool>,
    pub errors: RwSignal<Errors>,
}

impl Sending {
    /// Starts with the errors that the form came back with.
    pub fn new(errors: Errors) -> Self {
        Self { busy: RwSignal::new(false), errors: RwSignal::new(errors) }
    }

    /// What is wrong with a field, or with the whole form (the empty name).
    pub fn error(self, field: &'static str) -> Signal<String> {
        text(move || self.errors.with(|errors| error_of(errors, field)))
    }

    /// Sends the form by script instead of by the browser; nothing while an answer is awaited. `call` gets the text of
    /// each field by its name.
    #[cfg(feature = "hydrate")]
    pub fn send(self, event: &SubmitEvent, call: impl FnOnce(&dyn Fn(&str) -> String) -> Answer) {
        event.prevent_default();
        if self.busy.get_untracked() {
            return;
        }
        let Some(fields) = browser::Fields::of(event) else { return };
        self.busy.set(true);
        self.finish(call(&|name| fields.text(name)), fields);
    }

    #[cfg(feature = "hydrate")]
    fn finish(self, answer: Answer, fields: browser::Fields) {
        leptos::task::spawn_local(async move {
            let errors = match answer.await {
                Ok(()) => Errors::new(),
                Err(ConsoleError::Unauthorized) => return crate::live::connection::leave(),
                Err(error) => error.reasons(),
            };
            let refused = !errors.is_empty();
            // The page may have been left meanwhile.
            self.errors.try_set(errors);
            self.busy.try_set(false);
            if refused {
                fields.focus_first_error();
            }
        });
    }

    #[cfg(not(feature = "hydrate"))]
    pub fn send(self, _event: &SubmitEvent, _call: impl FnOnce(&dyn Fn(&str) -> String) -> Answer) {}
}

/// Writes into the field called `name`, as if it had been typed.
#[cfg_attr(not(feature = "hydrate"), expect(unused_variables, reason = "only browsers have fields"))]
pub fn put(name: &str, text: &str) {
    #[cfg(feature = "hydrate")]
    if let Some(field) = document().get_element_by_id(name) {
        // Fails only for objects that are frozen.
        js_sys::Reflect::set(&field, &"value".into(), &text.into()).ok();
    }
}

/// Moves the focus to an element that is on the page at the next frame.
#[cfg_attr(not(feature = "hydrate"), expect(unused_variables, reason = "only browsers have a focus"))]
pub fn focus(id: &'static str) {
    #[cfg(feature = "hydrate")]
    request_animation_frame(move || browser::focus(document().get_element_by_id(id)));
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::ev::SubmitEvent;
    use leptos::prelude::*;
    use wasm_bindgen::JsCast;
    use web_sys::{Element, FormData, HtmlElement, HtmlFormElement};

    pub fn focus(element: Option<Element>) {
        if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
            if element.tab_index() < 0 {
                element.set_tab_index(-1);
            }
            // Fails only for elements that have just left the page.
            element.focus().ok();
        }
    }

    pub struct Fields {
        form: HtmlFormElement,
        sent: FormData,
    }

    impl Fields {
        pub fn of(event: &SubmitEvent) -> Option<Self> {
            let form: HtmlFormElement = event.target()?.dyn_into().ok()?;
            let sent = FormData::new_with_form(&form).ok()?;
            Some(Self { form, sent })
        }

        pub fn text(&self, name: &str) -> String {
            self.sent.get(name).as_string().unwrap_or_default()
        }

        /// Once the errors are on the page.
        pub fn focus_first_error(self) {
            request_animation_frame(move || {
                focus(self.form.query_selector("[aria-invalid=true]").ok().flatten());
            });
        }
    }
}
