//! A Postgres of the machine's packages, for tests or for benchmarks: everything it has lies in a temporary folder, and it
//! answers on a socket there.

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
const SETTINGS: [&str; 2] = ["listen_addresses=", "max_connections=500"];
/// Nothing here outlives the tests, so nothing needs to reach the disk.
const FOR_TESTS: [&str; 7] = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
    "shared_buffers=128MB",
];
/// As a server is set that keeps books: what it has answered is on the disk. No checkpoint is forced while it is measured.
const DURABLE: [&str; 5] =
    ["fsync=on", "synchronous_commit=on", "full_page_writes=on", "shared_buffers=512MB", "max_wal_size=8GB"];
/// Where files are kept that may be large, on every system.
const ON_DISK: &str = "/var/tmp";

/// A running server. It ends, and its folders go, when this is dropped.
pub struct Cluster {
    /// Its socket and its log.
    folder: PathBuf,
    /// Where the data lies, if elsewhere.
    disk: Option<PathBuf>,
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
    /// Makes and starts one for tests with the programs in `bin`; returns once it answers.
    pub fn start(bin: &Path) -> Outcome<Self> {
        let name = format!("plexe-postgres-{}", std::process::id());
        Self::start_in(env::temp_dir().join(name), None, bin, &FOR_TESTS)
    }

    /// The same with durable commits, on the disk that the build is on.
    pub fn start_durable(bin: &Path) -> Outcome<Self> {
        let name = format!("plexe-durable-{}", std::process::id());
        Self::start_in(env::temp_dir().join(&name), Some(disk().join(name + "-data")), bin, &DURABLE)
    }

    fn start_in(folder: PathBuf, disk: Option<PathBuf>, bin: &Path, settings: &[&str]) -> Outcome<Self> {
        let started = Self::serve(&folder, disk.as_deref(), bin, settings);
        match started {
            Ok(postgres) => {
                let mut cluster = Self { folder, disk, postgres };
                cluster.wait_until_it_answers(bin)?;
                Ok(cluster)
            }
            Err(error) => {
                // The reason why it did not start is the one to tell.
                for folder in [Some(folder), disk].into_iter().flatten() {
                    let _ = fs::remove_dir_all(folder);
                }
                Err(error)
            }
        }
    }

    fn serve(folder: &Path, disk: Option<&Path>, bin: &Path, settings: &[&str]) -> Outcome<Child> {
        for folder in [Some(folder), disk].into_iter().flatten() {
            fs::create_dir(folder)?;
            if is_root() {
                // Postgres refuses to run as root.
                Program::new("chown").args(["postgres"]).args([folder]).read()?;
            }
        }
        let data = disk.unwrap_or(folder).join("data");
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
        command.args(SETTINGS.iter().chain(settings).flat_map(|setting| ["-c", *setting]));
        Ok(command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?)
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

    /// For `CONSOLE_TEST_POSTGRES` and `CONSOLE_BENCH_POSTGRES`.
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
        for folder in [Some(&self.folder), self.disk.as_ref()].into_iter().flatten() {
            if let Err(error) = fs::remove_dir_all(folder) {
                eprintln!("{} stays: {error}", folder.display());
            }
        }
    }
}

/// Beside what is built, unless the user `postgres` may not go there.
fn disk() -> PathBuf {
    let beside = paths::target();
    let mut going = as_its_user(Path::new("test"));
    let may_go = going.arg("-x").arg(&beside).status().is_ok_and(|status| status.success());
    if may_go { beside } else { PathBuf::from(ON_DISK) }
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
