//! A Postgres for the tests, of the machine's packages: everything it has lies in a temporary folder, and it answers on a
//! socket there.

use crate::{
    command::{Outcome, Program, step},
    paths,
    wasm_target::{apt_install, is_debian, is_root},
};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// Where Debian's packages have the server's programs, by version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_mins(1);
/// Nothing here outlives the tests, so nothing needs to reach the disk.
const SETTINGS: [&str; 9] = [
    "listen_addresses=",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
    "max_connections=500",
    "shared_buffers=128MB",
];

/// A running server. It ends, and its folder goes, when this is dropped.
pub struct Cluster {
    folder: PathBuf,
    postgres: Child,
}

/// The folder of `initdb` and `postgres`: installed on Debian where we may.
pub fn find_or_install() -> Outcome<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    if is_debian() && is_root() {
        step("Postgres for the store's tests", || apt_install(&["postgresql"]))?;
    }
    find().ok_or_else(|| {
        "tests of the store on Postgres need its server: install the package postgresql (initdb, postgres)".into()
    })
}

fn find() -> Option<PathBuf> {
    let named = Program::new("pg_config").args(["--bindir"]).read().ok();
    let mut dirs: Vec<PathBuf> = named.map(|dir| PathBuf::from(dir.trim())).into_iter().collect();
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|found| Some((found.file_name().to_str()?.parse().ok()?, found.path().join("bin"))))
        .collect();
    versions.sort_unstable_by(|one, other| other.cmp(one));
    dirs.extend(versions.into_iter().map(|(_, dir)| dir));
    dirs.extend(paths::on_path("initdb").and_then(|program| Some(program.parent()?.to_owned())));
    dirs.into_iter().find(|dir| ["initdb", "postgres"].iter().all(|name| dir.join(name).is_file()))
}

impl Cluster {
    /// Makes and starts one with the programs in `bin`; returns once it answers.
    pub fn start(bin: &Path) -> Outcome<Self> {
        let folder = env::temp_dir().join(format!("plexe-postgres-{}", std::process::id()));
        fs::create_dir(&folder)?;
        let started = Self::start_in(&folder, bin);
        if started.is_err() {
            // The reason why it did not start is the one to tell.
            let _ = fs::remove_dir_all(&folder);
        }
        started
    }

    fn start_in(folder: &Path, bin: &Path) -> Outcome<Self> {
        if is_root() {
            // Postgres refuses to run as root.
            Program::new("chown").args(["postgres"]).args([folder]).read()?;
        }
        let data = folder.join("data");
        Program::from_command(as_its_user(&bin.join("initdb")))
            .args([
                "--username=console",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
                "-D",
            ])
            .args([&data])
            .read()?;
        let log = fs::File::create(folder.join("log"))?;
        let mut command = as_its_user(&bin.join("postgres"));
        command.arg("-D").arg(&data).arg("-k").arg(folder);
        command.args(SETTINGS.iter().flat_map(|setting| ["-c", *setting]));
        let postgres = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        let mut cluster = Self { folder: folder.to_owned(), postgres };
        cluster.wait_until_it_answers(bin)?;
        Ok(cluster)
    }

    fn wait_until_it_answers(&mut self, bin: &Path) -> Outcome {
        let given_up = Instant::now() + PATIENCE;
        let said = |folder: &Path| fs::read_to_string(folder.join("log")).unwrap_or_default();
        loop {
            let mut asking = Command::new(bin.join("pg_isready"));
            let asked = asking.args(["-q", "-h"]).arg(&self.folder).status();
            if asked.is_ok_and(|status| status.success()) {
                return Ok(());
            }
            if self.postgres.try_wait()?.is_some() || Instant::now() > given_up {
                return Err(format!("Postgres did not start: {}", said(&self.folder)).into());
            }
            #[expect(clippy::disallowed_methods, reason = "Postgres tells nobody when it answers")]
            sleep(Duration::from_millis(50));
        }
    }

    /// For `CONSOLE_TEST_POSTGRES`.
    pub fn url(&self) -> String {
        format!("postgres:///postgres?host={}&user=console", self.folder.display())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // At once: nobody needs what it holds. One that has ended already is no error.
        let id = self.postgres.id().to_string();
        drop(Command::new("kill").args(["-QUIT", &id]).status());
        drop(self.postgres.wait());
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("{} stays: {error}", self.folder.display());
        }
    }
}

/// The program, by the user `postgres` where we are root.
fn as_its_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program);
    // Its own folder is one that it may not be in.
    command.current_dir("/");
    command
}
