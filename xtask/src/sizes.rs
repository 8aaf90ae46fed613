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

pub fn report() -> Outcome {
    let assets = paths::assets();
    let files: Vec<_> = build::files(&assets)?.into_iter().collect();
    if files.is_empty() {
        return Err("nothing is built yet: run `cargo xtask build` first".into());
    }
    let printed =
        Program::new("node").args(["-e", SCRIPT]).args(files.iter().map(|file| assets.join(file))).read()?;
    println!("{:>10} {:>10}  bytes as built, and as brotli", "plain", "brotli");
    for (file, line) in files.iter().zip(printed.lines()) {
        let (plain, brotli) = line.split_once(' ').ok_or("node printed no sizes")?;
        println!("{plain:>10} {brotli:>10}  {}", file.display());
    }
    if let Ok(binary) = std::fs::metadata(paths::release_binary()) {
        println!("{:>10} {:>10}  plexe-console", binary.len(), "");
    }
    Ok(())
}
