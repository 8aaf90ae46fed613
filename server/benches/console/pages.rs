//! Pages as the server makes them: the overview of an account with a year behind it, and what anybody may see.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::books::Books;
use crate::client::Connection;
use crate::program::{BINARY, Program};
use crate::report::{Target, kilobytes, millis, row, table};
use crate::requests::{self, get, get_with, submit};
use crate::turns::{Side, Turns};
use crate::{Extent, Outcome};

const CONNECTIONS: usize = 32;
/// Of the rate of a hello.
const SHARE: f64 = 0.05;
const LATEST: Duration = Duration::from_millis(25);
const PUBLIC: [&str; 3] = ["/sign-in", "/sign-up", "/pricing"];
/// What such a page may weigh with all that it loads, in bytes as sent.
const HEAVIEST: f64 = 25_000.0;
/// As browsers say it.
const COMPRESSED: &str = "accept-encoding: gzip, deflate, br, zstd";

pub fn run(extent: Extent) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let books = Books::new(1).await?;
        let sample = sample(&books)?;
        let console = Program::console(&books)?;
        overview(&console, &sample, extent).await?;
        public(&console).await
    })
}

/// Who has a year of events.
struct Sample {
    email: String,
    password: String,
    events: u64,
}

/// Makes the sample account.
fn sample(books: &Books) -> Outcome<Sample> {
    let output = Command::new(BINARY)
        .args(["demo", "--json"])
        .current_dir(books.folder())
        .env_clear()
        .env("DATABASE_URL", books.url())
        .output()?;
    let said = String::from_utf8(output.stdout)?;
    let made: Value = serde_json::from_str(said.lines().last().unwrap_or_default())?;
    let text = |name: &str| made[name].as_str().map(str::to_owned).ok_or("no sample account was made");
    let events = made["events"].as_u64().ok_or("the sample account has no events")?;
    Ok(Sample { email: text("email")?, password: text("password")?, events })
}

async fn overview(console: &Program, sample: &Sample, extent: Extent) -> Outcome {
    let baseline = Program::baseline()?;
    let mut connection = Connection::open(console.addr).await?;
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("email", &sample.email)
        .append_pair("password", &sample.password)
        .finish();
    let answer = connection.ask_whole(&submit("/sign-in", &form)).await?;
    let cookie = answer.header("set-cookie").and_then(|cookie| cookie.split(';').next());
    let page = get_with("/", &format!("cookie: {}", cookie.ok_or("nobody was let in")?));
    let (status, body) = connection.ask(&page).await?;
    if status != 200 || !String::from_utf8_lossy(body).contains("Latest activity") {
        return Err("the overview does not show what was done".into());
    }
    let size = kilobytes(body.len());
    let sides = [
        Side::Program(console.addr, requests::always(page)),
        Side::Program(baseline.addr, requests::always(get("/hello", ""))),
    ];
    let [mut ours, mut hello] = Turns::new(extent, 0).take(CONNECTIONS, sides).await?;
    table("pages: the overview, made by the server", "ours", "beside it");
    let what = format!("{size} about an account with {} events, {CONNECTIONS} connections", sample.events);
    let beside = format!("{}, a JSON hello", hello.load.shown());
    row(&what, ours.load.shown(), beside, ours.ratio_to(&hello), &Target::AtLeast(SHARE));
    let slowest = ours.load.percentile(0.99);
    let ratio = slowest.as_secs_f64() / LATEST.as_secs_f64();
    row(&format!("{what}: p99"), millis(slowest), millis(LATEST), ratio, &Target::AtMost(1.0));
    Ok(())
}

fn extension(path: &str) -> Option<&str> {
    Some(path.rsplit_once('.')?.1)
}

/// What somebody downloads who opens a public page first.
async fn public(console: &Program) -> Outcome {
    table("public pages, with all that they load, as sent", "measured", "limit");
    let mut connection = Connection::open(console.addr).await?;
    for page in PUBLIC {
        let html = fetch(&mut connection, page).await?;
        let mut bytes = html.len();
        let text = String::from_utf8_lossy(&html);
        let loaded = loaded(&text);
        if let Some(wasm) = loaded.iter().find(|path| extension(path) == Some("wasm")) {
            return Err(format!("{page} loads {wasm}").into());
        }
        if !loaded.iter().any(|path| extension(path) == Some("css")) {
            return Err("there are no styles: the browser's files are not built".into());
        }
        for path in &loaded {
            bytes += fetch(&mut connection, path).await?.len();
        }
        let what = format!("{page} and {} files, no wasm", loaded.len());
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let ratio = bytes as f64 / HEAVIEST;
        row(&what, kilobytes(bytes), "25.0 KB", ratio, &Target::AtMost(1.0));
    }
    Ok(())
}

/// The body as it is sent to a browser.
async fn fetch(connection: &mut Connection, path: &str) -> Outcome<Vec<u8>> {
    match connection.ask(&get_with(path, COMPRESSED)).await? {
        (200, body) => Ok(body.to_vec()),
        (status, _) => Err(format!("{path}: status {status}").into()),
    }
}

/// Paths of our own that the page makes a browser load by itself: of links, scripts and images.
fn loaded(html: &str) -> BTreeSet<&str> {
    let mut paths = BTreeSet::new();
    for tag in html.split('<').skip(1) {
        let attribute = match tag.split_ascii_whitespace().next() {
            Some("link") => "href=\"",
            Some("script" | "img") => "src=\"",
            _ => continue,
        };
        let tag = tag.split_once('>').map_or(tag, |(tag, _)| tag);
        let value = tag.split_once(attribute).and_then(|(_, rest)| rest.split_once('"'));
        paths.extend(value.map(|(path, _)| path).filter(|path| path.starts_with('/')));
    }
    paths
}
