//! Who asks, and what they ask about.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ledger::time::DAY;
use serde_json::json;
use server::auth::Whence;
use server::auth::tokens::hash;
use server::clock::{Clock as _, ManualClock};
use server::config::{ProviderSettings, Secret, Speaks};
use server::random::{SystemRandom, account_id, alphanumeric, key_id, user_id};
use server::store::{AccountStatus, NewSession, NewUser, Permission, Scope, Scopes};

use crate::harness::place::Place;
use crate::harness::{Member, START, Service, World};

pub const SESSIONS: [&str; 5] = ["owner", "other", "unverified", "suspended", "operator"];
pub const KEYS: [&str; 8] = [
    "read_only",
    "read_write",
    "expired",
    "revoked",
    "other_key",
    "unverified_key",
    "suspended_key",
    "operator_key",
];
pub const SERVICES: [&str; 5] = ["check", "charge", "hold", "correct", "elsewhere"];
pub const IDENTITIES: [&str; 19] = [
    "anonymous",
    "owner",
    "other",
    "unverified",
    "suspended",
    "operator",
    "read_only",
    "read_write",
    "expired",
    "revoked",
    "other_key",
    "unverified_key",
    "suspended_key",
    "operator_key",
    "check",
    "charge",
    "hold",
    "correct",
    "elsewhere",
];

/// Of the event, the hold and the corrections.
const SOURCE: &str = "builder";
/// The provider's id.
const PROVIDER: &str = "github";

/// A console with all of them.
pub struct Cast {
    pub world: World,
    people: BTreeMap<&'static str, Member>,
    /// Of keys, by identity.
    secrets: BTreeMap<&'static str, String>,
    /// May do everything.
    helper: Service,
    words: AtomicU64,
}

impl Cast {
    pub async fn new() -> Self {
        let github = Speaks::GitHub {
            authorize_url: "https://github.com/login/oauth/authorize".to_owned(),
            token_url: "https://github.com/login/oauth/access_token".to_owned(),
            api_url: "https://api.github.com".to_owned(),
        };
        let provider = ProviderSettings {
            id: PROVIDER.to_owned(),
            name: "GitHub".to_owned(),
            client_id: "console".to_owned(),
            client_secret: Some(Secret::from("secret".to_owned())),
            speaks: github,
        };
        let clock = Arc::new(ManualClock::at(START));
        let world = World::open(Place::new().await, clock, |config| config.providers = vec![provider]).await;
        let helper = world.service_with(Scopes::of(Scope::ALL), None).await;
        let (people, secrets) = (BTreeMap::new(), BTreeMap::new());
        let mut cast = Self { world, people, secrets, helper, words: AtomicU64::new(0) };
        cast.bring_people().await;
        cast.bring_keys().await;
        cast
    }

    async fn bring_people(&mut self) {
        let password_hash = {
            self.world.user("hashed", crate::harness::forms::PASSWORD).await;
            self.world.console.get_user_by_email("hashed@example.com").await.expect("a user").password_hash
        };
        for identity in SESSIONS {
            let now = self.world.clock.now();
            let user = NewUser {
                id: user_id(&SystemRandom, now),
                account_id: account_id(&SystemRandom, now),
                email: format!("the-{identity}@example.com"),
                name: format!("The {identity} in person"),
                user_name: format!("the-{identity}"),
                password_hash: password_hash.clone(),
                verified_at: (identity != "unverified").then_some(now),
                is_operator: identity == "operator",
                time_zone: "UTC".to_owned(),
                created_at: now,
            };
            self.world.console.store.insert_user(&user).await.expect("a new user");
            let row =
                self.world.console.store.find_user(user.id).await.expect("the user").expect("just made");
            let member = Member { user_id: row.id, account: row.account_id, account_no: row.account_no, row };
            self.world.grant(&member, "1000000").await;
            self.people.insert(identity, member);
        }
    }

    async fn bring_keys(&mut self) {
        let keys = [
            ("expired", "owner", Permission::ReadWrite, Some(1)),
            ("revoked", "owner", Permission::ReadWrite, None),
            ("read_only", "owner", Permission::ReadOnly, None),
            ("read_write", "owner", Permission::ReadWrite, None),
            ("other_key", "other", Permission::ReadWrite, None),
            ("unverified_key", "unverified", Permission::ReadWrite, None),
            ("suspended_key", "suspended", Permission::ReadWrite, None),
            ("operator_key", "operator", Permission::ReadWrite, None),
        ];
        for (identity, of, permission, days) in keys {
            let made = self.world.key_for(&self.people[of], permission, days).await;
            self.secrets.insert(identity, made.secret.as_str().to_owned());
            if identity == "revoked" {
                let owner = self.people["owner"].account_no;
                let revoked =
                    self.world.console.store.revoke_api_key(owner, &made.key.id, self.world.clock.now());
                assert!(revoked.await.expect("a change").is_some());
            }
        }
        let services = [
            ("check", Scopes::of([Scope::Check]), None),
            ("charge", Scopes::of([Scope::Charge]), None),
            ("hold", Scopes::of([Scope::Hold]), None),
            ("correct", Scopes::of([Scope::Correct]), None),
            ("elsewhere", Scopes::of(Scope::ALL), Some("elsewhere")),
        ];
        for (identity, scopes, source) in services {
            let service = self.world.service_with(scopes, source).await;
            self.secrets.insert(identity, service.secret);
        }
        let suspended = self.people["suspended"].account_no;
        let changed = self.world.console.store.set_account_status(suspended, AccountStatus::Suspended);
        changed.await.expect("a change");
        self.world.clock.advance(2 * DAY);
    }

    /// The header by which somebody is known; a session is a new one each time.
    pub async fn header(&self, identity: &str) -> Option<(&'static str, String)> {
        if let Some(secret) = self.secrets.get(identity) {
            return Some(("authorization", format!("Bearer {secret}")));
        }
        let member = self.people.get(identity)?;
        let token = alphanumeric(&SystemRandom, 40);
        let now = self.world.clock.now();
        let session = NewSession {
            token_hash: hash(&token),
            user_id: member.user_id,
            created_at: now,
            expires_at: now.saturating_add(DAY),
            whence: Whence::default(),
        };
        self.world.console.store.insert_session(&session).await.expect("a session");
        Some(("cookie", format!("plexe_session={token}")))
    }

    /// What nobody else may be shown.
    pub fn owners_marks(&self) -> [String; 4] {
        let owner = &self.people["owner"];
        let Member { user_id, account, row, .. } = owner;
        [row.email.clone(), row.name.clone(), user_id.to_string(), account.to_string()]
    }

    /// A number that was given to nobody before.
    pub fn number(&self) -> u64 {
        self.words.fetch_add(1, Ordering::Relaxed)
    }

    /// What a word in braces stands for.
    async fn make(&self, word: &str) -> Vec<(&'static str, String)> {
        let owner = &self.people["owner"];
        let usage = |id: &str| json!({"id": id, "source": SOURCE, "user_id": owner.user_id, "operation": "model.build", "quantity": 1});
        let new = format!("word-{}", self.number());
        match word {
            "key_id" => {
                let made = self.world.key(owner, Permission::ReadWrite).await;
                vec![("{key_id}", made.key.id.to_string())]
            }
            "event_id" | "source" | "id" => {
                let charged = self.helper.caller.post("/usage/events", &usage(&new)).await.ok();
                let event_id = charged["event_id"].as_str().expect("an id").to_owned();
                vec![("{event_id}", event_id), ("{source}", SOURCE.to_owned()), ("{id}", new)]
            }
            "hold_id" => {
                let held = self.helper.caller.post("/usage/holds", &usage(&new)).await.ok();
                vec![("{hold_id}", held["hold_id"].as_str().expect("an id").to_owned())]
            }
            "user_id" => vec![("{user_id}", owner.user_id.to_string())],
            "new" => vec![("{new}", new)],
            "new_key" => vec![("{new_key}", key_id(&SystemRandom).to_string())],
            "provider" => vec![("{provider}", PROVIDER.to_owned())],
            "*path" => vec![("{*path}", "nothing.js".to_owned())],
            "*rest" => vec![("{*rest}", "no/such/thing".to_owned())],
            word => panic!("{{{word}}} stands for nothing"),
        }
    }

    /// A path and a body, with what the words in their braces stand for.
    pub async fn fill(&self, path: &str, body: &str) -> (String, String) {
        let (mut path, mut body) = (path.to_owned(), body.to_owned());
        while let Some(word) = next_word(&path).or_else(|| next_word(&body)) {
            for (braced, meant) in self.make(&word).await {
                path = path.replace(braced, &meant);
                body = body.replace(braced, &meant);
            }
        }
        (path, body)
    }
}

/// The first word in braces, which JSON has none of.
fn next_word(text: &str) -> Option<String> {
    text.split('{').skip(1).find_map(|part| {
        let (word, _) = part.split_once('}')?;
        let is_word = |letter: char| letter.is_ascii_lowercase() || matches!(letter, '_' | '*');
        (!word.is_empty() && word.chars().all(is_word)).then(|| word.to_owned())
    })
}
