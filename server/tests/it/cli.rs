//! Each command, as an operator types it: what it does, what it refuses, how it ends.

use serde_json::{Value, json};

use crate::harness::client::{Caller, amount, assert_error};
use crate::harness::credits;
use crate::harness::events::EVENTS;
use crate::harness::process::{Site, ended};
use crate::harness::raw::Raw;

const ADA: &str = "ada@example.com";

/// A prediction (0.1 credits) for the user of `user create`.
fn prediction(id: &str, user: &Value) -> Value {
    json!({"id": id, "source": "test", "user_id": user["user_id"], "operation": "model.prediction", "quantity": 1})
}

#[tokio::test]
async fn operator_makes_a_user_who_gets_the_sign_up_credits() {
    let site = Site::new().await;
    let user = site.user("ada").await;
    assert!(user["user_id"].as_str().unwrap().starts_with("user_"));
    assert!(user["account_id"].as_str().unwrap().starts_with("acct_"));
    assert_eq!(user.as_object().unwrap().len(), 2);
    let stats = site.json(&["stats"]).await;
    assert_eq!((&stats["users"], &stats["issued"]), (&json!(1), &json!(100)));
    let words = ["user", "create", "--email", "bob@example.com", "--name", "Bob", "--username", "bob"];
    site.json(&[&words[..], &["--password", "correct horse"]].concat()).await;
    assert_eq!(site.json(&["stats"]).await["issued"], 100, "an unverified user gets none");
    for (words, mentions) in [
        (
            ["--email", ADA, "--name", "A", "--username", "other", "--password", "correct horse"],
            "email is taken",
        ),
        (
            ["--email", "x@example.com", "--name", "A", "--username", "ADA", "--password", "correct horse"],
            "user_name is taken",
        ),
        (
            ["--email", "no address", "--name", "A", "--username", "x", "--password", "correct horse"],
            "email must be",
        ),
        (
            ["--email", "x@example.com", "--name", "A", "--username", "x", "--password", "short"],
            "password must have",
        ),
    ] {
        let refused = site.run(&[&["user", "create"], &words[..]].concat()).await;
        assert!(refused.refusal(1).contains(mentions), "{refused:?}");
    }
    assert_eq!(site.json(&["stats"]).await["users"], 2);
}

#[tokio::test]
async fn operator_grants_and_voids() {
    let site = Site::new().await;
    site.user("ada").await;
    let words = [
        "grant",
        "--email",
        ADA,
        "--credits",
        "2.5",
        "--kind",
        "promo",
        "--reason",
        "welcome",
        "--priority",
        "7",
    ];
    let granted = site.json(&[&words[..], &["--expires-at", "2999-01-01T00:00:00Z"]].concat()).await;
    assert_eq!(
        (&granted["credits"], &granted["kind"], &granted["priority"]),
        (&json!(2.5), &json!("promo"), &json!(7))
    );
    assert_eq!(amount(&granted["balance"]), credits("102.5"));
    assert_eq!(granted["expires_at"], "2999-01-01T00:00:00Z");
    let id = granted["grant_id"].as_str().unwrap();
    let voided = site.json(&["grant", "void", "--id", id, "--reason", "a mistake"]).await;
    assert_eq!((&voided["credits"], &voided["balance"]), (&json!(2.5), &json!(100)));
    let refused = site.run(&["grant", "void", "--id", id, "--reason", "again"]).await;
    assert!(refused.refusal(1).contains("grant_id"), "{refused:?}");
    assert_eq!(site.json(&["verify"]).await["ok"], true);
}

#[tokio::test]
async fn operator_grants_with_bad_input() {
    let site = Site::new().await;
    site.user("ada").await;
    let good = [("--email", ADA), ("--credits", "5"), ("--kind", "promo"), ("--reason", "x")];
    for (code, word, value, mentions) in [
        (2, "--credits", "-1", "credits"),
        (2, "--credits", "0.0000001", "credits"),
        (2, "--credits", "many", "credits"),
        (1, "--credits", "0", "credits must be more than zero"),
        (2, "--kind", "gift", "promo"),
        (1, "--reason", " ", "reason"),
        (1, "--email", "eve@example.com", "email is unknown"),
        (2, "--expires-at", "tomorrow", "expires-at"),
        (1, "--expires-at", "2001-01-01T00:00:00Z", "expires_at"),
        (1, "--priority", "1001", "priority"),
        (2, "--priority", "-1", "priority"),
    ] {
        let mut words = vec!["grant"];
        for (name, usual) in good.iter().filter(|(name, _)| *name != word) {
            words.extend([*name, *usual]);
        }
        words.extend([word, value]);
        let refused = site.run(&words).await;
        assert!(refused.refusal(code).contains(mentions), "{words:?}: {refused:?}");
    }
    assert_eq!(site.json(&["stats"]).await["entries"], 1, "only the sign-up credits");
}

#[tokio::test]
async fn operator_makes_lists_and_revokes_service_keys() {
    let site = Site::new().await;
    let words =
        ["service-key", "create", "--name", "builder", "--scopes", "check,charge", "--source", "builder"];
    let made = site.json(&words).await;
    let secret = made["key"].as_str().unwrap();
    assert!(secret.starts_with("plx_svc_"));
    let list = site.run(&["service-key", "list", "--json"]).await;
    assert!(!list.stdout.contains(secret), "a secret is shown once");
    let key = &list.json()["keys"][0];
    assert_eq!(
        (&key["status"], &key["source"], &key["scopes"]),
        (&json!("active"), &json!("builder"), &json!(["check", "charge"]))
    );
    let id = made["key_id"].as_str().unwrap();
    let revoked = site.json(&["service-key", "revoke", "--id", id]).await;
    assert_eq!(revoked["status"], "revoked");
    assert_eq!(site.json(&["service-key", "revoke", "--id", id]).await, revoked, "again changes nothing");
    for (code, words, mentions) in [
        (1, &["service-key", "revoke", "--id", "key_000000000000"][..], "id is unknown"),
        (2, &["service-key", "revoke", "--id", "7"], "--id"),
        (1, &["service-key", "create", "--name", "x", "--scopes", "spend"], "scopes"),
        (1, &["service-key", "create", "--name", " "], "name"),
        (1, &["service-key", "create", "--name", "x", "--source", "a b"], "source"),
    ] {
        let refused = site.run(words).await;
        assert!(refused.refusal(code).contains(mentions), "{words:?}: {refused:?}");
    }
}

#[tokio::test]
async fn operator_makes_api_keys() {
    let site = Site::new().await;
    site.user("ada").await;
    let words = |email, permission| {
        ["api-key", "create", "--email", email, "--name", "ci", "--permission", permission]
    };
    let made = site.json(&words(ADA, "read_write")).await;
    assert!(made["key"].as_str().unwrap().starts_with("plx_sk_"));
    let refused = site.run(&words("eve@example.com", "read_only")).await;
    assert!(refused.refusal(1).contains("email is unknown"), "{refused:?}");
    let refused = site.run(&words(ADA, "admin")).await;
    assert!(refused.refusal(2).contains("read_only"), "{refused:?}");
}

#[tokio::test]
async fn operator_shows_and_imports_the_price_list() {
    let site = Site::new().await;
    let shown = site.run(&["rate-card", "show"]).await;
    assert_eq!(shown.code, Some(0));
    assert!(shown.stdout.contains("operation = \"model.build\""), "{}", shown.stdout);
    let file = site.path().join("prices.toml");
    let import = async |text: &str| {
        std::fs::write(&file, text).expect("a file");
        site.run(&["rate-card", "import", "prices.toml", "--json"]).await
    };
    let price = "[[price]]\noperation = \"a\"\nunit = \"call\"\ncredits_per_unit = \"0.5\"\n";
    let imported = import(&format!("effective_from = \"2999-01-01T00:00:00Z\"\n{price}")).await;
    assert_eq!(imported.code, Some(0), "{imported:?}");
    assert_eq!(imported.json()["version"], 2);
    assert_eq!(site.json(&["rate-card", "show"]).await["coming"][0]["version"], 2);
    for (text, mentions) in [
        (format!("effective_from = \"2001-01-01T00:00:00Z\"\n{price}"), "effective_from"),
        (format!("effective_from = \"2999-01-01T00:00:00Z\"\n{price}"), "effective_from"),
        (format!("effective_from = \"2999-02-01T00:00:00Z\"\n{price}{price}"), "operation"),
        ("effective_from = \"2999-02-01T00:00:00Z\"".to_owned(), "price"),
        ("no toml".to_owned(), "line 1"),
    ] {
        let refused = import(&text).await;
        assert!(refused.refusal(1).contains(mentions), "{text}: {refused:?}");
    }
    let unfinished = "graduated = [\n  { up_to = \"5\", credits_per_unit = \"1\" },\n]";
    let text = format!(
        "effective_from = \"2999-03-01T00:00:00Z\"\n[[price]]\noperation = \"a\"\nunit = \"call\"\n{unfinished}"
    );
    let refused = import(&text).await;
    assert!(
        refused.refusal(1).contains("prices.toml line 6, up_to: the last tier must be open"),
        "{refused:?}"
    );
    let whole = text
        .replace("},\n]", "},\n  { credits_per_unit = \"0.5\" },\n]\nminimum = \"0.1\"\nrounding = \"up\"");
    let price = &import(&whole).await.json()["prices"][0];
    assert_eq!(price["graduated"], json!([{"up_to": 5, "credits_per_unit": 1}, {"credits_per_unit": 0.5}]));
    assert_eq!((&price["minimum"], &price["rounding"]), (&json!(0.1), &json!("up")));
    let missing = site.run(&["rate-card", "import", "nowhere.toml"]).await;
    assert!(missing.refusal(1).contains("nowhere.toml"), "{missing:?}");
}

#[tokio::test]
async fn operator_lists_what_customers_find_wrong() {
    let site = Site::new().await;
    let user = site.user("ada").await;
    let none = site.run(&["reports"]).await;
    assert_eq!((none.code, none.stdout.trim_end()), (Some(0), "nothing was reported"));
    let serving = site.serve().await;
    let service = Caller::new(&serving.url, Some(&site.service_key().await));
    let charged = service.post(EVENTS, &prediction("a", &user)).await.ok();
    let event_id = charged["event_id"].as_str().unwrap().to_owned();
    let insert = "INSERT INTO problem_reports (account, seq, user_id, text, created_at) \
        SELECT e.account, e.seq, m.user_id, 'too much\ntwice', 0 FROM entries e \
        JOIN memberships m ON m.account = e.account WHERE e.event_id = 'a'";
    assert_eq!(serving.terminate().await, Some(0));
    assert_eq!(Raw::open(&site.database()).await.run(insert).await, 1);
    let list = site.json(&["reports"]).await;
    let report = &list["reports"][0];
    assert_eq!((&report["event_id"], &report["email"]), (&json!(event_id), &json!(ADA)));
    assert_eq!(
        (&report["text"], &report["reported_at"]),
        (&json!("too much\ntwice"), &json!("1970-01-01T00:00:00Z"))
    );
    let plain = site.run(&["reports"]).await.stdout;
    assert_eq!(plain, format!("1970-01-01T00:00:00Z  {ADA}  {event_id}\n  too much\n  twice\n"));
}

#[tokio::test]
async fn operator_types_what_is_no_command() {
    let site = Site::empty().await;
    for words in
        [&["nothing"][..], &["user"], &["serve", "--fast"], &["verify", "--account", "user_1"], &["grant"]]
    {
        let ended = site.run(words).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{words:?}: {ended:?}");
        assert!(!ended.stderr.is_empty());
    }
    assert!(site.is_empty().await, "nothing was opened");
    let version = site.run(&["--version"]).await;
    assert_eq!((version.code, version.stderr.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn operator_sets_something_wrong_and_is_told_the_key_the_value_and_the_right_one() {
    let site = Site::new().await;
    for (name, value, right) in [
        ("CONSOLE_ADDR", "everywhere", "127.0.0.1:3000"),
        ("CONSOLE_BASE_URL", "http://console.example", "https"),
        ("DATABASE_URL", "mysql://x", "sqlite://"),
        ("CONSOLE_CONFIG", "nowhere.toml", "nowhere.toml"),
    ] {
        let mut command = site.command(&["stats"]);
        command.env(name, value);
        let refused = ended(command).await;
        assert!(refused.refusal(1).contains(value) && refused.stderr.contains(right), "{refused:?}");
    }
}

#[tokio::test]
async fn operator_migrates_a_new_database_and_again() {
    let site = Site::empty().await;
    assert!(site.is_empty().await);
    for _ in 0..2 {
        let migrated = site.run(&["migrate"]).await;
        assert_eq!(migrated.code, Some(0), "{migrated:?}");
    }
    assert!(!site.is_empty().await);
}

#[tokio::test]
async fn operator_opens_a_database_of_a_newer_version_and_is_told() {
    let site = Site::new().await;
    assert_eq!(site.run(&["migrate"]).await.code, Some(0));
    let insert = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
        SELECT 9999, 'later', success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1";
    Raw::open(&site.database()).await.run(insert).await;
    for words in [&["stats"][..], &["serve"], &["migrate"]] {
        let refused = site.run(words).await;
        assert!(refused.refusal(1).contains("newer version"), "{refused:?}");
    }
}

#[tokio::test]
async fn operator_verifies_and_a_changed_entry_is_named() {
    let site = Site::new().await;
    let user = site.user("ada").await;
    let account = user["account_id"].as_str().unwrap();
    site.grant(ADA, "5").await;
    let verdict = site.json(&["verify"]).await;
    assert_eq!(
        (&verdict["ok"], &verdict["entries"], &verdict["issued"]),
        (&json!(true), &json!(2), &json!(105))
    );
    assert_eq!(site.json(&["verify", "--account", account]).await["accounts"], 1);
    let unknown = site.run(&["verify", "--account", "acct_00000000000000000000000000000000"]).await;
    assert!(unknown.refusal(1).contains("account is unknown"), "{unknown:?}");
    let mut raw = Raw::open(&site.database()).await;
    raw.unlock_entries().await;
    raw.run("UPDATE entries SET amount = amount + 1 WHERE seq = 2").await;
    drop(raw);
    for words in [&["verify", "--json"][..], &["verify", "--account", account, "--json"]] {
        let ended = site.run(words).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let verdict = ended.json();
        assert_eq!(
            (&verdict["ok"], &verdict["mismatch"]["account_id"]),
            (&json!(false), &user["account_id"])
        );
        assert_eq!(verdict["mismatch"]["seq"], 2);
    }
    let plain = site.run(&["verify"]).await;
    assert!(plain.stdout.contains("MISMATCH") && plain.stdout.contains("entry 2"), "{plain:?}");
}

#[tokio::test]
async fn operator_verifies_books_that_add_up_to_more_than_can_be_counted() {
    let site = Site::new().await;
    for name in ["ada", "bob"] {
        site.user(name).await;
        site.grant(&format!("{name}@example.com"), "9000000000").await;
    }
    let verdict = site.json(&["verify"]).await;
    assert_eq!((&verdict["ok"], &verdict["accounts"]), (&json!(true), &json!(2)), "{verdict}");
    let said = site.run(&["verify"]).await.stdout;
    assert!(said.contains("issued 9007199254.740991 ="), "{said}");
}

#[tokio::test]
async fn operator_commands_a_running_server_and_the_next_request_knows() {
    let site = Site::new().await;
    let serving = site.serve().await;
    let user = site.user("ada").await;
    let key = site.service_key().await;
    let service = Caller::new(&serving.url, Some(&key));
    let made =
        site.json(&["api-key", "create", "--email", ADA, "--name", "k", "--permission", "read_only"]).await;
    let member = Caller::new(&serving.url, made["key"].as_str());
    for n in 1..=5 {
        site.grant(ADA, "1").await;
        assert_eq!(member.get("/usage/current").await.ok()["credits"], 100 + n);
    }
    service.post(EVENTS, &prediction("a", &user)).await.ok();
    assert_eq!(amount(&site.json(&["stats"]).await["spent"]), credits("0.1"));
    site.json(&["user", "suspend", "--email", ADA]).await;
    assert_error(&service.post(EVENTS, &prediction("b", &user)).await, 403, "account_suspended", "suspended");
    site.json(&["user", "activate", "--email", ADA]).await;
    service.post(EVENTS, &prediction("b", &user)).await.ok();
    let id = site.json(&["service-key", "list"]).await["keys"][0]["key_id"].as_str().unwrap().to_owned();
    site.json(&["service-key", "revoke", "--id", &id]).await;
    assert_error(&service.post(EVENTS, &prediction("c", &user)).await, 401, "revoked_key", "revoked");
    assert_eq!(site.json(&["verify"]).await["ok"], true);
    let refused = site
        .run(&["grant", "--email", "eve@example.com", "--credits", "1", "--kind", "promo", "--reason", "x"])
        .await;
    assert!(refused.refusal(1).contains("email is unknown"), "{refused:?}");
    assert_eq!(serving.terminate().await, Some(0));
    assert_eq!(amount(&site.json(&["stats"]).await["spent"]), credits("0.2"), "and so does the file");
}

#[tokio::test]
async fn a_server_that_is_asked_to_stop_ends_its_streams_and_keeps_what_it_answered() {
    let site = Site::new().await;
    let serving = site.serve().await;
    let user = site.user("ada").await;
    let service = Caller::new(&serving.url, Some(&site.service_key().await));
    let made =
        site.json(&["api-key", "create", "--email", ADA, "--name", "k", "--permission", "read_only"]).await;
    let member = Caller::new(&serving.url, made["key"].as_str());
    let mut reader = crate::harness::sse::Reader::open(&member, "", None).await;
    reader.group().await;
    for n in 0..20 {
        service.post(EVENTS, &prediction(&n.to_string(), &user)).await.ok();
    }
    assert_eq!(serving.terminate().await, Some(0));
    while reader.next().await.is_some() {}
    assert_eq!(site.json(&["stats"]).await["events"], 20);
    let left: Vec<_> =
        std::fs::read_dir(site.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name == "console.sock"), "{left:?}");
}

#[tokio::test]
async fn operator_runs_commands_side_by_side_and_all_take_effect() {
    let site = Site::new().await;
    site.user("ada").await;
    let grants = (0..6).map(|_| site.grant(ADA, "1"));
    futures::future::join_all(grants).await;
    assert_eq!(site.json(&["stats"]).await["issued"], 106);
    assert_eq!(site.json(&["verify"]).await["ok"], true);
}

#[tokio::test]
async fn operator_puts_an_account_into_a_tier() {
    let site = Site::new().await;
    site.user("ada").await;
    let tier = async |tier: &str| site.json(&["user", "tier", "--email", ADA, "--tier", tier]).await;
    assert_eq!((&tier("pro").await["tier"], &tier("basic").await["tier"]), (&json!("pro"), &json!("basic")));
    assert!(tier("none").await.get("tier").is_none());
    for (email, tier, mentions) in
        [(ADA, "gold", "basic, pro or none"), ("x@example.com", "pro", "email is unknown")]
    {
        let ended = site.run(&["user", "tier", "--email", email, "--tier", tier]).await;
        assert!(ended.code != Some(0) && ended.stderr.contains(mentions), "{}", ended.stderr);
    }
}
