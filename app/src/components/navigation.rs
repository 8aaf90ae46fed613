//! The ways to the pages: at the side, on a phone at the bottom, and what the top bar calls the place one is at.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::dynamic::text;

/// A page, or a room of pages, that the navigation leads to.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    /// Where the link leads.
    pub path: &'static str,
    /// What lies at or below one of these belongs here too.
    pub roots: &'static [&'static str],
    pub name: &'static str,
    /// Fits under an icon on a phone.
    pub short: &'static str,
    /// Of a stroke, in a square of 16.
    pub icon: &'static str,
    /// A page for everybody, in which this wasm has no part: the browser goes there itself.
    pub is_public: bool,
}

/// The main navigation, in its order.
const PLACES: &[Place] = &[
    Place {
        path: "/",
        roots: &[],
        name: "Overview",
        short: "Overview",
        icon: "M2 7.5 8 2.5l6 5M3.5 6.5v7h9v-7M6.5 13.5V9.5h3v4",
        is_public: false,
    },
    Place {
        path: "/usage",
        roots: &["/receipts"],
        name: "Usage",
        short: "Usage",
        icon: "M2.5 13.5h11M4 13.5v-4M8 13.5v-10M12 13.5V7",
        is_public: false,
    },
    Place {
        path: "/credits",
        roots: &[],
        name: "Credits",
        short: "Credits",
        icon: "M2.5 5.5h11v8h-11zM2.5 5.5 10.5 2.5v3M10.5 9.5h.01",
        is_public: false,
    },
    Place {
        path: "/pricing",
        roots: &[],
        name: "Pricing",
        short: "Pricing",
        icon: "M8.5 2.5h5v5l-6 6-5-5zM10.8 5.2h.01",
        is_public: true,
    },
    Place {
        path: "/docs/billing",
        roots: &[],
        name: "How credits work",
        short: "Guide",
        icon: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM6.2 6.4a1.8 1.8 0 1 1 2.6 1.6c-.5.3-.8.6-.8 1.2M8 11.3h.01",
        is_public: true,
    },
    Place {
        path: "/settings/account",
        roots: &["/settings"],
        name: "Settings",
        short: "Settings",
        icon: "M2.5 5H8m4 0h1.5M2.5 11H4m4 0h5.5M12 5a2 2 0 1 1-4 0 2 2 0 0 1 4 0zM8 11a2 2 0 1 1-4 0 2 2 0 0 1 4 0z",
        is_public: false,
    },
];

impl Place {
    /// For `aria-current`: `page` on the page itself, `true` on one below it.
    fn current(&self, path: &str) -> Option<&'static str> {
        let below = |root: &&str| path.strip_prefix(*root).is_some_and(|rest| rest.starts_with('/'));
        if path == self.path {
            Some("page")
        } else {
            self.roots.iter().any(|root| path == *root || below(root)).then_some("true")
        }
    }
}

/// Links to all places, the current one marked. The names are whole at the side and short at the bottom; the style
/// shows one of them.
#[component]
pub fn Places() -> impl IntoView {
    let path = use_location().pathname;
    let link = move |place: &'static Place| {
        let rel = place.is_public.then_some("external");
        view! {
            <a href=place.path rel=rel aria-current=move || path.with(|path| place.current(path))>
                <svg class="icon" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
                    <path d=place.icon />
                </svg>
                <span class="whole">{place.name}</span>
                <span class="short">{place.short}</span>
            </a>
        }
    };
    PLACES.iter().map(link).collect_view()
}

/// A few pages of one room, side by side: what the room is called, and their paths and names.
pub fn rooms(label: &'static str, rooms: &'static [(&'static str, &'static str)]) -> impl IntoView {
    let path = use_location().pathname;
    let link = move |(href, name): &'static (&'static str, &'static str)| {
        let current = move || path.with(|path| (path == *href).then_some("page"));
        view! {
            <a href=*href aria-current=current>
                {*name}
            </a>
        }
    };
    view! {
        <nav class="rooms" aria-label=label>
            {rooms.iter().map(link).collect_view()}
        </nav>
    }
}

/// What the top bar calls the place one is at.
#[component]
pub fn PageName() -> impl IntoView {
    let path = use_location().pathname;
    let name = text(move || {
        let place = path.with(|path| PLACES.iter().find(|place| place.current(path).is_some()));
        place.map(|place| place.name).unwrap_or_default().to_owned()
    });
    view! { <div class="crumb">{name}</div> }
}

/// After a change of page the keyboard starts at its heading, and screen readers say it; open menus close.
#[cfg(feature = "hydrate")]
pub fn follow_pages() {
    let path = use_location().pathname;
    Effect::new(move |before: Option<String>| {
        let here = path.get();
        if before.is_some_and(|before| before != here) {
            request_animation_frame(browser::start_of_page);
        }
        here
    });
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::prelude::*;
    use wasm_bindgen::JsCast;
    use web_sys::HtmlElement;

    pub fn start_of_page() {
        let find = |selector| {
            let found = document().query_selector(selector).ok().flatten();
            found.and_then(|element| element.dyn_into::<HtmlElement>().ok())
        };
        // Both fail only for elements that have just left the page.
        if let Some(menu) = find(".menu:popover-open") {
            menu.hide_popover().ok();
        }
        if let Some(start) = find("#main h1").or_else(|| find("#main")) {
            start.set_tab_index(-1);
            start.focus().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place_of(path: &str) -> Option<(&'static str, &'static str)> {
        PLACES.iter().find_map(|place| place.current(path).map(|current| (place.name, current)))
    }

    #[test]
    fn a_page_below_a_place_belongs_to_it() {
        assert_eq!(place_of("/"), Some(("Overview", "page")));
        assert_eq!(place_of("/usage"), Some(("Usage", "page")));
        assert_eq!(place_of("/receipts/evt_1"), Some(("Usage", "true")));
        assert_eq!(place_of("/credits"), Some(("Credits", "page")));
        assert_eq!(place_of("/settings/account"), Some(("Settings", "page")));
        assert_eq!(place_of("/settings/api-keys"), Some(("Settings", "true")));
        assert_eq!(place_of("/settings"), Some(("Settings", "true")));
        for nowhere in ["/settingsx", "/pricing-old", "/nowhere", ""] {
            assert_eq!(place_of(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn no_page_is_in_two_places() {
        for place in PLACES {
            let found = PLACES.iter().filter(|other| other.current(place.path).is_some()).count();
            assert_eq!(found, 1, "{}", place.path);
        }
    }
}
