//! `canvass rehearse` as it is used: what Ctrl-C does, what is refused before anything starts, and that the files are there.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test: a panic is its message")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use canvass_testkit::eventually;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn canvass(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_canvass"));
    command
        .arg("rehearse")
        .args(args)
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A server that says yes to everything and counts.
fn agreeable() -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&seen);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, count) = (stream.unwrap(), Arc::clone(&count));
            thread::spawn(move || answer(&stream, &count));
        }
    });
    (address, seen)
}

fn answer(mut stream: &TcpStream, count: &AtomicU64) {
    for line in BufReader::new(stream).lines() {
        if line.is_ok_and(|line| line.is_empty()) {
            count.fetch_add(1, Ordering::Relaxed);
            if stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                .is_err()
            {
                return;
            }
        }
    }
}

#[test]
fn ctrl_c_ends_the_arrivals_lets_people_finish_and_writes_every_report() {
    let (address, seen) = agreeable();
    let folder = tempfile::tempdir().unwrap();
    let scenario = "columns = []\n[[step]]\nname = \"first\"\npath = \"/a\"\n[[step]]\nname = \"second\"\npath = \"/b\"\n\
                    think = \"1s\"\nacknowledge = { who = \"${person}\" }\n";
    fs::write(folder.path().join("s.toml"), scenario).unwrap();
    let target = format!("http://{address}");
    let run = canvass(
        folder.path(),
        &[
            "run",
            "s.toml",
            "--target",
            &target,
            "--arrivals",
            "40/s",
            "--for",
            "10m",
            "--json",
            "r.json",
            "--report",
            "r.html",
            "--acknowledged",
            "acks.ndjson",
        ],
    )
    .spawn()
    .unwrap();
    eventually("people to come", || {
        (seen.load(Ordering::Relaxed) > 20).then_some(())
    });
    kill(Pid::from_raw(run.id() as i32), Signal::SIGINT).unwrap();
    let output = run.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("The arrivals were ended early"), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");

    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path().join("r.json")).unwrap()).unwrap();
    let people = &report["arrivals"];
    assert!(
        people["started"].as_u64() > Some(0) && people["started"].as_u64() < Some(24_000),
        "{people}"
    );
    assert_eq!(
        (&people["finished"], &people["unfinished"]),
        (&people["started"], &0.into()),
        "who was there finished"
    );
    let html = fs::read_to_string(folder.path().join("r.html")).unwrap();
    assert!(html.contains("<svg") && html.trim_end().ends_with("</html>") && html.len() < 1_500_000);
    let acks = fs::read_to_string(folder.path().join("acks.ndjson")).unwrap();
    assert_eq!(Some(acks.lines().count() as u64), people["finished"].as_u64());
}

#[test]
fn a_limit_that_is_not_kept_decides_the_exit_code() {
    let (address, _) = agreeable();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://{address}/");
    let run = |limits: &[&str]| {
        canvass(folder.path(), &[&["run", "--get", &url, "-q"], limits].concat())
            .output()
            .unwrap()
    };
    assert_eq!(
        run(&["--max-p99", "20s", "--max-errors", "0%"]).status.code(),
        Some(0)
    );
    assert_eq!(run(&["--max-p99", "1us"]).status.code(), Some(1));
}

#[test]
fn what_was_acknowledged_and_could_not_be_written_fails_the_run() {
    let (address, _) = agreeable();
    let folder = tempfile::tempdir().unwrap();
    let scenario = "[[step]]\npath = \"/\"\nacknowledge = { who = \"${person}\" }\n";
    fs::write(folder.path().join("s.toml"), scenario).unwrap();
    let target = format!("http://{address}");
    let args = [
        "run",
        "s.toml",
        "--target",
        &target,
        "-q",
        "--acknowledged",
        "/dev/full",
    ];
    let output = canvass(folder.path(), &args).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("/dev/full"));
}

#[test]
fn a_target_that_hangs_does_not_pass() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let folder = tempfile::tempdir().unwrap();
    for kind in [["--requests-per-second", "20"], ["--arrivals", "20/s"]] {
        let args = [
            "run", "--get", &url, "-q", "--for", "1s", "--grace", "300ms", "--json", "r.json",
        ];
        let output = canvass(folder.path(), &[&args[..], &kind].concat())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("no reply by the end of the run"), "{said}");
        let report: serde_json::Value =
            serde_json::from_slice(&fs::read(folder.path().join("r.json")).unwrap()).unwrap();
        assert_eq!(
            report["overall"]["failures"], report["overall"]["requests"],
            "{said}"
        );
        assert!(
            report["overall"]["from_due"]["max"].as_u64() > Some(500_000),
            "what they had waited by then counts"
        );
    }
}

#[test]
fn reports_replace_nothing_but_what_was_named() {
    let (address, _) = agreeable();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://{address}/");
    fs::write(folder.path().join("out.new"), "precious").unwrap();
    fs::write(folder.path().join("real.json"), "").unwrap();
    std::os::unix::fs::symlink("real.json", folder.path().join("link.json")).unwrap();
    let run = |outputs: &[&str]| {
        canvass(folder.path(), &[&["run", "--get", &url, "-q"], outputs].concat())
            .output()
            .unwrap()
    };
    // On a busy machine its one request may begin late, which makes the run invalid; the reports are written all the same.
    let output = run(&["--json", "link.json", "--report", "out.html"]);
    assert!(
        folder.path().join("out.html").exists(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        fs::read_to_string(folder.path().join("out.new")).unwrap(),
        "precious"
    );
    assert!(folder.path().join("link.json").is_symlink());
    assert!(
        fs::read_to_string(folder.path().join("real.json"))
            .unwrap()
            .starts_with('{')
    );
    assert!(String::from_utf8_lossy(&run(&["--json", "/dev/stdout"]).stdout).contains("\"format\":1"));
    assert!(complaint(&run(&["--json", "a", "--report", "a"])).contains("named twice"));
    let left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert!(
        left.iter().all(|name| !name.to_string_lossy().ends_with(".part")),
        "{left:?}"
    );
}

fn complaint(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(said.trim_end().lines().count(), 1, "one line: {said}");
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

#[test]
fn what_cannot_work_is_one_clear_line_before_anything_starts() {
    let (address, seen) = agreeable();
    let folder = tempfile::tempdir().unwrap();
    let target = format!("http://{address}");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("s.toml", "columns = [\"code\"]\n[[step]]\npath = \"/${code}\"\n");
    write("two.csv", "code\nA1\nA2\n");
    write("twice.csv", "code\nSECRET7\nSECRET7\n");
    write("bad.toml", "nmae = \"x\"\n");
    write("bad.har", "this is no recording");
    let run = |args: &[&str]| complaint(&canvass(folder.path(), args).output().unwrap());
    let aimed = |args: &[&str]| run(&[&["run", "s.toml", "--target", target.as_str()], args].concat());

    assert!(aimed(&["--data", "two.csv", "--users", "3"]).contains("2 rows for 3 people"));
    assert!(aimed(&[]).contains("--data"));
    assert!(aimed(&["--data", "none.csv"]).contains("none.csv"));
    assert!(aimed(&["--data", "two.csv", "--report", "/nowhere/r.html"]).contains("/nowhere/r.html"));
    let twice = aimed(&["--data", "twice.csv"]);
    assert!(
        twice.contains("twice.csv") && !twice.contains("SECRET7"),
        "{twice}"
    );
    assert!(
        run(&[
            "run",
            "s.toml",
            "--data",
            "two.csv",
            "--target",
            "http://127.0.0.1:1"
        ])
        .contains("nobody answers")
    );
    assert!(
        run(&[
            "run",
            "s.toml",
            "--data",
            "two.csv",
            "--target",
            "http://192.0.2.9"
        ])
        .contains("--i-own 192.0.2.9")
    );
    assert!(run(&["run", "bad.toml"]).contains("unknown field"));
    assert!(run(&["run", "s.toml", "--data", "two.csv"]).contains("--target"));
    assert!(run(&["init", "bad.har"]).contains("bad.har"));
    let full = aimed(&["--data", "two.csv", "--acknowledged", "/dev/full", "--users", "0"]);
    assert!(full.contains("--users 0"), "{full}");
    assert_eq!(seen.load(Ordering::Relaxed), 0, "nothing was sent");
}
