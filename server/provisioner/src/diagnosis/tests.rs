use std::process::Command;

use ssh::ExitStatus;
use wire::diagnosis::{Cause, Diagnosis};

use super::{Failure, of};
use crate::output::{Reader, Said};

const FAILED: ExitStatus = ExitStatus::Code(100);

fn diagnose(output: &str) -> Diagnosis {
    of(Failure {
        exit: &FAILED,
        facts: &[],
        error: None,
        output,
    })
}

/// What real hosts printed: Debian 12 and 13, each with the cause made on purpose.
macro_rules! captured {
    ($($release:literal $name:literal => $cause:ident, $sentence:literal;)+) => {
        &[$((
            concat!($release, "-", $name),
            include_str!(concat!("captured/", $release, "-", $name, ".txt")),
            Cause::$cause,
            $sentence,
        )),+]
    };
}

const CAPTURED: &[(&str, &str, Cause, &str)] = captured! {
    "12" "dpkg-lock" => AptLockHeld, "The package lock is held by perl (process 615).";
    "13" "dpkg-lock" => AptLockHeld, "The package lock is held by perl (process 178).";
    "12" "lists-lock" => AptLockHeld, "The package lock is held by perl (process 621).";
    "13" "lists-lock" => AptLockHeld, "The package lock is held by perl (process 184).";
    "12" "disk-full-download" => DiskFull, "The disk is full: no space is left for /var/cache/apt/archives.";
    "13" "disk-full-download" => DiskFull, "The disk is full: no space is left for /var/cache/apt/archives.";
    "12" "disk-full-unpacking" => DiskFull, "The disk is full: no space is left for /usr/share/doc/python3.11/NEWS.gz.dpkg-new.";
    "12" "disk-full-lists" => DiskFull, "The disk of the server is full.";
    "13" "disk-full-lists" => DiskFull, "The disk of the server is full.";
    "12" "read-only-cache" => ReadOnlyFileSystem, "The file system that holds /var/cache/apt/archives/partial/nginx-common_1.22.1-9+deb12u11_all.deb is read-only.";
    "13" "read-only-cache" => ReadOnlyFileSystem, "The file system that holds /var/cache/apt/archives/partial/nginx-common_1.26.3-3+deb13u11_all.deb is read-only.";
    "12" "read-only-dpkg" => ReadOnlyFileSystem, "The file system that holds /var/lib/dpkg is read-only.";
    "13" "read-only-dpkg" => ReadOnlyFileSystem, "The file system that holds /var/lib/dpkg is read-only.";
    "12" "not-root" => PermissionDenied, "The panel's login is not root there and may not become it.";
    "13" "not-root" => PermissionDenied, "The panel's login is not root there and may not become it.";
    "12" "sudo" => PermissionDenied, "The panel's login is not root there and may not become it.";
    "12" "not-valid-yet" => ClockWrong, "The server's clock is behind: to it, file:/tmp/repo/dists/x/InRelease comes from the future, by 2d 23h 59min 50s.";
    "13" "not-valid-yet" => ClockWrong, "The server's clock is behind: to it, file:/tmp/repo/dists/x/InRelease comes from the future, by 2d 23h 59min 50s.";
    "12" "expired-lists" => ClockWrong, "By the server's clock, file:/tmp/repo/dists/x/InRelease expired 685d 6h 17min 18s ago.";
    "13" "expired-lists" => ClockWrong, "By the server's clock, file:/tmp/repo/dists/x/InRelease expired 685d 6h 17min 16s ago.";
    "12" "missing-key" => SourceNotTrusted, "The package source http://deb.debian.org/debian stable InRelease cannot be trusted: its key is not on the server.";
    "13" "missing-key" => SourceNotTrusted, "The package source http://deb.debian.org/debian stable InRelease cannot be trusted: its key is not on the server.";
    "12" "expired-key" => SourceNotTrusted, "The package source file:/tmp/repo x InRelease cannot be trusted: its key has expired.";
    "12" "wrong-signature" => SourceNotTrusted, "The package source file:/tmp/repo x InRelease cannot be trusted: its signature is wrong.";
    "13" "wrong-signature" => SourceNotTrusted, "The package source file:/tmp/repo x InRelease cannot be trusted: its signature is wrong.";
    "12" "unsigned" => SourceNotTrusted, "The package source file:/tmp/repo x Release cannot be trusted: it is not signed.";
    "13" "unsigned" => SourceNotTrusted, "The package source file:/tmp/repo x Release cannot be trusted: it is not signed.";
    "12" "unresolved" => NameNotResolved, "The server cannot resolve the name deb.debian.org.";
    "13" "unresolved" => NameNotResolved, "The server cannot resolve the name deb.debian.org.";
    "12" "unresolved-download" => NameNotResolved, "The server cannot resolve the name deb.debian.org.";
    "13" "unresolved-download" => NameNotResolved, "The server cannot resolve the name deb.debian.org.";
    "12" "refused" => MirrorUnreachable, "The package mirror deb.debian.org does not answer: Could not connect to 127.0.0.1:9 (127.0.0.1). - connect (111: Connection refused).";
    "13" "refused" => MirrorUnreachable, "The package mirror deb.debian.org does not answer: Could not connect to 127.0.0.1:9 (127.0.0.1). - connect (111: Connection refused).";
    "12" "no-answer" => MirrorUnreachable, "The package mirror 10.213.0.250 does not answer: Could not connect to 10.213.0.250:80 (10.213.0.250), connection timed out.";
    "13" "no-answer" => MirrorUnreachable, "The package mirror 10.213.0.250 does not answer: Could not connect to 10.213.0.250:80 (10.213.0.250), connection timed out.";
    "12" "no-route" => MirrorUnreachable, "The package mirror 192.0.2.7 does not answer: Cannot initiate the connection to 192.0.2.7:80 (192.0.2.7). - connect (22: Invalid argument).";
    "13" "no-route" => MirrorUnreachable, "The package mirror 192.0.2.7 does not answer: Cannot initiate the connection to 192.0.2.7:80 (192.0.2.7). - connect (22: Invalid argument).";
    "12" "no-such-release" => MirrorUnreachable, "The package source http://deb.debian.org/debian nosuch Release does not exist on its mirror.";
    "13" "no-such-release" => MirrorUnreachable, "The package source http://deb.debian.org/debian nosuch Release does not exist on its mirror.";
    "12" "not-found" => PackageNotFound, "The package sources of the server do not offer no-such-package.";
    "13" "not-found" => PackageNotFound, "The package sources of the server do not offer no-such-package.";
    "12" "no-candidate" => PackageNotFound, "The package sources of the server do not offer awk.";
    "12" "port-in-use" => PortInUse, "Port 6379 is taken by another program.";
    "12" "dpkg-killed" => OutOfMemory, "dpkg was killed while it worked, as the kernel does when memory runs out.";
    "13" "dpkg-killed" => OutOfMemory, "dpkg was killed while it worked, as the kernel does when memory runs out.";
    "12" "interrupted" => DpkgInterrupted, "An earlier installation was cut off half-way.";
    "13" "interrupted" => DpkgInterrupted, "An earlier installation was cut off half-way.";
};

#[test]
fn what_real_hosts_print_names_its_cause_the_thing_and_what_to_do_next() {
    for (name, output, cause, sentence) in CAPTURED {
        let diagnosis = diagnose(output);
        assert_eq!(
            (diagnosis.kind, &*diagnosis.sentence),
            (*cause, *sentence),
            "{name}"
        );
        assert!(
            diagnosis.action.ends_with('.'),
            "{name}: {}",
            diagnosis.action
        );
    }
}

#[test]
fn nothing_is_named_where_nothing_is_wrong() {
    let output = "Setting up nginx (1.22.1-9+deb12u11) ...\nno such file\n";
    let diagnosis = diagnose(output);
    assert_eq!(diagnosis.kind, Cause::Other);
    assert_eq!(diagnosis.sentence, "It ended with exit code 100.");
}

#[test]
fn a_script_that_has_looked_itself_is_believed_before_its_output() {
    let diagnosis = of(Failure {
        exit: &FAILED,
        facts: &[("cause".to_owned(), "port_in_use".to_owned())],
        error: Some("Port 80 is taken by apache2 (process 7). Stop it, then retry."),
        output: "No space left on device\n",
    });
    assert_eq!(diagnosis.kind, Cause::PortInUse);
    assert!(
        diagnosis
            .in_words()
            .starts_with("Port 80 is taken by apache2 (process 7).")
    );
}

/// The script's own function, with a holder that never lets go and a clock that runs fast.
#[test]
fn a_package_lock_that_is_held_for_too_long_is_named_with_its_holder() {
    let script = format!(
        "{}{}apt_lock_holder() {{ echo 'unattended-upgr (process 7)'; }}\nsleep() {{ :; }}\nwait_for_apt\n",
        include_str!("../scripts/common.sh"),
        include_str!("../scripts/apt.sh"),
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .output()
        .expect("a shell");
    let mut reader = Reader::default();
    let (mut facts, mut error) = (Vec::new(), None);
    for said in reader.read(&output.stdout) {
        match said {
            Said::Fact { key, value } => facts.push((key, value)),
            Said::Error(sentence) => error = Some(sentence),
            Said::Text(_) | Said::Summary(_) => {}
        }
    }
    let diagnosis = of(Failure {
        exit: &FAILED,
        facts: &facts,
        error: error.as_deref(),
        output: "",
    });
    assert_eq!(diagnosis.kind, Cause::AptLockHeld);
    assert_eq!(
        diagnosis.in_words(),
        "unattended-upgr (process 7) has held the package lock for 15 minutes. Let it end or stop it, then retry."
    );
}

#[test]
fn a_sentence_for_want_of_a_better_one_gives_way_to_a_sign() {
    let facts = [(
        "otherwise".to_owned(),
        "Could not install: nginx.".to_owned(),
    )];
    let with = |output| {
        of(Failure {
            exit: &FAILED,
            facts: &facts,
            error: None,
            output,
        })
    };
    assert_eq!(with("all is well\n").sentence, "Could not install: nginx.");
    assert_eq!(with("x: No space left on device\n").kind, Cause::DiskFull);
}

#[test]
fn a_kill_is_told_from_an_ordinary_end() {
    let cause = |exit: ExitStatus, output| {
        let failure = Failure {
            exit: &exit,
            facts: &[],
            error: None,
            output,
        };
        of(failure).kind
    };
    assert_eq!(
        cause(ExitStatus::Signal("KILL".into()), ""),
        Cause::OutOfMemory
    );
    assert_eq!(cause(ExitStatus::Code(137), "Killed\n"), Cause::OutOfMemory);
    assert_eq!(cause(ExitStatus::Signal("TERM".into()), ""), Cause::Other);
    let by_the_kernel = "dpkg: error processing package mariadb-server (--configure):\n \
         installed mariadb-server package post-installation script subprocess was killed by signal (Killed)\n";
    assert_eq!(cause(FAILED, by_the_kernel), Cause::OutOfMemory);
}

#[test]
fn a_sentence_from_a_hostile_server_stays_short() {
    let output = format!("E: Unable to locate package {}\n", "x".repeat(100_000));
    assert!(diagnose(&output).sentence.len() < 400);
}

#[test]
fn every_word_of_a_cause_in_the_scripts_is_known() {
    for step in crate::provisioning::every_step() {
        let text = step.script.text();
        for (_, rest) in text
            .match_indices("because ")
            .map(|(at, sign)| text.split_at(at + sign.len()))
        {
            let word = rest
                .split([' ', '\n', '"', '\''])
                .next()
                .unwrap_or_default();
            let is_definition = word == "KIND" || word.starts_with('$');
            assert!(
                is_definition || Cause::parse(word).is_some(),
                "{}: {word}",
                step.title
            );
        }
    }
}
