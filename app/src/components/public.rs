//! The frame of pages that anybody may see.
//!
//! None of it needs wasm: links are plain, and the theme's switch is answered by a few lines of inline script.

use leptos::prelude::*;

use crate::backend::Viewer;
use crate::backend::pricing::InstantView;

/// A public page that the header leads to.
struct Place {
    path: &'static str,
    name: &'static str,
}

const PLACES: [Place; 3] = [
    Place { path: "/pricing", name: "Pricing" },
    Place { path: "/docs/billing", name: "How credits work" },
    Place { path: "/docs", name: "API" },
];

/// The mark and the name of the product.
#[component]
pub fn Brand() -> impl IntoView {
    view! {
        <svg class="mark" width="22" height="22" viewBox="0 0 22 22" aria-hidden="true">
            <rect width="22" height="22" rx="6" />
            <path d="M6 15V7h5.2a3 3 0 0 1 0 6H9" />
        </svg>
        <b>"Plexe"</b>
        <span class="product">"Console"</span>
    }
}

/// One card in the middle of the page: forms, and what is said in a few words.
#[component]
pub fn Public(children: Children) -> impl IntoView {
    view! {
        <Site here="">
            <main id="main" tabindex="-1" class="narrow">
                <div class="card">{children()}</div>
            </main>
        </Site>
    }
}

/// A page of content.
#[component]
pub fn PublicPage(
    /// Its path, which the header marks.
    here: &'static str,
    children: Children,
) -> impl IntoView {
    view! {
        <Site here>
            <main id="main" tabindex="-1" class="wide">
                {children()}
            </main>
        </Site>
    }
}

#[component]
fn Site(here: &'static str, children: Children) -> impl IntoView {
    let links = PLACES.map(|place| {
        let current = (place.path == here).then_some("page");
        view! {
            <a href=place.path rel="external" aria-current=current>
                {place.name}
            </a>
        }
    });
    view! {
        <a class="skip" href="#main">
            "Skip to content"
        </a>
        <div class="site">
            <header>
                <a class="brand" href="/" rel="external" aria-label="Plexe Console">
                    <Brand />
                </a>
                <nav aria-label="Site">{links.collect_view()}</nav>
                <div class="ways">
                    <Ways />
                </div>
                <ThemeChoice />
            </header>
            {children()}
            <footer class="sub">
                <p>"Plexe Console"</p>
                <p>
                    "Prices for programs: "
                    <a href="/rate-card" rel="external">
                        <code>"GET /rate-card"</code>
                    </a> " · The API: " <a href="/docs" rel="external">
                        "reference"
                    </a> ", " <a href="/openapi.json" rel="external">
                        <code>"openapi.json"</code>
                    </a>
                </p>
            </footer>
        </div>
    }
}

/// Into the console, for those who are signed in and for those who are not; nothing when that could not be found out.
#[component]
fn Ways() -> impl IntoView {
    match use_context::<Option<Viewer>>() {
        None => ().into_any(),
        Some(Some(_)) => view! {
            <a class="button small" href="/" rel="external">
                "Overview"
            </a>
        }
        .into_any(),
        Some(None) => view! {
            <a href="/sign-in" rel="external">
                "Sign in"
            </a>
            <a class="button small" href="/sign-up" rel="external">
                "Sign up"
            </a>
        }
        .into_any(),
    }
}

/// As [`super::theme::ThemeSwitch`], for pages without wasm: `app/js/theme.js` answers it.
#[component]
fn ThemeChoice() -> impl IntoView {
    let options = [
        ("", "System", "M3 4h10v7H3zM6 14h4M8 11v3"),
        (
            "light",
            "Light",
            "M8 5.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
        ),
        ("dark", "Dark", "M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5z"),
    ];
    let option = |(value, name, path): (&'static str, &'static str, &'static str)| {
        view! {
            <label title=name>
                <input type="radio" name="theme" value=value autocomplete="off" aria-label=name />
                <span>
                    <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
                        <path d=path />
                    </svg>
                </span>
            </label>
        }
    };
    view! {
        <fieldset class="theme">
            <legend class="hidden">"Theme"</legend>
            <div class="seg radios">{options.map(option).collect_view()}</div>
        </fieldset>
    }
}

/// `in force since 22 November 2026, 12:00 UTC`, or when it is still to come: `in force from …`.
#[component]
pub fn Since(
    /// `None`: from the beginning.
    since: Option<InstantView>,
    /// Whether it is still to come.
    #[prop(optional)]
    ahead: bool,
) -> impl IntoView {
    match since {
        None => "in force from the beginning".into_any(),
        Some(InstantView { instant, label }) => {
            let word = if ahead { "in force from " } else { "in force since " };
            let title = instant.clone();
            view! {
                {word}
                <time datetime=instant title=title>
                    {label}
                </time>
            }
            .into_any()
        }
    }
}
