//! How the scripts of steps are put together, at compile time, out of shared functions and a part of their own.

/// `script!("apt.sh", "php.sh")`: `common.sh`, then these files of `scripts/`; the last is the step's own part. A line
/// `#: NAME` in front of each tells readers where one ends, and `domain::planner` what several steps share.
/// `script!("rollback.sh"; "confirm_change")` ends with a line in place of a file.
macro_rules! script {
    ($($file:literal),+) => {
        ssh::Script::new(concat!(
            "#: common.sh\n", include_str!("scripts/common.sh"),
            $("#: ", $file, "\n", include_str!(concat!("scripts/", $file))),+
        ))
    };
    ($($file:literal),+; $last:literal) => {
        ssh::Script::new(concat!(
            "#: common.sh\n", include_str!("scripts/common.sh"),
            $("#: ", $file, "\n", include_str!(concat!("scripts/", $file))),+,
            "#: last line\n", $last, "\n"
        ))
    };
}
pub(crate) use script;
