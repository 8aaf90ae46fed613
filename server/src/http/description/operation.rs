//! What stands beside a handler about it.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

/// Parts of the API, in the order in which they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    Account,
    Keys,
    Usage,
    Credits,
    Prices,
    Services,
    Machines,
}

impl Area {
    pub const ALL: [Self; 7] =
        [Self::Account, Self::Keys, Self::Usage, Self::Credits, Self::Prices, Self::Services, Self::Machines];

    /// Its name and what it is for.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Account => ("Account", "Who calls, and what can be spent."),
            Self::Keys => ("API keys", "Keys of customers: make, limit, rotate and revoke them."),
            Self::Usage => {
                ("Usage", "Where the credits went: charts, events, receipts, and what happens just now.")
            }
            Self::Credits => {
                ("Credits", "What an account owns: its grants, and its books with every hashed field.")
            }
            Self::Prices => ("Prices", "What operations cost. Anybody may ask."),
            Self::Services => (
                "Platform services",
                "Services report what was done, ask whether it can be paid, and hold credits meanwhile.",
            ),
            Self::Machines => ("Machines", "For programs that watch or read this one."),
        }
    }
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    Anybody,
    /// A customer's key of any permission, or the console's own cookie.
    Reader,
    /// A customer's key of permission `read_write`.
    Writer,
    /// A service key with this scope.
    Service(&'static str),
    /// As [`Caller::Reader`], or a service key with the scope `hold`.
    Party,
}

/// One way in which bodies are written.
#[derive(Debug, Clone)]
pub struct Content {
    pub media_type: &'static str,
    /// The schema's name in the document, and itself.
    pub schema: (&'static str, Value),
    pub example: Value,
}

/// How a schema is made.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;
/// What one line or one message of a text is, by its name.
pub type Part = (&'static str, SchemaOf);

/// What a success looks like.
#[derive(Debug, Clone)]
pub enum Answer {
    Json(SchemaOf, Value),
    /// A text of this media type: an example, and what one line of it or one message is, by its name.
    Text {
        media_type: &'static str,
        example: &'static str,
        parts: Vec<Part>,
    },
    /// A JSON object whose schema isn't ours.
    Document,
}

/// A route.
#[derive(Debug, Clone)]
pub struct Operation {
    pub id: &'static str,
    pub method: &'static str,
    pub path: &'static str,
    pub summary: &'static str,
    pub about: &'static str,
    pub area: Area,
    pub caller: Caller,
    /// Parameters of the query, as the document has them.
    pub query: Vec<Value>,
    pub bodies: Vec<Content>,
    pub is_body_optional: bool,
    /// What the bodies refer to.
    pub schemas: Vec<(&'static str, Value)>,
    pub answer: Answer,
    /// Codes that not every route of such a caller has.
    pub codes: Vec<&'static str>,
}

impl Operation {
    fn new(method: &'static str, path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            method,
            path,
            summary,
            about: "",
            area: Area::Account,
            caller: Caller::Anybody,
            query: vec![],
            bodies: vec![],
            is_body_optional: false,
            schemas: vec![],
            answer: Answer::Document,
            codes: vec![],
        }
    }

    pub fn get(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("get", path, id, summary)
    }

    pub fn post(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("post", path, id, summary)
    }

    pub fn patch(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("patch", path, id, summary)
    }

    pub fn delete(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("delete", path, id, summary)
    }

    pub fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    pub fn by(self, area: Area, caller: Caller) -> Self {
        Self { area, caller, ..self }
    }

    pub fn query(self, query: impl IntoIterator<Item = Value>) -> Self {
        Self { query: query.into_iter().collect(), ..self }
    }

    pub fn body(self, name: &'static str, schema: Value, example: Value) -> Self {
        self.body_as("application/json", name, schema, example)
    }

    pub fn body_as(
        mut self,
        media_type: &'static str,
        name: &'static str,
        schema: Value,
        example: Value,
    ) -> Self {
        self.bodies.push(Content { media_type, schema: (name, schema), example });
        self
    }

    pub fn with_schema(mut self, name: &'static str, schema: Value) -> Self {
        self.schemas.push((name, schema));
        self
    }

    pub fn or_no_body(self) -> Self {
        Self { is_body_optional: true, ..self }
    }

    pub fn answers<T: JsonSchema>(self, example: Value) -> Self {
        Self { answer: Answer::Json(SchemaGenerator::subschema_for::<T>, example), ..self }
    }

    pub fn answers_text(self, media_type: &'static str, example: &'static str, parts: Vec<Part>) -> Self {
        Self { answer: Answer::Text { media_type, example, parts }, ..self }
    }

    pub fn refuses(self, codes: impl IntoIterator<Item = &'static str>) -> Self {
        Self { codes: codes.into_iter().collect(), ..self }
    }

    /// Names in the path, in their order.
    pub fn path_names(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}
