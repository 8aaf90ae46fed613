//! Each rule against violations planted for it, and against what it must let pass.

use super::*;

fn broken(check: fn(&Repository) -> Vec<Violation>, files: &[(&str, &str)]) -> Vec<String> {
    let text = |(path, text): &(&str, &str)| TextFile { path: (*path).to_owned(), text: (*text).to_owned() };
    let repository = Repository::of(files.iter().map(text).collect());
    check(&repository).iter().map(|found| format!("{}:{}", found.path, found.line)).collect()
}

#[test]
fn a_server_function_is_found_anywhere_but_in_the_api() {
    let code = "//! x\n#[server(Name)]\npub async fn name() {}\n";
    let found = broken(
        source::server_functions,
        &[("app/src/api/a.rs", code), ("app/src/pages/b.rs", code), ("server/src/c.rs", "// #[server]\n")],
    );
    assert_eq!(found, ["app/src/pages/b.rs:2"]);
}

#[test]
fn sql_is_found_as_a_call_and_as_text() {
    let found = broken(
        source::sql,
        &[
            ("server/src/store/a.rs", "fn a() { sqlx::query(\"SELECT 1\"); }"),
            ("server/tests/it/b.rs", "const B: &str = \"DELETE FROM entries\";"),
            (
                "server/src/console/c.rs",
                "fn c() {\n sqlx::query_as(q);\n let s = r\"\n  UPDATE wallets SET a = 1\";\n}",
            ),
            (
                "app/src/pages/d.rs",
                "const D: &str = \"Select a plan\";\nconst E: &str = \"UPDATE your card\";",
            ),
        ],
    );
    assert_eq!(found, ["server/src/console/c.rs:2", "server/src/console/c.rs:3"]);
}

#[test]
fn floats_are_found_as_whole_words_of_code() {
    let found = broken(
        source::floats,
        &[
            ("app/src/charts/a.rs", "fn a(x: f64) {}"),
            ("app/src/format.rs", "fn a(x: f64) {}"),
            ("ledger/src/b.rs", "// f64\nfn b(x: u8) -> f64 { as_secs_f64(x) }"),
            ("server/src/c.rs", "const C: &str = \"f32\";\nlet x = 1 as f32;"),
        ],
    );
    assert_eq!(found, ["ledger/src/b.rs:2", "server/src/c.rs:2"]);
}

#[test]
fn a_reference_model_that_asks_the_code_it_is_held_against_is_found() {
    let found = broken(
        source::reference_model,
        &[
            (
                "server/tests/it/model/books.rs",
                "//! Not of the ledger.\nuse ledger::Credits;\nuse server::store::Store;",
            ),
            (
                "server/tests/it/model/driver.rs",
                "use server::store::Permission;\nfn a() -> ledger::Credits {}",
            ),
            ("server/tests/it/verify.rs", "use ledger::Credits;"),
        ],
    );
    assert_eq!(
        found,
        [
            "server/tests/it/model/books.rs:2",
            "server/tests/it/model/books.rs:3",
            "server/tests/it/model/driver.rs:2"
        ]
    );
}

#[test]
fn long_files_and_functions_are_found_but_tests_may_be_long() {
    let long_body = format!("fn long() {{\n{}}}\n", "    work();\n".repeat(69));
    let with_comments = format!("fn fine() {{\n{}}}\n", "    work();\n    // why\n\n".repeat(68));
    let long_file = "//! x\n".to_owned() + &"const A: u8 = 1;\n".repeat(500);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "    fn a() {}\n".repeat(600));
    let found = broken(
        source::lengths,
        &[
            ("app/src/a.rs", &long_body),
            ("app/src/b.rs", &with_comments),
            ("app/src/c.rs", &long_file),
            ("app/src/d.rs", &tests),
            ("server/tests/it/e.rs", &long_file),
        ],
    );
    assert_eq!(found, ["app/src/a.rs:1", "app/src/c.rs:1"]);
}

#[test]
fn unfinished_work_and_tests_that_do_not_run_are_found() {
    let found = broken(
        source::unfinished,
        &[
            (
                "server/src/a.rs",
                "fn a() {\n todo!() }\nfn b() { unimplemented!() }\n#[ignore = \"slow\"]\nfn c() { dbg!(1) }",
            ),
            ("server/src/b.rs", "// todo! is a word here\nconst T: &str = \"todo!\";"),
            ("end2end/tests/a.spec.ts", "test.only('x');\n"),
        ],
    );
    assert_eq!(
        found,
        [
            "server/src/a.rs:4",
            "server/src/a.rs:2",
            "server/src/a.rs:3",
            "server/src/a.rs:5",
            "end2end/tests/a.spec.ts:1"
        ]
    );
}

#[test]
fn sleeping_is_found_in_tests_only() {
    let job = "async fn job() { tokio::time::sleep(pause).await }\n";
    let test = "#[cfg(test)]\nmod tests {\n  fn a() { std::thread::sleep(d) }\n}\n";
    let found = broken(
        source::sleeps,
        &[
            ("server/src/jobs/a.rs", job),
            ("server/src/b.rs", test),
            ("server/tests/it/c.rs", job),
            ("end2end/tests/d.spec.ts", "await page.waitForTimeout(5)"),
        ],
    );
    assert_eq!(found, ["server/src/b.rs:3", "server/tests/it/c.rs:1", "end2end/tests/d.spec.ts:1"]);
}

#[test]
fn files_without_a_header_or_with_a_vague_name_are_found() {
    let found = broken(
        source::headers,
        &[
            ("app/src/a.rs", "//! Why.\n"),
            ("app/src/b.rs", "use a;\n"),
            ("app/src/utils/mod.rs", "//! Why.\n"),
        ],
    );
    assert_eq!(found, ["app/src/b.rs:1", "app/src/utils/mod.rs:1"]);
}

#[test]
fn a_dependency_in_the_wrong_direction_is_found() {
    let found = broken(
        crates::directions,
        &[
            (
                "ledger/Cargo.toml",
                "[dependencies]\nserde.workspace = true\ntokio = \"1\"\n\n[dev-dependencies]\nsqlx = \"1\"\n",
            ),
            (
                "app/Cargo.toml",
                "[dependencies]\naxum = { version = \"1\" }\nleptos_axum = { workspace = true, optional = true }\n",
            ),
            (
                "frontend/Cargo.toml",
                "[target.'cfg(unix)'.dependencies]\nserver.workspace = true\n[dependencies.sqlx]\nversion = \"1\"\n",
            ),
            ("xtask/Cargo.toml", "[dependencies]\n"),
        ],
    );
    assert_eq!(
        found,
        ["ledger/Cargo.toml:3", "app/Cargo.toml:2", "frontend/Cargo.toml:2", "frontend/Cargo.toml:3"]
    );
}

#[test]
fn a_migration_that_one_store_lacks_is_found() {
    let one = ("server/migrations/sqlite/0001_start.sql", "");
    assert_eq!(broken(papers::migrations, &[one]), [""; 0]);
    let found = broken(
        papers::migrations,
        &[
            one,
            ("server/migrations/sqlite/0002_more.sql", ""),
            ("server/migrations/postgres/0001_start.sql", ""),
        ],
    );
    assert_eq!(found, ["server/migrations/postgres/0002_more.sql:0"]);
}

#[test]
fn links_to_nothing_or_to_the_outside_are_found() {
    let found = broken(
        papers::links,
        &[
            (
                "README.md",
                "[a](docs/decisions/0001-x.md) [b](https://example.com) [c](#here)\n[d](docs/none.md)\n",
            ),
            ("docs/decisions/0001-x.md", "[up](../../README.md#top) [out](../../../x.md)\n[abs](/x.md)\n"),
            ("docs/decisions/why.md", ""),
        ],
    );
    assert_eq!(
        found,
        [
            "README.md:2",
            "docs/decisions/0001-x.md:1",
            "docs/decisions/0001-x.md:2",
            "docs/decisions/why.md:0"
        ]
    );
}

#[test]
fn places_on_a_machine_and_private_registries_are_found() {
    let found = broken(
        papers::machines,
        &[
            ("docs/a.md", "see\n/root/x and /home/me"),
            (
                "package-lock.json",
                "{\n\"resolved\": \"https://registry.npmjs.org/a\",\n\"resolved\": \"https://example.com/a\"\n}",
            ),
            (
                "Cargo.lock",
                "source = \"registry+https://github.com/rust-lang/crates.io-index\"\nsource = \"git+https://example.com\"\n",
            ),
        ],
    );
    assert_eq!(found, ["docs/a.md:2", "docs/a.md:2", "package-lock.json:3", "Cargo.lock:2"]);
}

#[test]
fn requirements_without_an_answer_or_with_a_test_that_is_not_there_are_found() {
    let paper = "| item | level | about | how |\n|---|---|---|---|\n\
                 | 1.1.1 | 1 | a | test: `sign_in::anon_guesses`, `server::http::security::ours` and `Cargo.toml` |\n\
                 | 1.1.2 | 1 | b | test: `sign_in::gone` |\n\
                 | 1.1.3 | 1 | c | test: none |\n\
                 | 1.1.4 | 1 | d | perhaps |\n\
                 | 1.1.5 | 1 | e | n/a: there is none |\n\
                 | 1.1.5 | 1 | e | test: `a.spec.ts: it works` |\n\
                 | 1.1.6 | 1 | f | test: `a.spec.ts: it fails` |\n\
                 | 1.1.7 | 1 | g | test: `sign_in::helper` |\n\
                 | 1.1.8 | 1 | h | open: tidy: `files and functions are short`, tidy: `no such rule` |\n";
    let found = broken(
        proofs::requirements,
        &[
            (proofs::PAPER, paper),
            (
                "server/tests/it/sign_in/mod.rs",
                "#[tokio::test]\nasync fn anon_guesses() {}\nfn helper() {}\n// fn gone() {}\n",
            ),
            ("server/src/http/security.rs", "#[test]\nfn ours() {}\n"),
            ("end2end/tests/a.spec.ts", "test(\"it works\", async () => {});"),
        ],
    );
    let lines: Vec<&str> =
        found.iter().filter_map(|found| found.rsplit_once(':')).map(|(_, line)| line).collect();
    assert_eq!(lines, ["4", "5", "6", "8", "9", "10", "11", "1"]);
}
