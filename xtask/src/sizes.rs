//! What a browser downloads at the first visit, compressed as the server sends it.

use crate::{
    build,
    command::{Outcome, Program},
    paths,
};

/// Prints bytes as built and as brotli (quality 11) sends them; node's zlib does the compressing.
const SCRIPT: &str = r#"
const { readFileSync } = require("fs");
const { brotliCompressSync, constants: c } = require("zlib");
for (const path of process.argv.slice(1)) {
  const body = readFileSync(path);
  const params = { [c.BROTLI_PARAM_QUALITY]: 11, [c.BROTLI_PARAM_LGWIN]: 22, [c.BROTLI_PARAM_SIZE_HINT]: body.length };
  console.log(body.length, brotliCompressSync(body, { params }).length);
}
"#;

/// A file of the browser, in bytes as built and as sent.
struct Size {
    file: String,
    plain: u64,
    brotli: u64,
}

pub fn report() -> Outcome {
    println!("{:>10} {:>10}  bytes as built, and as brotli", "plain", "brotli");
    for Size { file, plain, brotli } in measure()? {
        println!("{plain:>10} {brotli:>10}  {file}");
    }
    if let Ok(binary) = std::fs::metadata(paths::release_binary()) {
        println!("{:>10} {:>10}  plexe-console", binary.len(), "");
    }
    Ok(())
}

/// What a first visit downloads, against what it may be, as a table for the paper.
pub fn table() -> Outcome<String> {
    let limits = [
        ("wasm", 250, "wasm"),
        ("css", 12, "styles"),
        ("js", 15, "scripts without the charts"),
        ("charts", 180, "chart library, after the first paint"),
    ];
    let sizes = measure()?;
    let mut text = String::from(
        "\n### first load, brotli\n\n| what | measured | limit | ratio | target | |\n|---|--:|--:|--:|--:|---|\n",
    );
    for (kind, limit_kb, what) in limits {
        let bytes: u64 =
            sizes.iter().filter(|size| kind_of(&size.file) == kind).map(|size| size.brotli).sum();
        let percent = bytes / (limit_kb * 10);
        let verdict = if percent <= 100 { "holds" } else { "short" };
        let line = format!(
            "| {what} | {}.{} KB | {limit_kb} KB | {}.{:02} | ≤ 1.00 | {verdict} |\n",
            bytes / 1_000,
            bytes % 1_000 / 100,
            percent / 100,
            percent % 100
        );
        text.push_str(&line);
    }
    Ok(text)
}

fn kind_of(file: &str) -> &str {
    if file.ends_with("charts.js") { "charts" } else { file.rsplit_once('.').map_or("", |(_, kind)| kind) }
}

fn measure() -> Outcome<Vec<Size>> {
    let assets = paths::assets();
    let files: Vec<_> = build::files(&assets)?.into_iter().collect();
    if files.is_empty() {
        return Err("nothing is built yet: run `cargo xtask build` first".into());
    }
    let printed =
        Program::new("node").args(["-e", SCRIPT]).args(files.iter().map(|file| assets.join(file))).read()?;
    let mut sizes = Vec::with_capacity(files.len());
    for (file, line) in files.iter().zip(printed.lines()) {
        let (plain, brotli) = line.split_once(' ').ok_or("node printed no sizes")?;
        sizes.push(Size { file: file.display().to_string(), plain: plain.parse()?, brotli: brotli.parse()? });
    }
    Ok(sizes)
}
