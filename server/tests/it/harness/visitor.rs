//! Somebody signed in who looks at pages: a browser without scripts, and the calls that scripts would make.

use http::Method;
use ledger::time::DAY;
use server::auth::Whence;
use server::auth::tokens::hash;
use server::store::NewSession;

use super::client::{Answer, Caller, answer};
use super::{Member, World};

/// A browser with a session.
pub struct Visitor {
    caller: Caller,
    cookie: String,
}

impl World {
    /// This member, signed in by a session of their own; of a token's 40 letters and digits the first are enough.
    pub async fn visitor(&self, member: &Member, token: &str) -> Visitor {
        let token = whole_token(token);
        let now = server::clock::Clock::now(&*self.clock);
        let session = NewSession {
            token_hash: hash(&token),
            user_id: member.user_id,
            created_at: now,
            expires_at: now.saturating_add(DAY),
            whence: Whence::default(),
        };
        self.console.store.insert_session(&session).await.expect("a session");
        Visitor { caller: self.anon(), cookie: format!("plexe_session={token}") }
    }
}

impl Visitor {
    /// Goes to a page.
    pub async fn open(&self, path: &str) -> Answer {
        let request = self.caller.request(Method::GET, path).header("accept", "text/html");
        answer(request.header("cookie", &self.cookie)).await
    }

    /// Sends a form as a browser without scripts does.
    pub async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.caller.request(Method::POST, path).header("accept", "text/html");
        answer(self.with(request, fields)).await
    }

    /// Calls a server function (`account/change_account`) as a page's script does.
    pub async fn call(&self, function: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.caller.request(Method::POST, &format!("/api/app/api/{function}"));
        answer(self.with(request.header("accept", "application/json"), fields)).await
    }

    fn with(&self, request: reqwest::RequestBuilder, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
        request
            .header("cookie", &self.cookie)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form(fields))
    }
}

/// A session's token that begins like this.
pub fn whole_token(beginning: &str) -> String {
    format!("{beginning:0<40}")
}

/// `application/x-www-form-urlencoded`.
fn form(fields: &[(&str, &str)]) -> String {
    let encoded = |text: &str| text.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"));
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    pairs.join("&")
}
