//! What is in the binary, as `CycloneDX` 1.5 (ECMA-424): the crates of the server and of the browser's code with their licences
//! and checksums, and the npm packages that are bundled for the browser. docs/decisions/0026 says why it is written here.

use crate::{
    command::{Outcome, cargo},
    paths,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::PathBuf,
};

const WASM: &str = "wasm32-unknown-unknown";
/// What `app/js/charts.js` bundles.
const BUNDLED: [&str; 3] = ["echarts", "zrender", "tslib"];
const SEPARATOR: char = '\t';

/// Beside the release binary.
pub fn path() -> PathBuf {
    paths::target().join("release").join("plexe-console.cdx.json")
}

/// Writes it.
pub fn write() -> Outcome {
    let mut crates = tree(&["--package", "server"])?;
    crates.extend(tree(&["--package", "frontend", "--target", WASM])?);
    let crate_locks = locked_crates(&fs::read_to_string(paths::root().join("Cargo.lock"))?);
    let npm_lock = fs::read_to_string(paths::root().join("package-lock.json"))?;
    let mut components = Vec::new();
    for krate in &crates {
        components.push(of_crate(krate, &crate_locks)?);
    }
    for name in BUNDLED {
        components.push(of_package(name, &npm_lock).ok_or(format!("package-lock.json has no {name}"))?);
    }
    let version = env!("CARGO_PKG_VERSION");
    let text = document(version, &components, &dependencies(&crates, &crate_locks));
    let to = path();
    fs::create_dir_all(to.parent().unwrap_or(paths::root()))?;
    fs::write(&to, text)?;
    println!("{} components: {}", components.len(), to.display());
    Ok(())
}

/// A crate that is compiled in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Crate {
    name: String,
    version: String,
    licence: String,
    /// One of ours.
    is_ours: bool,
}

/// What cargo says is compiled in, without what only builds or tests.
fn tree(of: &[&str]) -> Outcome<BTreeSet<Crate>> {
    let format = format!("{{p}}{SEPARATOR}{{l}}");
    let program =
        cargo(["tree", "--locked", "--edges", "normal", "--prefix", "none", "--no-dedupe", "--format"]);
    let printed = program.args([format.as_str()]).args(of).read()?;
    Ok(printed.lines().filter_map(of_line).collect())
}

/// `name v1.2.3 (path or proc-macro)` and the licence.
fn of_line(line: &str) -> Option<Crate> {
    let (package, licence) = line.split_once(SEPARATOR)?;
    let mut words = package.split(' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    let is_ours = words.any(|word| word.starts_with("(/") || word.contains(":\\"));
    let licence = licence.trim().replace('/', " OR ");
    Some(Crate { name: name.to_owned(), version: version.to_owned(), licence, is_ours })
}

/// By name and version: checksum, and what it depends on as the lock file writes it.
type Locked = BTreeMap<(String, String), (String, Vec<String>)>;

fn locked_crates(lock: &str) -> Locked {
    let value = |block: &str, key: &str| {
        let line =
            block.lines().find_map(|line| line.strip_prefix(&format!("{key} = \"")).map(str::to_owned));
        line.unwrap_or_default().trim_end_matches('"').to_owned()
    };
    let listed = |block: &str| {
        let (_, rest) = block.split_once("dependencies = [").unwrap_or_default();
        let items = rest.split(']').next().unwrap_or_default().lines();
        items
            .filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\",").map(str::to_owned))
            .collect()
    };
    let blocks = lock.split("[[package]]").skip(1);
    blocks
        .map(|block| {
            ((value(block, "name"), value(block, "version")), (value(block, "checksum"), listed(block)))
        })
        .collect()
}

fn of_crate(krate: &Crate, locked: &Locked) -> Outcome<String> {
    let Crate { name, version, licence, is_ours } = krate;
    let (checksum, _) = locked
        .get(&(name.clone(), version.clone()))
        .ok_or_else(|| format!("Cargo.lock has no {name} {version}"))?;
    let hashes = if *is_ours {
        String::new()
    } else {
        format!(",\"hashes\":[{{\"alg\":\"SHA-256\",\"content\":{}}}]", quoted(checksum))
    };
    Ok(component(("cargo", name, version), licence, &hashes))
}

/// A package of the npm lock file, whose entries are read line by line.
fn of_package(name: &str, lock: &str) -> Option<String> {
    let (_, rest) = lock.split_once(&format!("\"node_modules/{name}\": {{"))?;
    let value = |key: &str| rest.split_once(&format!("\"{key}\": \""))?.1.split('"').next();
    Some(component(("npm", name, value("version")?), value("license")?, ""))
}

fn component((kind, name, version): (&str, &str, &str), licence: &str, hashes: &str) -> String {
    let purl = quoted(&purl(kind, name, version));
    let licences = match licence {
        "" => String::new(),
        licence => format!(",\"licenses\":[{{\"expression\":{}}}]", quoted(licence)),
    };
    let (name, version) = (quoted(name), quoted(version));
    format!(
        "{{\"type\":\"library\",\"bom-ref\":{purl},\"name\":{name},\"version\":{version},\"purl\":{purl}{licences}{hashes}}}"
    )
}

fn purl(kind: &str, name: &str, version: &str) -> String {
    format!("pkg:{kind}/{name}@{}", version.replace('+', "%2B"))
}

/// Which of the crates depend on which others.
fn dependencies(crates: &BTreeSet<Crate>, locked: &Locked) -> Vec<String> {
    let of = |krate: &Crate| purl("cargo", &krate.name, &krate.version);
    let line = |krate: &Crate| {
        let (_, listed) = locked.get(&(krate.name.clone(), krate.version.clone()))?;
        let is_named = |written: &String, other: &Crate| {
            let mut words = written.split(' ');
            words.next() == Some(&other.name) && words.next().is_none_or(|version| version == other.version)
        };
        let others = crates.iter().filter(|other| listed.iter().any(|written| is_named(written, other)));
        let others: Vec<String> = others.map(|other| quoted(&of(other))).collect();
        Some(format!("{{\"ref\":{},\"dependsOn\":[{}]}}", quoted(&of(krate)), others.join(",")))
    };
    crates.iter().filter_map(line).collect()
}

fn document(version: &str, components: &[String], dependencies: &[String]) -> String {
    format!(
        "{{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"version\":1,\n\"metadata\":{{\"component\":{{\"type\":\"application\",\
         \"bom-ref\":\"plexe-console\",\"name\":\"plexe-console\",\"version\":{}}}}},\n\"components\":[\n{}\n],\n\"dependencies\":[\n{}\n]}}\n",
        quoted(version),
        components.join(",\n"),
        dependencies.join(",\n")
    )
}

/// A JSON string (RFC 8259, 7).
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => {
                out.push('\\');
                out.push(letter);
            }
            control if control.is_control() => {
                // Writing into a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "[[package]]\nname = \"a\"\nversion = \"1.0.0+x\"\nchecksum = \"00ff\"\ndependencies = [\n \"b\",\n \"c 2.0.0\",\n]\n\n\
                        [[package]]\nname = \"b\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"c\"\nversion = \"1.0.0\"\n\n\
                        [[package]]\nname = \"c\"\nversion = \"2.0.0\"\n";

    fn krate(name: &str, version: &str) -> Crate {
        Crate {
            name: name.to_owned(),
            version: version.to_owned(),
            licence: "MIT".to_owned(),
            is_ours: name == "b",
        }
    }

    #[test]
    fn a_crate_is_read_as_cargo_prints_it() {
        let found = of_line("serde v1.0.0\tMIT/Apache-2.0").expect("a crate");
        assert_eq!((found.name.as_str(), found.version.as_str()), ("serde", "1.0.0"));
        assert_eq!((found.licence.as_str(), found.is_ours), ("MIT OR Apache-2.0", false));
        assert!(of_line("app v0.1.0 (/somewhere/app)\tMIT").is_some_and(|krate| krate.is_ours));
        assert!(of_line("serde_derive v1.0.0 (proc-macro)\tMIT").is_some_and(|krate| !krate.is_ours));
        assert_eq!(of_line(""), None);
    }

    #[test]
    fn a_component_has_its_place_licence_and_checksum() {
        let locked = locked_crates(LOCK);
        assert_eq!(
            of_crate(&krate("a", "1.0.0+x"), &locked).expect("a component"),
            "{\"type\":\"library\",\"bom-ref\":\"pkg:cargo/a@1.0.0%2Bx\",\"name\":\"a\",\"version\":\"1.0.0+x\",\"purl\":\"pkg:cargo/a@1.0.0%2Bx\",\
             \"licenses\":[{\"expression\":\"MIT\"}],\"hashes\":[{\"alg\":\"SHA-256\",\"content\":\"00ff\"}]}"
        );
        assert!(!of_crate(&krate("b", "0.1.0"), &locked).expect("a component").contains("hashes"));
        assert!(of_crate(&krate("d", "1.0.0"), &locked).is_err());
    }

    #[test]
    fn dependencies_are_those_that_are_compiled_in() {
        let crates = [krate("a", "1.0.0+x"), krate("b", "0.1.0"), krate("c", "1.0.0"), krate("c", "2.0.0")];
        let found = dependencies(&BTreeSet::from(crates), &locked_crates(LOCK));
        assert_eq!(
            found[0],
            "{\"ref\":\"pkg:cargo/a@1.0.0%2Bx\",\"dependsOn\":[\"pkg:cargo/b@0.1.0\",\"pkg:cargo/c@2.0.0\"]}"
        );
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn the_bundled_packages_are_in_the_lock_file() {
        let lock = fs::read_to_string(paths::root().join("package-lock.json")).expect("a lock file");
        for name in BUNDLED {
            let found = of_package(name, &lock).expect(name);
            assert!(
                found.contains(&format!("\"purl\":\"pkg:npm/{name}@")) && found.contains("licenses"),
                "{found}"
            );
        }
    }

    #[test]
    fn text_is_quoted() {
        assert_eq!(quoted("a\"b\\c\nd"), "\"a\\\"b\\\\c\\u000ad\"");
    }
}
