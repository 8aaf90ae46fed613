//! `GET` and `POST /sign-up`. The answer never says whether the e-mail is known.

use app::ssr::{FormView, Screen};
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Deserialize;

use super::super::client_address::ClientAddress;
use super::super::pages::Site;
use super::{Asked, refused, show, unreadable};
use crate::console::Error;
use crate::console::sign_up::SignUpForm;

/// The form, as it comes. What is missing was left empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    name: String,
    user_name: String,
    email: String,
    password: String,
    time_zone: String,
    form: String,
}

/// The form, which says what signing up brings.
fn form(site: &Site) -> FormView {
    let config = &site.console.config;
    FormView::new(Screen::SignUp)
        .with("credits", config.sign_up_credits.to_string())
        .with("days", config.sign_up_credits_days.to_string())
}

/// An empty form; or, for somebody who comes back to correct the address, the one that was sent.
pub(super) async fn page(State(site): State<Site>, uri: Uri) -> Result<Response, Error> {
    let asked = Asked::of(&uri).form;
    let sent = site.console.find_by_form(&asked).await?.filter(|user| user.is_claim);
    let form = form(&site);
    let form = match sent {
        Some(user) => form
            .with("form", asked)
            .with("time_zone", user.time_zone)
            .with("name", user.name)
            .with("user_name", user.user_name)
            .with("email", user.email),
        None => form.with("form", site.console.new_form_name()).with("time_zone", "UTC"),
    };
    Ok(show(&site, form, StatusCode::OK).await)
}

pub(super) async fn submit(
    State(site): State<Site>,
    ClientAddress(address): ClientAddress,
    fields: Result<Form<Fields>, FormRejection>,
) -> Result<Response, Error> {
    let Ok(Form(Fields { name, user_name, email, password, time_zone, form })) = fields else {
        return Ok(unreadable(&site, Screen::SignUp).await);
    };
    let view = self::form(&site)
        .with("name", name.clone())
        .with("user_name", user_name.clone())
        .with("email", email.clone())
        .with("time_zone", time_zone.clone())
        .with("form", form.clone());
    let typed = SignUpForm { name, user_name, email, password, time_zone, form };
    match site.console.sign_up(typed, address).await {
        Ok(()) => {
            let email = view.value("email").trim().to_lowercase();
            let sent = FormView::new(Screen::CheckMail).with("email", email).with("form", view.value("form"));
            Ok(show(&site, sent, StatusCode::OK).await)
        }
        Err(error) => refused(&site, view, error).await,
    }
}
