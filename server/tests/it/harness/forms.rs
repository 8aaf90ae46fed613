//! Plain forms and the pages around them, as a browser without scripts uses them.

use http::Method;
use server::console::users::UserForm;

use super::World;
use super::client::{Answer, Caller, answer};

/// Good enough for anybody.
pub const PASSWORD: &str = "kettle-drum-orbit";

/// As a value in a form's body.
pub fn encoded(text: &str) -> String {
    let bytes: Vec<String> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    bytes.concat()
}

/// Sends a form.
pub async fn submit(
    caller: &Caller,
    path: &str,
    fields: &[(&str, &str)],
    headers: &[(&str, &str)],
) -> Answer {
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let request =
        caller.request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    answer(request.body(pairs.join("&"))).await
}

/// Goes to an address.
pub async fn get_with(caller: &Caller, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = caller.request(Method::GET, path);
    answer(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

/// Opens a page with this cookie, which may be none.
pub async fn page(caller: &Caller, path: &str, cookie: &str) -> Answer {
    get_with(caller, path, &[("accept", "text/html"), ("cookie", cookie)]).await
}

pub async fn sign_in(caller: &Caller, email: &str, password: &str) -> Answer {
    submit(caller, "/sign-in", &[("email", email), ("password", password)], &[]).await
}

/// `name=value` of the answer's cookie.
pub fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap_or_default().to_owned()
}

/// The sign-up form, filled in; its name is that of whoever fills it in.
pub async fn sign_up(caller: &Caller, email: &str, user_name: &str, password: &str) -> Answer {
    let form = format!("form-of-{user_name}");
    let fields = [
        ("name", "Ada Lovelace"),
        ("user_name", user_name),
        ("email", email),
        ("password", password),
        ("time_zone", "Europe/Berlin"),
        ("form", &form),
    ];
    submit(caller, "/sign-up", &fields, &[]).await
}

/// The value of a hidden field, or of one that was typed.
pub fn value<'t>(page: &'t str, name: &str) -> &'t str {
    let field = page.split("<input").find(|field| field.contains(&format!("name=\"{name}\""))).unwrap_or("");
    field.split("value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("")
}

/// A page that still has what was typed, and says this about it.
#[track_caller]
pub fn assert_refused(answer: &Answer, status: u16, says: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert!(answer.header("content-type").starts_with("text/html"), "{}", answer.header("content-type"));
    assert!(answer.text.contains(says), "{says:?} is said nowhere: {}", answer.text);
}

impl World {
    /// A verified user with a password, made by the operator.
    pub async fn user(&self, name: &str, password: &str) {
        let form = UserForm {
            email: format!("{name}@example.com"),
            name: name.to_owned(),
            user_name: name.to_owned(),
            password: password.to_owned(),
            is_verified: true,
            is_operator: false,
        };
        self.console.create_user(form).await.expect("a user");
    }

    /// Kind and link of each mail that waits for this e-mail, the newest first.
    pub async fn mails(&self, email: &str) -> Vec<(String, String)> {
        let outbox = self.console.open_outbox("a test", Some(email)).await.expect("the outbox");
        outbox.mails.into_iter().map(|mail| (mail.kind, mail.link.unwrap_or_default())).collect()
    }

    /// Path and query of the newest mail's link.
    pub async fn link(&self, email: &str) -> String {
        let mails = self.mails(email).await;
        let (_, link) = mails.first().unwrap_or_else(|| panic!("no mail for {email}"));
        let base = self.console.config.base_url.as_str();
        link.strip_prefix(base).unwrap_or_else(|| panic!("{link} is not on {base}")).to_owned()
    }

    /// The token of the newest mail's link.
    pub async fn token(&self, email: &str) -> String {
        let link = self.link(email).await;
        link.split_once("token=").expect("a link with a token").1.to_owned()
    }

    /// Presses the button behind the newest mail's link.
    pub async fn verify_email(&self, caller: &Caller, email: &str) -> Answer {
        let token = self.token(email).await;
        submit(caller, "/verify-email", &[("token", &token)], &[]).await
    }
}
