//! Puts the browser's files into the binary, so that one file runs from any folder.
//!
//! `cargo xtask build` lays them out in `target/assets` and touches only what changed. Without that folder the manifest
//! is empty: the server still compiles and its API works, which is what unit tests and `cargo check` need.

use sha2::{Digest, Sha256};
use std::{
    env,
    fmt::Write as _,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

/// Below this a compressed copy saves less than its header costs.
const MIN_COMPRESSED_BYTES: usize = 256;
/// Hex digits of SHA-256 in a file's name; 40 bits over a handful of files.
const NAME_HASH_DIGITS: usize = 10;

fn main() -> io::Result<()> {
    let out = PathBuf::from(var("OUT_DIR"));
    let assets = assets_dir();
    // A path that does not exist would make cargo run this script, and rebuild the server, every time.
    fs::create_dir_all(&assets)?;
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=CONSOLE_ASSETS_DIR");
    println!("cargo:rerun-if-changed={}", assets.display());

    let compress = var("PROFILE") == "release";
    let mut files = Vec::new();
    walk(&assets, &assets, &mut files)?;
    files.sort();
    let mut table = String::from("&[\n");
    for (index, path) in files.iter().enumerate() {
        let body = fs::read(assets.join(path))?;
        embed(&out, &body, path, &index.to_string(), compress, &mut table)?;
    }
    table.push_str("]\n");
    fs::write(out.join("assets.rs"), table)?;
    describe(&out, compress)
}

/// The description of the API, without what makes it pleasant to review.
fn describe(out: &Path, compress: bool) -> io::Result<()> {
    const NAME: &str = "openapi.json";
    let source = Path::new(&var("CARGO_MANIFEST_DIR")).join(NAME);
    println!("cargo:rerun-if-changed={}", source.display());
    let short: String = fs::read_to_string(source)?.lines().map(str::trim_start).collect();
    let mut line = String::new();
    embed(out, short.as_bytes(), NAME, NAME, compress, &mut line)?;
    fs::write(out.join("openapi.rs"), line.trim().trim_end_matches(','))
}

fn var(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name} for build scripts"))
}

fn assets_dir() -> PathBuf {
    env::var_os("CONSOLE_ASSETS_DIR")
        .map_or_else(|| Path::new(&var("CARGO_MANIFEST_DIR")).join("../target/assets"), PathBuf::from)
}

fn walk(root: &Path, dir: &Path, files: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(root, &path, files)?;
        } else {
            let relative = path.strip_prefix(root).map_err(io::Error::other)?;
            let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
            files.push(parts.join("/"));
        }
    }
    Ok(())
}

/// Writes the stored forms of one file and its line of the table.
fn embed(
    out: &Path,
    body: &[u8],
    path: &str,
    stored_as: &str,
    compress: bool,
    table: &mut String,
) -> io::Result<()> {
    let mut hash = String::new();
    for byte in Sha256::digest(body) {
        write!(hash, "{byte:02x}").map_err(io::Error::other)?;
    }
    hash.truncate(NAME_HASH_DIGITS);
    let store = |suffix: &str, bytes: &[u8]| -> io::Result<String> {
        let name = format!("asset-{stored_as}{suffix}");
        fs::write(out.join(&name), bytes)?;
        Ok(format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}\"))"))
    };
    let identity = store("", body)?;
    let mut compressed = [String::from("None"), String::from("None")];
    if compress && body.len() >= MIN_COMPRESSED_BYTES {
        let forms = [("-br", brotli(body)?), ("-gz", gzip(body)?)];
        for ((suffix, bytes), slot) in forms.into_iter().zip(&mut compressed) {
            if bytes.len() < body.len() {
                *slot = format!("Some({})", store(suffix, &bytes)?);
            }
        }
    }
    let [brotli, gzip] = compressed;
    writeln!(
        table,
        "    File {{ path: {path:?}, hash: {hash:?}, identity: {identity}, brotli: {brotli}, gzip: {gzip} }},"
    )
    .map_err(io::Error::other)
}

fn brotli(body: &[u8]) -> io::Result<Vec<u8>> {
    let params = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: body.len(),
        ..Default::default()
    };
    let mut out = Vec::new();
    brotli::BrotliCompress(&mut &*body, &mut out, &params)?;
    Ok(out)
}

fn gzip(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(body)?;
    encoder.finish()
}
