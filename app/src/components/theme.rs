//! Light, dark, or as the system has it; remembered in this browser.

use leptos::prelude::*;

/// What was chosen.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    #[default]
    System,
    Light,
    Dark,
}

impl Choice {
    const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    const fn label(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }

    /// In `data-theme` on the document and in the browser's storage; the system's choice is the absence of one.
    #[cfg(feature = "hydrate")]
    const fn stored(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }
}

/// The theme of the page, in context from [`crate::app::App`] down.
#[derive(Debug, Clone, Copy)]
pub struct Theme {
    choice: RwSignal<Choice>,
    /// Goes up whenever colours have changed; what draws with resolved colours follows it.
    pub version: RwSignal<u32>,
}

impl Theme {
    pub fn new() -> Self {
        let theme = Self { choice: RwSignal::new(Choice::default()), version: RwSignal::new(0) };
        #[cfg(feature = "hydrate")]
        Effect::new(move || browser::follow(theme));
        theme
    }

    #[cfg_attr(
        not(feature = "hydrate"),
        expect(clippy::unused_self, reason = "the switch does nothing without scripts")
    )]
    fn choose(self, choice: Choice) {
        #[cfg(feature = "hydrate")]
        {
            browser::remember(choice);
            self.choice.set(choice);
            self.version.update(|version| *version += 1);
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = choice;
    }
}

impl Default for Theme {
    fn default() -> Self {
        Self::new()
    }
}

/// Three radio buttons; hidden until scripts have arrived.
#[component]
pub fn ThemeSwitch() -> impl IntoView {
    let theme = expect_context::<Theme>();
    let option = move |choice: Choice| {
        view! {
            <label>
                <input
                    type="radio"
                    name="theme"
                    prop:checked=move || theme.choice.get() == choice
                    on:change=move |_| theme.choose(choice)
                />
                <span>{choice.label()}</span>
            </label>
        }
    };
    view! {
        <fieldset class="needs-script">
            <legend>"Theme"</legend>
            <div class="seg radios">{Choice::ALL.map(option).collect_view()}</div>
        </fieldset>
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::prelude::*;
    use wasm_bindgen::JsCast;
    use wasm_bindgen::closure::Closure;

    use super::{Choice, Theme};

    /// Shows what the inline script in the document's head has applied, and follows the system from now on.
    pub fn follow(theme: Theme) {
        let applied = document().document_element().and_then(|root| root.get_attribute("data-theme"));
        let choice = Choice::ALL.into_iter().find(|choice| choice.stored() == applied.as_deref());
        theme.choice.set(choice.unwrap_or_default());
        let Ok(Some(dark)) = window().match_media("(prefers-color-scheme: dark)") else { return };
        let changed = Closure::<dyn Fn()>::new(move || theme.version.update(|version| *version += 1));
        dark.set_onchange(Some(changed.as_ref().unchecked_ref()));
        // Lives as long as the page.
        changed.forget();
    }

    /// Private windows may refuse to store; the choice then lasts as long as the page.
    pub fn remember(choice: Choice) {
        let storage = window().local_storage().ok().flatten();
        let root = document().document_element();
        if let Some(stored) = choice.stored() {
            storage.and_then(|storage| storage.set_item("theme", stored).ok());
            root.and_then(|root| root.set_attribute("data-theme", stored).ok());
        } else {
            storage.and_then(|storage| storage.remove_item("theme").ok());
            root.and_then(|root| root.remove_attribute("data-theme").ok());
        }
    }
}
