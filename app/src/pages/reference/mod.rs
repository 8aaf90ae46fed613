//! `/docs`: the API reference, made from the description that `/openapi.json` is. On the server only.

mod introduction;
mod operation;
mod schema;

use leptos::prelude::*;
use serde_json::Value;

use self::operation::Operation;
use crate::components::public::PublicPage;

/// Its path.
pub const PATH: &str = "/docs";

/// One part of the API with its operations, by the names of the document.
struct Area<'a> {
    name: &'a str,
    about: &'a str,
    operations: Vec<Operation<'a>>,
}

/// All that stands on the page, as HTML; the same for everybody.
pub fn article(document: &Value) -> String {
    let areas = areas(document);
    let links = areas.iter().map(|area| {
        let operations = area.operations.iter().map(|operation| link(operation.id, operation.summary));
        view! {
            <li>
                {anchor(&area_id(area.name), area.name)} <ol>{operations.collect_view()}</ol>
            </li>
        }
    });
    let introduction = introduction::PARTS.map(|(id, heading)| link(id, heading));
    let parts = areas.iter().map(|area| {
        let operations = area.operations.iter().map(|operation| operation.view(document)).collect_view();
        view! {
            <section id=area_id(area.name) class="area">
                <h2>{area.name.to_owned()}</h2>
                <p>{area.about.to_owned()}</p>
            </section>
            {operations}
        }
    });
    let page = view! {
        <nav class="contents" aria-label="On this page">
            <ol>{introduction.collect_view()} {links.collect_view()}</ol>
        </nav>
        <article class="prose reference">
            {introduction::view(document)} {parts.collect_view()}
        </article>
    };
    page.to_html()
}

/// The page around it.
#[component]
pub fn ReferencePage(article: String) -> impl IntoView {
    view! {
        <PublicPage here=PATH>
            <div class="doc" inner_html=article></div>
        </PublicPage>
    }
}

fn link(id: &str, text: &str) -> impl IntoView + use<> {
    view! { <li>{anchor(id, text)}</li> }
}

fn anchor(id: &str, text: &str) -> impl IntoView + use<> {
    view! { <a href=format!("#{id}")>{text.to_owned()}</a> }
}

fn area_id(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}

fn areas(document: &Value) -> Vec<Area<'_>> {
    let operations = operation::all(document);
    let tags = document["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    tags.iter()
        .map(|tag| {
            let name = tag["name"].as_str().unwrap_or_default();
            Area {
                name,
                about: tag["description"].as_str().unwrap_or_default(),
                operations: operations.iter().filter(|operation| operation.area == name).cloned().collect(),
            }
        })
        .collect()
}

/// A text of the document, whose names in backticks are code.
fn prose(text: &str) -> impl IntoView + use<> {
    let parts = text.split('`').enumerate().map(|(place, part)| {
        let part = part.to_owned();
        if place % 2 == 0 { part.into_any() } else { view! { <code>{part}</code> }.into_any() }
    });
    parts.collect_view()
}
