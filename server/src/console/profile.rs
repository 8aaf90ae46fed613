//! What users change about themselves.

use super::users::{BAD_NAME, BAD_USER_NAME, is_name, is_user_name, taken};
use super::{Console, Error, Reasons};
use crate::auth::Customer;
use crate::calendar::Zone;
use crate::store::UserChange;

/// As typed; `None` leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileForm {
    pub name: Option<String>,
    pub user_name: Option<String>,
    /// An IANA name in any case. Days in charts follow it from now on, also those of the past.
    pub time_zone: Option<String>,
}

impl Console {
    /// Changes who the caller is to others.
    ///
    /// Errors in this order: a read-only key or a suspended account (403), fields out of range (422), a taken user name
    /// (409).
    pub async fn change_profile(&self, caller: &Customer, form: ProfileForm) -> Result<(), Error> {
        caller.must_write()?;
        let change = checked(form)?;
        self.store.update_user(caller.user_id, &change).await.map_err(taken)
    }
}

fn checked(form: ProfileForm) -> Result<UserChange, Error> {
    let mut reasons = Reasons::new();
    let name = form.name.map(|name| name.trim().to_owned());
    if name.as_deref().is_some_and(|name| !is_name(name)) {
        reasons.insert("name".into(), BAD_NAME.into());
    }
    let user_name = form.user_name.map(|user_name| user_name.trim().to_lowercase());
    if user_name.as_deref().is_some_and(|user_name| !is_user_name(user_name)) {
        reasons.insert("user_name".into(), BAD_USER_NAME.into());
    }
    let zone = form.time_zone.map(|zone| zone.trim().parse::<Zone>()).transpose();
    let time_zone = match zone {
        Ok(zone) => zone.map(|zone| zone.name().to_owned()),
        Err(unknown) => {
            reasons.insert("time_zone".into(), unknown.to_string().into());
            None
        }
    };
    if reasons.is_empty() {
        Ok(UserChange { name, user_name, time_zone })
    } else {
        Err(Error::Validation(reasons))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(name: &str, user_name: &str, time_zone: &str) -> ProfileForm {
        let some = |text: &str| Some(text.to_owned());
        ProfileForm { name: some(name), user_name: some(user_name), time_zone: some(time_zone) }
    }

    #[test]
    fn what_is_typed_is_tidied() {
        let change = checked(form(" Ada Lovelace ", " Ada ", "europe/berlin")).unwrap();
        assert_eq!(change.name.as_deref(), Some("Ada Lovelace"));
        assert_eq!(change.user_name.as_deref(), Some("ada"));
        assert_eq!(change.time_zone.as_deref(), Some("Europe/Berlin"), "by the name that IANA writes");
    }

    #[test]
    fn every_field_that_is_wrong_is_named() {
        let Err(Error::Validation(reasons)) = checked(form(" ", "a b", "Mars/Olympus")) else {
            panic!("accepted")
        };
        assert_eq!(reasons.keys().collect::<Vec<_>>(), ["name", "time_zone", "user_name"]);
    }

    #[test]
    fn what_is_not_given_stays() {
        let change = checked(ProfileForm::default()).unwrap();
        assert_eq!((change.name, change.user_name, change.time_zone), (None, None, None));
    }
}
