//! A route's call in four languages, from its example. What stands in it for something of the reader's own (`plx_sk_…`,
//! `user_…`) is replaced before it runs: by readers, and by the test that runs all of them.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::operation::{Answer, Caller, Operation};

/// Where the console stands in examples.
pub const BASE: &str = "http://localhost:3000";
/// What a reader puts something of their own in place of, and what it is called in Rust.
const OWN: [(&str, &str); 5] = [
    ("user_…", "user_id"),
    ("plx_sk_…", "api_key"),
    ("key_…", "key_id"),
    ("hold_…", "hold_id"),
    ("evt_…", "event_id"),
];

/// One call.
struct Call<'a> {
    operation: &'a Operation,
    /// With example values in the path, and the query of the example.
    path: String,
    key: Option<&'static str>,
    body: Option<(&'static str, &'a Value)>,
    is_stream: bool,
    is_json: bool,
}

/// `x-codeSamples`, as several readers of descriptions show them.
pub fn samples(operation: &Operation) -> Value {
    let call = Call::of(operation);
    json!([
        { "lang": "Shell", "label": "curl", "source": call.curl() },
        { "lang": "Python", "label": "Python", "source": call.python() },
        { "lang": "JavaScript", "label": "JavaScript", "source": call.javascript() },
        { "lang": "Rust", "label": "Rust", "source": call.rust() },
    ])
}

/// All examples in Rust as one file, and a function that calls one of them by its name.
pub fn in_rust(operations: &[Operation]) -> String {
    let mut out = String::from(
        "//! The examples in Rust of `/openapi.json` and `/docs`, as they stand there: written by the test of `http/description`.\n\n\
         use super::run::{Asked, Printed};\n\n\
         pub async fn call(operation: &str, asked: &Asked<'_>) -> reqwest::Result<Printed> {\n    let Asked { base, key, .. } = *asked;\n    Ok(match operation {\n",
    );
    for operation in operations {
        let call = Call::of(operation);
        let mut arguments = vec!["base"];
        arguments.extend(call.key.map(|_| "key"));
        let own: Vec<String> = call.own().iter().map(|(_, name)| format!("asked.{name}")).collect();
        arguments.extend(own.iter().map(String::as_str));
        let kind = call.kind_in_rust().1;
        let _ = writeln!(
            out,
            "        {0:?} => Printed::{kind}({0}({1}).await?),",
            operation.id,
            arguments.join(", ")
        );
    }
    out.push_str("        other => panic!(\"no example for {other}\"),\n    })\n}\n");
    for operation in operations {
        let _ = writeln!(out, "\n{}", Call::of(operation).rust());
    }
    out
}

/// An example for a name in the path.
pub fn in_path(name: &str) -> &'static str {
    match name {
        "key_id" => "key_…",
        "hold_id" => "hold_…",
        "event_id" => "evt_…",
        "source" => "builder",
        "id" => "job-1",
        other => unreachable!("no example for {other}"),
    }
}

impl<'a> Call<'a> {
    fn of(operation: &'a Operation) -> Self {
        let mut path = operation.path.to_owned();
        for name in operation.path_names() {
            path = path.replace(&format!("{{{name}}}"), in_path(name));
        }
        let query: Vec<String> = operation.query.iter().filter_map(asked).collect();
        if !query.is_empty() {
            path = format!("{path}?{}", query.join("&"));
        }
        let is_stream = matches!(operation.answer, Answer::Text { media_type: "text/event-stream", .. });
        Self {
            operation,
            path,
            key: match operation.caller {
                Caller::Anybody => None,
                Caller::Reader | Caller::Writer => Some("plx_sk_…"),
                Caller::Service(_) | Caller::Party => Some("plx_svc_…"),
            },
            body: operation.bodies.first().map(|body| (body.media_type, &body.example)),
            is_stream,
            is_json: !matches!(operation.answer, Answer::Text { .. }),
        }
    }

    fn curl(&self) -> String {
        let mut out = String::from("curl ");
        if self.is_stream {
            out.push_str("-N ");
        }
        match (self.operation.method, self.body) {
            ("get", _) | ("post", Some(_)) => {}
            (method, _) => {
                let _ = write!(out, "-X {} ", method.to_uppercase());
            }
        }
        let _ = write!(out, "\"{BASE}{}\"", self.path);
        if let Some(key) = self.key {
            let _ = write!(out, " \\\n  -H \"Authorization: Bearer {key}\"");
        }
        if let Some((media_type, body)) = self.body {
            let json = Literals::Json.write(body, 2);
            let _ = write!(out, " \\\n  -H \"Content-Type: {media_type}\" \\\n  -d '{json}'");
        }
        out
    }

    fn python(&self) -> String {
        let mut out = String::from("import json, urllib.request\n\nrequest = urllib.request.Request(\n");
        let _ = writeln!(out, "    \"{BASE}{}\",", self.path);
        let method = self.operation.method.to_uppercase();
        if method != "GET" {
            let _ = writeln!(out, "    method=\"{method}\",");
        }
        let mut headers = vec![];
        headers.extend(self.key.map(|key| format!("\"Authorization\": \"Bearer {key}\"")));
        headers.extend(self.body.map(|(media_type, _)| format!("\"Content-Type\": \"{media_type}\"")));
        if !headers.is_empty() {
            let _ = writeln!(out, "    headers={{{}}},", headers.join(", "));
        }
        if let Some((_, body)) = self.body {
            let _ = writeln!(out, "    data=json.dumps({}).encode(),", Literals::Python.write(body, 4));
        }
        out.push_str(")\nwith urllib.request.urlopen(request) as answer:\n");
        out.push_str(if self.is_stream {
            "    for line in answer:\n        print(line.decode(), end=\"\", flush=True)"
        } else if self.is_json {
            "    print(json.dumps(json.load(answer), indent=2))"
        } else {
            "    print(answer.read().decode())"
        });
        out
    }

    fn javascript(&self) -> String {
        let mut options = String::new();
        let method = self.operation.method.to_uppercase();
        if method != "GET" {
            let _ = writeln!(options, "  method: \"{method}\",");
        }
        let mut headers = vec![];
        headers.extend(self.key.map(|key| format!("Authorization: \"Bearer {key}\"")));
        headers.extend(self.body.map(|(media_type, _)| format!("\"Content-Type\": \"{media_type}\"")));
        if !headers.is_empty() {
            let _ = writeln!(options, "  headers: {{ {} }},", headers.join(", "));
        }
        if let Some((_, body)) = self.body {
            let _ = writeln!(options, "  body: JSON.stringify({}),", Literals::Json.write(body, 2));
        }
        let options = if options.is_empty() { options } else { format!(", {{\n{options}}}") };
        let show = if self.is_stream {
            "for await (const text of answer.body.pipeThrough(new TextDecoderStream())) console.log(text);"
        } else if self.is_json {
            "console.log(JSON.stringify(await answer.json(), null, 2));"
        } else {
            "console.log(await answer.text());"
        };
        format!("const answer = await fetch(\"{BASE}{}\"{options});\n{show}", self.path)
    }

    /// What is the reader's own, besides the key.
    fn own(&self) -> Vec<(&'static str, &'static str)> {
        let body = self.body.map(|(_, body)| body.to_string()).unwrap_or_default();
        let used = |(text, _): &(&str, &str)| self.path.contains(text) || body.contains(text);
        OWN.into_iter().filter(used).collect()
    }

    /// What a function returns, which kind of print that is, and how it is read.
    fn kind_in_rust(&self) -> (&'static str, &'static str, &'static str) {
        match (self.is_stream, self.is_json) {
            (true, _) => ("reqwest::Response", "Stream", ""),
            (_, true) => ("serde_json::Value", "Json", ".json()\n        .await"),
            (_, false) => ("String", "Text", ".text()\n        .await"),
        }
    }

    /// A function, with what is the reader's own as its parameters.
    fn rust(&self) -> String {
        let body = self.body.map(|(_, body)| Literals::Rust.write(body, 8));
        let own = self.own();
        let mut parameters = vec!["base: &str".to_owned()];
        parameters.extend(self.key.map(|_| "key: &str".to_owned()));
        parameters.extend(own.iter().map(|(_, name)| format!("{name}: &str")));
        let path = own
            .iter()
            .fold(self.path.clone(), |path, (text, name)| path.replace(text, &format!("{{{name}}}")));
        let (kind, _, read) = self.kind_in_rust();
        let mut out = format!(
            "async fn {}({}) -> reqwest::Result<{kind}> {{\n    reqwest::Client::new()\n        .{}(format!(\"{{base}}{path}\"))\n",
            self.operation.id,
            parameters.join(", "),
            self.operation.method,
        );
        if self.key.is_some() {
            out.push_str("        .bearer_auth(key)\n");
        }
        if let Some(body) = body {
            let _ = writeln!(out, "        .json(&serde_json::json!({body}))");
        }
        out.push_str("        .send()\n        .await?\n        .error_for_status()");
        if !read.is_empty() {
            let _ = write!(out, "?\n        {read}");
        }
        out.push_str("\n}");
        out
    }
}

/// `name=value` of a parameter that the example asks with.
fn asked(parameter: &Value) -> Option<String> {
    let example = parameter.get("example")?;
    let text = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
    Some(format!("{}={text}", parameter["name"].as_str()?))
}

/// How values are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Literals {
    /// And JavaScript.
    Json,
    Python,
    Rust,
}

impl Literals {
    /// On several lines, whose first begins at `indent`.
    fn write(self, value: &Value, indent: usize) -> String {
        let step = if self == Self::Json { 2 } else { 4 };
        let (inner, outer) = (" ".repeat(indent + step), " ".repeat(indent));
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                let pair = |(name, value): (&String, &Value)| {
                    format!("{inner}{name:?}: {}", self.write(value, indent + step))
                };
                let pairs: Vec<String> = fields.iter().map(pair).collect();
                format!("{{\n{}\n{outer}}}", pairs.join(",\n"))
            }
            Value::Array(items) if !items.is_empty() => {
                let items: Vec<String> = items.iter().map(|item| self.write(item, indent)).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Bool(true) if self == Self::Python => "True".to_owned(),
            Value::Bool(false) if self == Self::Python => "False".to_owned(),
            Value::Null if self == Self::Python => "None".to_owned(),
            Value::String(text) if self == Self::Rust => {
                let own = OWN.iter().find(|(own, _)| own == text);
                own.map_or_else(|| format!("{text:?}"), |(_, name)| (*name).to_owned())
            }
            other => other.to_string(),
        }
    }
}
