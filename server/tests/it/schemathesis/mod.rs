//! Requests that nobody thought of: schemathesis makes them from `/openapi.json` and looks whether the answers are as it says.
//! Nobody gets a 5xx, whoever they are, and every operation succeeds for somebody.
//!
//! It comes from `PyPI`, at versions that `end2end/schemathesis/requirements.txt` pins, into an environment of its own under
//! `target`. Where that can't be, a line says so and the test passes; with `CI` set it fails.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use ledger::time::SECOND;
use serde_json::{Value, json};
use server::store::{Permission, Scope, Scopes};

use crate::harness::contract::CONTRACT;
use crate::harness::{Member, Service, World};

/// Requests for each operation and identity; `PLEXE_SCHEMATHESIS_EXAMPLES=500` for more.
const USUAL_EXAMPLES: &str = "4";
const SEED: &str = "1";
/// Keys and holds for each identity to close.
const MADE: usize = 40;

/// What was answered, by operation and status.
type Counts = BTreeMap<String, BTreeMap<String, u64>>;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../end2end/schemathesis")
}

/// The program, installed once; else why it can't be.
fn installed() -> Result<PathBuf, String> {
    let requirements = folder().join("requirements.txt");
    let pinned = std::fs::read_to_string(&requirements).expect("pinned versions");
    let version = pinned.lines().find_map(|line| line.strip_prefix("schemathesis==")).expect("a version");
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("schemathesis-{version}"));
    let program = home.join("bin/st");
    if ran(Command::new(&program).arg("--version")).is_ok() {
        return Ok(program);
    }
    eprintln!("installing schemathesis {version}, once");
    ran(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    ran(Command::new(home.join("bin/python")).args(pip).arg(&requirements))?;
    Ok(program)
}

fn ran(command: &mut Command) -> Result<(), String> {
    let ended = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let said = String::from_utf8_lossy(&ended.stderr);
    if ended.status.success() { Ok(()) } else { Err(format!("{command:?}: {}", said.trim())) }
}

/// Somebody who asks, and what they have.
struct Identity {
    name: &'static str,
    key: Option<String>,
    own: Value,
}

async fn own(world: &World, ada: &Member, service: &Service, maker: &str, name: &str) -> Value {
    let mut keys = vec![];
    let mut holds = vec![];
    let new_key = json!({"name": "spare", "permission_level": "read_write"});
    for turn in 0..MADE {
        if turn % 8 == 0 {
            // An hour has room for ten new keys.
            world.clock.advance(7_200 * SECOND);
        }
        let made = world.caller(maker).post("/auth/api-keys", &new_key).await.ok();
        keys.push(made["key_id"].clone());
    }
    world.clock.advance(7_200 * SECOND);
    for turn in 0..MADE {
        let hold = json!({
            "id": format!("{name}-{turn}"), "source": "builder", "user_id": ada.user_id.to_string(),
            "operation": "model.build", "quantity": 2, "expires_in_s": 86_400,
        });
        let answered = service.caller.post("/usage/holds", &hold).await.ok();
        holds.push(answered["hold_id"].clone());
    }
    let event = json!({
        "id": "job-1", "source": "builder", "user_id": ada.user_id.to_string(), "operation": "model.build",
        "quantity": 1,
    });
    let charged = service.caller.post("/usage/events", &event).await.ok();
    json!({
        "user_id": ada.user_id.to_string(), "event_id": charged["event_id"], "key_ids": keys, "hold_ids": holds,
    })
}

/// What went wrong, as schemathesis says it.
fn run(program: &Path, url: &str, identity: &Identity) -> (Counts, Option<String>) {
    let counts = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
        "schemathesis-{}-{}.json",
        identity.name,
        std::process::id()
    ));
    let variable = |name: &str, usual: &str| std::env::var(name).unwrap_or_else(|_| usual.to_owned());
    let mut command = Command::new(program);
    command
        .current_dir(folder())
        .args(["--config-file", "schemathesis.toml", "run"])
        .arg(format!("{url}/openapi.json"))
        .args(["--url", url, "--phases", "examples,coverage,fuzzing", "--max-examples"])
        .arg(variable("PLEXE_SCHEMATHESIS_EXAMPLES", USUAL_EXAMPLES))
        .args(["--seed", &variable("PLEXE_SCHEMATHESIS_SEED", SEED)])
        .env("PLEXE_OWN", identity.own.to_string())
        .env("PLEXE_COUNTS", &counts)
        .env("NO_PROXY", "*")
        .env("NO_COLOR", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    if let Some(key) = &identity.key {
        command.args(["--header", &format!("Authorization: Bearer {key}")]);
    }
    let ended = command.output().expect("a program that runs");
    let said = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    let read = std::fs::read_to_string(&counts).unwrap_or_else(|_| panic!("it counts: {said}"));
    std::fs::remove_file(&counts).expect("a file that can be removed");
    let counts = serde_json::from_str(&read).expect("its counts");
    (counts, (!ended.status.success()).then_some(said))
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_sent_by_whomever_is_answered_as_described() {
    let program = match tokio::task::block_in_place(installed) {
        Ok(program) => program,
        Err(reason) => {
            let line = format!("WARNING: SCHEMATHESIS DID NOT RUN: {reason}");
            assert!(std::env::var_os("CI").is_none(), "{line}");
            eprintln!("{line}");
            return;
        }
    };
    let world = World::start().await;
    let ada = world.member_with("ada", "100000000").await;
    let service = world.service_with(Scopes::of(Scope::ALL), None).await;
    let secret = async |permission| world.key(&ada, permission).await.secret.as_str().to_owned();
    let writer = secret(Permission::ReadWrite).await;
    let identities = [
        ("anonymous", None),
        ("read_only", Some(secret(Permission::ReadOnly).await)),
        ("read_write", Some(writer.clone())),
        ("service", Some(service.secret.clone())),
    ];
    let (mut all, mut faults) = (Counts::new(), vec![]);
    for (name, key) in identities {
        let own = own(&world, &ada, &service, &writer, name).await;
        let identity = Identity { name, key, own };
        let (counts, fault) = tokio::task::block_in_place(|| run(&program, &world.url, &identity));
        faults.extend(fault.map(|fault| format!("as {name}:\n{fault}")));
        for (operation, statuses) in counts {
            for (status, count) in statuses {
                *all.entry(operation.clone()).or_default().entry(status).or_default() += count;
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    // It asks for the description to begin with, and not again.
    for route in CONTRACT.routes().filter(|route| route.path != "/openapi.json") {
        let name = format!("{} {}", route.method.to_uppercase(), route.path);
        let statuses = all.get(&name).unwrap_or_else(|| panic!("{name} was not asked"));
        assert!(statuses.keys().any(|status| status.starts_with('2')), "{name} never succeeds: {statuses:?}");
        assert!(!statuses.keys().any(|status| status.starts_with('5')), "{name}: {statuses:?}");
    }
    println!("{}", serde_json::to_string_pretty(&all).expect("JSON"));
}
