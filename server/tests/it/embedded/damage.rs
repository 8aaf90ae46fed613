//! Files that a disk has garbled at places that the dice choose: no change of a byte comes in unnoticed.
//!
//! `PLEXE_DAMAGE_CASES=2000` is the full run, `PLEXE_DAMAGE_SEED` repeats one.

use std::path::Path;

use server::store::VerifyError;
use server::store::backup::{RestoreError, Restoring};
use tempfile::TempDir;

use crate::harness::place::Place;

use crate::harness::World;
use crate::harness::process::Site;
use crate::harness::raw::Raw;
use crate::tampering::dice::Dice;
use crate::tampering::life;

/// What the books are made of.
const BOOKS: [&str; 6] = ["entries", "wallets", "grants", "open_holds", "rollups", "event_dimensions"];

fn setting(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(usual)
}

/// Books with every movement, as their file lies in a folder.
async fn books(dice: &mut Dice) -> Place {
    let world = World::start().await;
    let service = world.service().await;
    for name in ["ada", "bob"] {
        let member = world.member(name).await;
        life::live(&world, &member, &service.key_id, 2, dice).await;
    }
    world.close().await
}

/// One bit, a byte, or a stretch of them becomes something else; or the end is missing.
fn damage(bytes: &mut Vec<u8>, dice: &mut Dice) -> String {
    let at = dice.below(bytes.len());
    let what = match dice.below(8) {
        0 => {
            bytes.truncate(at);
            "cut off"
        }
        1 => {
            let to = (at + dice.below(4_096)).min(bytes.len());
            bytes[at..to].fill(0);
            "zeros from"
        }
        2 => {
            bytes[at] = bytes[at].wrapping_add(u8::try_from(dice.between(1, 255)).unwrap());
            "another byte"
        }
        _ => {
            bytes[at] ^= 1 << dice.below(8);
            "another bit"
        }
    };
    format!("{what} at {at}")
}

/// Whether the file would be restored; why not, otherwise.
async fn restored(database: &Path, file: &Path) -> Result<Restoring, String> {
    let restoring = loop {
        match Restoring::prepare(database, file) {
            Ok((restoring, _)) => break restoring,
            Err(RestoreError::Bad { path, cause }) => return Err(format!("{} {cause}", path.display())),
            // A process that another test is starting holds the lock of ours until it is another program.
            Err(RestoreError::Owned(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    let store = restoring.open().await.map_err(|error| error.to_string())?;
    let accounts = store.list_accounts(0, 100).await.map_err(|error| error.to_string())?;
    for account in accounts {
        match store.verify_account(account.no, account.id).await {
            Ok(_) => {}
            Err(VerifyError::Mismatch(found)) => return Err(found.to_string()),
            Err(VerifyError::Store(error)) => return Err(error.to_string()),
        }
    }
    store.close().await;
    Ok(restoring)
}

#[tokio::test]
async fn no_damage_to_a_backup_comes_in_unnoticed() {
    let mut dice = Dice::new(u64::try_from(setting("PLEXE_DAMAGE_SEED", 1)).unwrap());
    let site = Site::at(books(&mut dice).await);
    site.json(&["backup", "whole.db"]).await;
    let whole = std::fs::read(site.path().join("whole.db")).unwrap();
    let (target, file) = (TempDir::new().unwrap(), site.path().join("damaged.db"));
    let database = target.path().join("console.db");
    for _ in 0..setting("PLEXE_DAMAGE_CASES", 150) {
        let mut bytes = whole.clone();
        let what = damage(&mut bytes, &mut dice);
        if bytes == whole {
            continue;
        }
        std::fs::write(&file, bytes).unwrap();
        assert!(restored(&database, &file).await.is_err(), "{what}");
    }
    std::fs::write(&file, whole).unwrap();
    restored(&database, &file).await.expect("the undamaged one");
}

/// A copy made by hand has no seal; but pages, schema and books are looked at all the same.
#[tokio::test]
async fn no_damage_to_the_books_of_a_copy_made_by_hand_comes_in_unnoticed() {
    let mut dice = Dice::new(u64::try_from(setting("PLEXE_DAMAGE_SEED", 1)).unwrap());
    let folder = books(&mut dice).await;
    let source = folder.path().join("console.db");
    let whole = std::fs::read(&source).unwrap();
    let (target, file) = (TempDir::new().unwrap(), folder.path().join("damaged.db"));
    let database = target.path().join("console.db");
    let mut accepted = 0;
    for _ in 0..setting("PLEXE_DAMAGE_CASES", 150) {
        let mut bytes = whole.clone();
        let what = damage(&mut bytes, &mut dice);
        std::fs::write(&file, bytes).unwrap();
        let Ok(restoring) = restored(&database, &file).await else { continue };
        accepted += 1;
        let mut raw = Raw::of_file(&target.path().join("console.db.restoring")).await;
        raw.run(&format!("ATTACH '{}' AS whole", source.display())).await;
        for table in BOOKS {
            let differs = format!(
                "SELECT CAST(count(*) AS TEXT) FROM (SELECT * FROM (SELECT * FROM main.{table} EXCEPT SELECT * FROM whole.{table}) \
                 UNION ALL SELECT * FROM (SELECT * FROM whole.{table} EXCEPT SELECT * FROM main.{table}))"
            );
            assert_eq!(raw.texts(&differs).await, ["0"], "{what}: {table}");
        }
        raw.close().await;
        drop(restoring);
    }
    assert!(accepted > 0, "free space can be anything");
}
