//! One operation: who may call it, what it takes and answers, and how it is called.

use leptos::prelude::*;
use serde_json::Value;

use super::prose;
use super::schema::{fields, kind, list, resolved};

/// An operation of the document.
#[derive(Debug, Clone)]
pub struct Operation<'a> {
    pub id: &'a str,
    pub area: &'a str,
    pub summary: &'a str,
    method: &'a str,
    path: &'a str,
    value: &'a Value,
}

/// All of them; those of one path by what they do to it.
pub fn all(document: &Value) -> Vec<Operation<'_>> {
    const METHODS: [&str; 4] = ["post", "get", "patch", "delete"];
    let paths = document["paths"].as_object();
    let mut found = vec![];
    for (path, methods) in paths.into_iter().flatten() {
        for method in METHODS {
            let Some(value) = methods.get(method) else { continue };
            let text = |name: &str| value[name].as_str().unwrap_or_default();
            let area = value["tags"][0].as_str().unwrap_or_default();
            found.push(Operation {
                id: text("operationId"),
                area,
                summary: text("summary"),
                method,
                path,
                value,
            });
        }
    }
    found
}

impl Operation<'_> {
    pub fn view(&self, document: &Value) -> AnyView {
        let about = self.value["description"].as_str().unwrap_or_default();
        view! {
            <section class="operation" id=self.id.to_owned()>
                <h3>{self.summary.to_owned()}</h3>
                <p class="call">
                    <b>{self.method.to_uppercase()}</b>
                    <code>{self.path.to_owned()}</code>
                </p>
                {(!about.is_empty()).then(|| view! { <p>{prose(about)}</p> })}
                <p class="sub">{prose(&self.callers())}</p>
                {self.parameters(document)}
                {self.body(document)}
                {self.samples()}
                {self.answer(document)}
                {self.errors(document)}
            </section>
        }
        .into_any()
    }

    fn callers(&self) -> String {
        let scope = self.value["x-scope"].as_str().unwrap_or_default();
        match (self.value["x-by"].as_str(), self.value["x-permission"].as_str(), self.method) {
            (None, ..) => "Anybody may call it, without a key.".to_owned(),
            (Some("service"), _, "get") => {
                format!("A customer's key, or a service key with the scope `{scope}`.")
            }
            (Some("service"), ..) => format!("A service key with the scope `{scope}`."),
            (_, Some(_), _) => "A customer's key with the permission `read_write`.".to_owned(),
            _ => "A customer's key, or the console's own cookie.".to_owned(),
        }
    }

    fn parameters(&self, document: &Value) -> Option<impl IntoView + use<>> {
        let parameters = self.value["parameters"].as_array().filter(|parameters| !parameters.is_empty())?;
        let rows = parameters.iter().map(|parameter| {
            let name = parameter["name"].as_str().unwrap_or_default().to_owned();
            let usual = parameter["schema"].get("default").map(|usual| {
                let usual = usual.as_str().map_or_else(|| usual.to_string(), str::to_owned);
                format!(", usually {usual}")
            });
            let place = if parameter["in"] == "path" { ", in the path" } else { "" };
            let kind =
                format!("{}{place}{}", kind(document, &parameter["schema"]), usual.unwrap_or_default());
            let about = prose(parameter["description"].as_str().unwrap_or_default());
            view! {
                <dt>
                    <code>{name}</code>
                    <span class="muted">{kind}</span>
                </dt>
                <dd>{about}</dd>
            }
        });
        let rows = rows.collect_view();
        Some(view! {
            <h4>"Parameters"</h4>
            <dl class="fields">{rows}</dl>
        })
    }

    fn body(&self, document: &Value) -> Option<impl IntoView + use<>> {
        let body = self.value.get("requestBody")?;
        let is_optional = body["required"] == false;
        let content = body["content"].as_object()?;
        let first = content.get("application/json")?;
        let fields = fields(document, &first["schema"]);
        let others: Vec<String> = content
            .keys()
            .filter(|kind| *kind != "application/json")
            .map(|kind| format!("`{kind}`"))
            .collect();
        let others = (!others.is_empty()).then(|| format!("Also as {}.", others.join(" and ")));
        let heading = if is_optional { "Body, which may be left out" } else { "Body" };
        Some(view! {
            <h4>{heading}</h4>
            {(!fields.is_empty()).then(|| list(fields, "optional"))}
            {others.map(|others| view! { <p class="sub">{prose(&others)}</p> })}
        })
    }

    fn samples(&self) -> impl IntoView + use<> {
        let samples = self.value["x-codeSamples"].as_array().map(Vec::as_slice).unwrap_or_default();
        let name = format!("language-{}", self.id);
        let choices = samples.iter().enumerate().map(|(place, sample)| {
            let label = sample["label"].as_str().unwrap_or_default().to_owned();
            view! {
                <label>
                    <input type="radio" name=name.clone() value=label.clone() checked=place == 0 autocomplete="off" />
                    <span>{label.clone()}</span>
                </label>
            }
        });
        let choices = choices.collect_view();
        let texts = samples.iter().map(|sample| {
            let label = format!("{} in {}", self.summary, sample["label"].as_str().unwrap_or_default());
            let source = sample["source"].as_str().unwrap_or_default().to_owned();
            view! {
                <pre tabindex="0" role="region" aria-label=label>
                    <code>{source}</code>
                </pre>
            }
        });
        let texts = texts.collect_view();
        view! {
            <div class="samples">
                <fieldset class="seg radios">
                    <legend class="hidden">{format!("Language of the example: {}", self.summary)}</legend>
                    {choices}
                </fieldset>
                {texts}
            </div>
        }
    }

    fn answer(&self, document: &Value) -> Option<impl IntoView + use<>> {
        let (kind, content) = self.value["responses"]["200"]["content"].as_object()?.iter().next()?;
        let example = match &content["example"] {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            json => serde_json::to_string_pretty(json).ok(),
        };
        let example = example.map(|example| {
            let label = format!("An answer of: {}", self.summary);
            view! {
                <pre tabindex="0" role="region" aria-label=label>
                    <code>{example}</code>
                </pre>
            }
        });
        let mut described = vec![];
        let fields_of_answer = fields(document, &content["schema"]);
        if !fields_of_answer.is_empty() {
            described.push(list(fields_of_answer, "not always there").into_any());
        }
        for (name, part) in content["x-parts"].as_object().into_iter().flatten() {
            let fields = list(fields(document, part), "not always there");
            described.push(view! { <h5><code>{name.clone()}</code></h5> {fields} }.into_any());
        }
        let details = (!described.is_empty()).then(|| {
            view! {
                <details>
                    <summary>"Its fields"</summary>
                    {described}
                </details>
            }
        });
        Some(view! {
            <h4>"Answer, 200 " <code>{kind.clone()}</code></h4>
            {example}
            {details}
        })
    }

    fn errors(&self, document: &Value) -> impl IntoView + use<> {
        let responses = self.value["responses"].as_object();
        let rows = responses.into_iter().flatten().filter(|(status, _)| *status != "200").map(
            |(status, response)| {
                let response = resolved(document, response);
                let schema = &response["content"]["application/json"]["schema"];
                let codes =
                    schema["allOf"][1]["properties"]["error"]["properties"]["code"]["enum"].as_array();
                let codes = codes.into_iter().flatten().filter_map(Value::as_str);
                let codes: Vec<String> = codes.map(|code| format!("`{code}`")).collect();
                view! {
                    <dt>{status.clone()}</dt>
                    <dd>{prose(&codes.join(" "))}</dd>
                }
            },
        );
        let rows = rows.collect_view();
        view! {
            <details>
                <summary>"Errors"</summary>
                <dl class="fields codes">{rows}</dl>
            </details>
        }
    }
}
