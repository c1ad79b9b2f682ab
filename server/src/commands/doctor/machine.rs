//! The machine: clock, disk, and the files for browsers.

use std::path::Path;

use domain::db::now;
use rustix::fs::statvfs;
use wire::Timestamp;

use super::Finding;
use crate::config::ServeOptions;

/// 2026-01-01, before the first release: no clock that is right shows less.
const EARLIEST_MS: i64 = 1_767_225_600_000;
/// 2100-01-01
const LATEST_MS: i64 = 4_102_444_800_000;
/// So much may two clocks differ before sessions and leases suffer from it.
const TOLERATED_MS: i64 = 60_000;

const MIB: u64 = 1024 * 1024;

/// `newest_entry` is the latest time in the database, `foreign_clock` what another machine said
/// just now; both in milliseconds since 1970.
pub fn look(
    options: &ServeOptions,
    newest_entry: Option<i64>,
    foreign_clock: Option<i64>,
) -> Vec<Finding> {
    vec![
        clock(now().0, newest_entry, foreign_clock),
        disk(&options.data),
        files(&options.site),
    ]
}

fn clock(now: i64, newest_entry: Option<i64>, foreign_clock: Option<i64>) -> Finding {
    let shown = Timestamp(now).to_rfc3339();
    let set_it = "set the clock (`timedatectl set-ntp true`): sessions and running work go by it";
    if !(EARLIEST_MS..LATEST_MS).contains(&now) {
        return Finding::wrong("clock", format!("it is set to {shown}"), set_it);
    }
    if let Some(newest) = newest_entry
        && newest - now > TOLERATED_MS
    {
        let found = format!(
            "it shows {shown}, and the database has an entry of {}: one of them is wrong",
            Timestamp(newest).to_rfc3339()
        );
        return Finding::wrong("clock", found, set_it);
    }
    match foreign_clock {
        Some(foreign) if (foreign - now).abs() > TOLERATED_MS => {
            let found = format!(
                "it is {} s {} the clock behind the public address",
                (foreign - now).abs() / 1000,
                if foreign > now { "behind" } else { "ahead of" },
            );
            Finding::wrong("clock", found, set_it)
        }
        Some(_) => Finding::fine(
            "clock",
            format!("{shown}, as the clock behind the public address says"),
        ),
        None => Finding::fine(
            "clock",
            format!("{shown} is plausible; there was no other clock to compare with"),
        ),
    }
}

fn disk(folder: &Path) -> Finding {
    // Before the first start the folder is not there; its place is.
    let Some(there) = folder.ancestors().find(|place| place.exists()) else {
        return Finding::note(
            "disk",
            format!("{} cannot be looked at", folder.display()),
            "run doctor as the user that runs the panel",
        );
    };
    let space = match statvfs(there) {
        Ok(space) => space,
        Err(error) => {
            let found = format!("{} cannot be asked: {error}", there.display());
            return Finding::note("disk", found, "run doctor as the user that runs the panel");
        }
    };
    let free = space.f_bavail.saturating_mul(space.f_frsize) / MIB;
    let found = format!("{free} MiB free for {}", folder.display());
    let no_more_files = space.f_files > 0 && space.f_favail == 0;
    if no_more_files {
        let found = format!("no more files can be made in {}", there.display());
        return Finding::wrong("disk", found, "remove files there: all inodes are taken");
    }
    match free {
        0..100 => Finding::wrong(
            "disk",
            found,
            "make room: a full disk stops every change and all work",
        ),
        100..1024 => Finding::note("disk", found, "make room before it gets less"),
        1024.. => Finding::fine("disk", found),
    }
}

fn files(site: &Path) -> Finding {
    let pkg = site.join("pkg");
    let has_code = std::fs::read_dir(&pkg).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.path().extension().is_some_and(|kind| kind == "wasm"))
    });
    if has_code {
        return Finding::fine(
            "site",
            format!("{} has the files for browsers", pkg.display()),
        );
    }
    Finding::wrong(
        "site",
        format!("there are no files for browsers in {}", pkg.display()),
        "script/build makes them; name their folder with --site or BROKEFORGE_SITE",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::Level;

    const NOW: i64 = EARLIEST_MS + 86_400_000;

    #[test]
    fn a_clock_behind_the_database_or_beside_another_clock_is_wrong() {
        let level = |now, newest, foreign| clock(now, newest, foreign).level;
        assert_eq!(level(NOW, Some(NOW - 1000), Some(NOW + 1000)), Level::Fine);
        assert_eq!(level(NOW, None, None), Level::Fine);
        assert_eq!(level(0, None, None), Level::Wrong);
        assert_eq!(level(LATEST_MS, None, None), Level::Wrong);
        assert_eq!(level(NOW, Some(NOW + 3_600_000), None), Level::Wrong);
        assert_eq!(level(NOW, None, Some(NOW + 3_600_000)), Level::Wrong);
        let ahead = clock(NOW, None, Some(NOW - 120_000)).found;
        assert!(ahead.contains("120 s ahead of"), "{ahead}");
    }

    #[test]
    fn a_folder_without_browser_code_is_wrong_and_says_what_makes_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = files(folder.path());
        assert_eq!(missing.level, Level::Wrong);
        assert!(
            missing
                .advice
                .is_some_and(|advice| advice.contains("script/build"))
        );
        std::fs::create_dir(folder.path().join("pkg")).expect("a folder");
        std::fs::write(folder.path().join("pkg/brokeforge.wasm"), "x").expect("a file");
        assert_eq!(files(folder.path()).level, Level::Fine);
    }

    #[test]
    fn the_disk_is_asked_also_before_the_data_folder_exists() {
        let finding = disk(Path::new("/tmp/no/such/folder"));
        assert!(finding.found.contains("MiB free"), "{finding:?}");
    }
}
