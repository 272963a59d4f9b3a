//! `canvass export`, `codes`, `wave` and `keys`, as an administrator uses them.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use canvass_testkit::{
    Place, SMALL_SURVEY, TestDb, WaveTimes, eventually, make_wave, now_micros, shared_cluster,
};
use serde_json::json;

use crate::support::{BINARY, Site};

/// A process that does not outlive its test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An administrator with a directory, a keys file and a database.
struct Office {
    place: Place,
    url: String,
}

impl Office {
    fn on(url: &str) -> Self {
        let office = Self {
            place: Place::new(),
            url: url.to_owned(),
        };
        // The secret of the testkit's codes.
        let text = format!(
            "codes = \"{}\"\n[[ring]]\nid = 1\ncreated = \"\"\nsecret = \"{}\"\n",
            "5a".repeat(32),
            "11".repeat(32)
        );
        fs::write(office.path("keys.toml"), text).unwrap();
        fs::set_permissions(office.path("keys.toml"), fs::Permissions::from_mode(0o600)).unwrap();
        office
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args(args)
            .current_dir(self.place.path())
            .env("CANVASS_DATABASE_URL", &self.url)
            .env("CANVASS_KEYS", self.path("keys.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What it printed; it succeeds.
    fn good(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(
            output.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// The one line that it fails with.
    fn bad(&self, args: &[&str]) -> String {
        // What should fail may run for ever instead.
        let mut run = Ended(self.command(args).spawn().unwrap());
        let status = eventually("it to fail", || run.0.try_wait().unwrap());
        let mut said = String::new();
        run.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(status.code(), Some(1), "{args:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        said
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), bytes).unwrap();
        name.to_owned()
    }

    /// Names of all files here, but for the keys.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.place.path()).unwrap().flatten();
        let mut names: Vec<String> = entries
            .map(|e| e.file_name().to_string_lossy().into_owned())
            .collect();
        names.retain(|n| n != "keys.toml");
        names.sort_unstable();
        names
    }
}

fn records(csv: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(csv.as_bytes());
    reader
        .records()
        .map(|r| r.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

/// So many started responses with one save each, straight into the tables: `short001` is `old`.
fn fill(db: &TestDb, responses: u32) {
    let stamp = now_micros();
    let sql = format!(
        "INSERT INTO wave_1.response (response_id, language) SELECT n, 'en' FROM generate_series(1, {responses}) n; \
         INSERT INTO wave_1.save (response_id, stamp, digest, page, answers) \
         SELECT n, {stamp}, n, 'p03', jsonb_build_object('short001', 'old', 'long0001', repeat('x', 60)) \
         FROM generate_series(1, {responses}) n"
    );
    shared_cluster().execute(&db.name, &sql);
}

#[test]
fn the_columns_are_as_documented_and_nobody_is_in_them() {
    let site = Site::open();
    let office = Office::on(&site.db.url);
    let people = office.write(
        "people.csv",
        "person,name,unit\nS-0042,Quagga Smith,\"=Unit, One\"\n",
    );
    let sheet = records(&office.good(&["codes", "--wave", "w", "--people", &people, "--csv"]));
    let code = &sheet[1][3];
    let named = site.server.api().enter(code);
    let stamp = now_micros();
    named.save(stamp, "p01", &json!({ "single01": "b", "multi001": ["a", "c"] }));
    named.save(stamp + 1, "p02", &json!({ "gridrow2": "c" }));
    named.save(
        stamp + 2,
        "p03",
        &json!({ "number01": 0.5, "short001": "=1+1", "long0001": "a\nb, \"c\"" }),
    );
    assert_eq!(named.submit(stamp + 3).status, 200);
    named.save(stamp + 4, "p02", &json!({ "gridrow1": "a" }));
    let skipping = site.enter(0);
    skipping.save(stamp, "p01", &json!({}));
    site.enter(1);

    let said = office.good(&["export", "--wave", "w", "--out", "out.csv"]);

    assert!(
        said.contains("out.csv: 3 responses") && said.contains("out.codebook.csv"),
        "{said}"
    );
    let mode = fs::metadata(office.path("out.csv")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "answers are nobody else's business");
    let text = fs::read_to_string(office.path("out.csv")).unwrap();
    let rows = records(&text);
    assert_eq!(
        rows[0].join(","),
        "response_id,unit,language,started_at,submitted_at,late_saves,single01,multi001_a,multi001_b,multi001_c,\
         gridrow1,gridrow2,number01,short001,long0001"
    );
    let with = |column: usize, value: &str| rows.iter().find(|r| r[column] == value).unwrap();
    let full = with(6, "b");
    assert_eq!(
        full[1], "'=Unit, One",
        "no spreadsheet takes a unit for a formula"
    );
    assert_eq!(full[2], "en");
    assert!(
        full[3].ends_with('Z') && full[4].ends_with('Z') && full[3].len() == 20,
        "{full:?}"
    );
    assert_eq!(
        full[5..],
        ["1", "b", "1", "0", "1", "-1", "c", "0.5", "'=1+1", "a\nb, \"c\""]
    );
    let skipped = with(6, "-1");
    assert_eq!(
        skipped[4..],
        ["", "0", "-1", "-1", "-1", "-1", "", "", "", "", ""]
    );
    let started = rows.iter().find(|r| r[6].is_empty()).unwrap();
    assert!(
        started[4..].iter().all(|v| v.is_empty() || v == "0"),
        "{started:?}"
    );
    let codes: Vec<&str> = site
        .wave
        .codes
        .iter()
        .map(String::as_str)
        .chain([code.as_str()])
        .collect();
    for secret in codes.iter().copied().chain(["Quagga", "S-0042"]) {
        assert!(
            !text.contains(secret) && !text.contains(&secret.replace('-', "")),
            "{secret}"
        );
    }
    let book = records(&fs::read_to_string(office.path("out.codebook.csv")).unwrap());
    assert_eq!(
        book[0].join(","),
        "column,question,page,type,required,text_en,text_es,values_en,values_es"
    );
    let names: Vec<&String> = book[1..].iter().map(|r| &r[0]).collect();
    assert_eq!(names, rows[0].iter().collect::<Vec<_>>(), "a line a column");
    let grid = book.iter().find(|r| r[0] == "gridrow1").unwrap();
    assert_eq!(
        (grid[5].as_str(), grid[7].as_str()),
        ("How far One", "a = No; b = Somewhat; c = Yes; -1 = skipped")
    );
    assert_eq!(
        office.good(&["export", "--wave", "1", "--out", "-"]),
        text,
        "the same on standard output"
    );
    assert_eq!(office.files(), ["out.codebook.csv", "out.csv", "people.csv"]);
}

#[test]
fn texts_that_a_spreadsheet_would_run_are_neutralised() {
    let site = Site::open();
    let office = Office::on(&site.db.url);
    let dangerous = ["=A1", "+1", "-1", "@SUM(A1)", "|calc", "plain", "'=x", "＝A1"];
    for (n, text) in dangerous.iter().enumerate() {
        site.enter(n)
            .save(now_micros(), "p03", &json!({ "short001": text }));
    }
    let rows = records(&office.good(&["export", "--wave", "w", "--out", "-"]));
    let mut texts: Vec<&str> = rows[1..].iter().map(|r| r[13].as_str()).collect();
    texts.sort_unstable();
    assert_eq!(
        texts,
        ["'+1", "'-1", "'=A1", "'=x", "'@SUM(A1)", "plain", "|calc", "＝A1"]
    );
}

fn filled(responses: u32) -> (TestDb, Office) {
    let db = shared_cluster().database();
    make_wave(&db.url, "w", SMALL_SURVEY, WaveTimes::default(), 1);
    fill(&db, responses);
    let office = Office::on(&db.url);
    (db, office)
}

#[test]
fn an_export_is_one_moment_although_saves_go_on() {
    let (db, office) = filled(6_000);
    let mut export = office
        .command(&["export", "--wave", "w", "--out", "-"])
        .spawn()
        .unwrap();
    let mut out = BufReader::with_capacity(64, export.stdout.take().unwrap());
    let mut header = String::new();
    // Its first line is out: the snapshot is taken, and the pipe holds the rest back.
    out.read_line(&mut header).unwrap();
    let sql = format!(
        "INSERT INTO wave_1.save (response_id, stamp, digest, page, answers) \
         SELECT response_id, {}, 1, 'p03', '{{\"short001\": \"new\"}}' FROM wave_1.response; \
         INSERT INTO wave_1.submission (response_id, stamp, kind) SELECT response_id, {}, 'submitted' FROM wave_1.response; \
         INSERT INTO wave_1.response (response_id) SELECT n FROM generate_series(6001, 6100) n",
        now_micros(),
        now_micros() + 1
    );
    shared_cluster().execute(&db.name, &sql);
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(export.wait().unwrap().success());

    let rows = records(&rest);
    assert_eq!(rows.len(), 6_000);
    assert!(
        rows.iter().all(|r| r[13] == "old" && r[4].is_empty()),
        "nothing of what came later"
    );
    let again = records(&office.good(&["export", "--wave", "w", "--out", "-"]));
    assert_eq!(again.len(), 6_101);
    assert!(again[1..6_001].iter().all(|r| r[13] == "new" && !r[4].is_empty()));
}

/// Starts an export to `out.csv` and waits until part of it is on disk.
fn half_way(office: &Office) -> Child {
    let mut export = office
        .command(&["export", "--wave", "w", "--out", "out.csv"])
        .spawn()
        .unwrap();
    eventually("a partial file", || {
        assert!(
            export.try_wait().unwrap().is_none(),
            "it was over before it could be stopped"
        );
        let partial = office
            .files()
            .into_iter()
            .find(|f| f.starts_with("out.csv.") && f.ends_with(".partial"))?;
        (fs::metadata(office.path(&partial)).ok()?.len() > 0).then_some(())
    });
    export
}

#[test]
fn an_export_that_is_stopped_leaves_the_old_file_and_the_next_one_tidies_up() {
    let (_db, office) = filled(20_000);
    office.write("out.csv", "the old file");
    let pid = |child: &Child| nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());

    for signal in [
        nix::sys::signal::Signal::SIGTERM,
        nix::sys::signal::Signal::SIGINT,
    ] {
        let export = half_way(&office);
        nix::sys::signal::kill(pid(&export), signal).unwrap();
        let output = export.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("nothing was written"), "{said}");
        assert_eq!(office.files(), ["out.csv"]);
    }
    let mut killed = half_way(&office);
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(
        fs::read_to_string(office.path("out.csv")).unwrap(),
        "the old file"
    );
    assert!(office.files().len() > 1, "nobody could tidy up");
    let running = half_way(&office);
    assert_eq!(
        office
            .files()
            .iter()
            .filter(|f| f.starts_with("out.csv."))
            .count(),
        1,
        "of the killed one nothing is left"
    );

    assert!(running.wait_with_output().unwrap().status.success());

    assert_eq!(office.files(), ["out.codebook.csv", "out.csv"]);
    let lines = fs::read_to_string(office.path("out.csv"))
        .unwrap()
        .lines()
        .count();
    assert_eq!(lines, 20_001);
}

#[test]
fn ten_times_the_responses_take_no_more_memory() {
    let peak = |responses: u32| {
        let (_db, office) = filled(responses);
        let mut export = office
            .command(&["export", "--wave", "w", "--out", "out.csv"])
            .spawn()
            .unwrap();
        let status = format!("/proc/{}/status", export.id());
        let mut peak_kib = 0_u64;
        while export.try_wait().unwrap().is_none() {
            let text = fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
            let kib = line.and_then(|l| l.split_whitespace().next()?.parse().ok());
            peak_kib = peak_kib.max(kib.unwrap_or(0));
            std::thread::yield_now();
        }
        assert!(export.wait().unwrap().success());
        peak_kib
    };
    let (few, many) = (peak(2_000), peak(20_000));
    assert!(few > 1_000, "{few} KiB was not measured");
    assert!(
        many < few * 2,
        "{few} KiB for 2,000 responses, {many} KiB for 20,000"
    );
}

#[test]
fn an_export_that_cannot_be_written_or_read_says_so_in_one_line() {
    let (db, office) = filled(10);
    let to = |out: &str| office.bad(&["export", "--wave", "w", "--out", out]);
    assert!(to("nowhere/out.csv").contains("nowhere/out.csv"));
    assert!(to("/proc/out.csv").contains("/proc/out.csv"));
    assert!(to(".").contains("is a directory"));
    assert!(to("/dev/full").contains("/dev/full: not a regular file"));
    fs::create_dir(office.path("folder")).unwrap();
    assert!(to("folder").contains("is a directory"));
    let said = office.bad(&["export", "--wave", "nothing"]);
    assert!(
        said.contains("there is no wave \"nothing\"; there are: 1 (w)"),
        "{said}"
    );
    assert_eq!(office.run(&["export"]).status.code(), Some(2), "wrong usage");
    assert_eq!(
        office
            .run(&["export", "--wave", "w", "--format", "xls"])
            .status
            .code(),
        Some(2)
    );

    // Something that this program never wrote.
    office.write("out.csv", "old");
    shared_cluster().execute(
        &db.name,
        "UPDATE wave_1.save SET answers = '\"quagga\"' WHERE response_id = 5",
    );
    let said = to("out.csv");
    assert!(
        said.contains("save.answers") && !said.contains("quagga"),
        "{said}"
    );
    assert_eq!(fs::read_to_string(office.path("out.csv")).unwrap(), "old");
    assert_eq!(office.files(), ["folder", "out.csv"]);
}

#[test]
fn people_get_a_code_once_whatever_their_file_looks_like() {
    let db = shared_cluster().database();
    make_wave(&db.url, "w", SMALL_SURVEY, WaveTimes::default(), 1);
    make_wave(&db.url, "next", SMALL_SURVEY, WaveTimes::default(), 1);
    let office = Office::on(&db.url);
    let codes = |wave: &str, text: &str| {
        office.write("people.csv", text);
        records(&office.good(&["codes", "--wave", wave, "--people", "people.csv", "--csv"]))
    };
    let plain = "person,name,role,unit\nA1,Ann,student,One\nA2,\"Bob \"\"B\"\", Jr\",teacher,\"One, Two\"\n";
    let first = codes("w", plain);
    assert_eq!(first[0], ["person", "name", "unit", "code"]);
    assert_eq!(first[2][..3], ["A2", "Bob \"B\", Jr", "One, Two"]);
    assert_eq!(codes("w", plain), first, "again gives the same codes");
    assert_eq!(codes("next", plain), first, "and so does another wave");
    assert_eq!(
        codes("w", &format!("\u{feff}{}", plain.replace('\n', "\r\n"))),
        first,
        "as a spreadsheet saves it"
    );
    assert_eq!(
        codes("w", "Unit , PERSON\n One , A1 \n")[1][3],
        first[1][3],
        "in another order, with spaces"
    );
    assert_eq!(
        db.value("SELECT count(*) FROM roster.respondent WHERE person IS NOT NULL"),
        "2"
    );
    assert_eq!(
        db.value("SELECT count(*) FROM roster.enrolment WHERE wave_id = 1"),
        "3"
    );
    let existing = records(&office.good(&["codes", "--wave", "w", "--existing", "--csv"]));
    assert_eq!(existing.len(), 4);
    assert!(existing.contains(&first[1]) && existing.contains(&first[2]));
    let formula = codes("w", "person,name\n=1+1,@x\n");
    assert_eq!(formula[1][..2], ["'=1+1", "'@x"]);

    for (text, words) in [
        ("person\nA9\nA9\n", "people.csv:3: the person of line 2 once more"),
        ("person,age\nA9,7\n", "unknown column \"age\""),
        ("person;name\nA9;Ann\n", "unknown column \"person;name\""),
        ("person,role\nA9,pupil\n", "people.csv:2: unknown role \"pupil\""),
        ("person,name\nA9\n", "people.csv"),
        ("person\n", "nobody in it"),
        ("", "nobody in it"),
        ("person\nA\09\n", "people.csv:2: a NUL character"),
    ] {
        office.write("people.csv", text);
        let said = office.bad(&["codes", "--wave", "w", "--people", "people.csv"]);
        assert!(said.contains(words), "{text:?}: {said}");
        assert!(!said.contains("A9"), "who it is stands in the file: {said}");
    }
    office.write("people.csv", b"person,name\nA9,Zo\xeb\n");
    let said = office.bad(&["codes", "--wave", "w", "--people", "people.csv"]);
    assert!(said.contains("UTF-8"), "{said}");
    assert_eq!(
        db.value("SELECT count(*) FROM roster.respondent WHERE person LIKE 'A9%'"),
        "0"
    );
    assert!(
        office
            .bad(&["codes", "--wave", "w", "--people", "none.csv"])
            .contains("none.csv")
    );
    assert_eq!(office.run(&["codes", "--wave", "w"]).status.code(), Some(2));
    assert_eq!(
        office
            .run(&["codes", "--wave", "w", "--count", "0"])
            .status
            .code(),
        Some(2)
    );
    office.good(&["codes", "--wave", "w", "--count", "2", "--out", "codes.txt"]);
    assert_eq!(
        fs::metadata(office.path("codes.txt"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    assert!(
        office
            .bad(&["codes", "--wave", "w", "--count", "2", "--out", "codes.txt"])
            .contains("codes.txt")
    );
}

#[test]
fn waves_are_made_listed_opened_and_closed_or_it_is_said_why_not() {
    let db = shared_cluster().database();
    let office = Office::on(&db.url);
    office.write("s.yaml", SMALL_SURVEY);
    let create = |survey: &str, name: &str, more: &[&str]| {
        let mut args = vec!["wave", "create", "--survey", survey, "--name", name];
        args.extend(more);
        office.run(&args)
    };
    let refused = |survey: &str, more: &[&str]| {
        let output = create(survey, "x", more);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        said
    };
    assert!(office.good(&["wave", "list"]).contains("There are no waves"));
    assert_eq!(office.good(&["wave", "list", "--json"]).trim(), "[]");
    let made = create(
        "s.yaml",
        "Spring",
        &["--opens", "2026-01-01", "--closes", "2999-01-01"],
    );
    assert!(made.status.success(), "{made:?}");

    let closes = ["--closes", "2999-01-01"];
    assert!(refused("none.yaml", &closes).contains("none.yaml"));
    assert!(refused(".", &closes).contains("canvass: .: "));
    office.write("bad.yaml", "survey: x\npages: 7\n");
    assert!(refused("bad.yaml", &closes).contains("bad.yaml:"));
    office.write("latin.yaml", b"survey: caf\xe9\n");
    assert!(refused("latin.yaml", &closes).contains("latin.yaml:1:12: error: byte 0xe9 is not UTF-8"));
    office.write("large.yaml", "#".repeat((4 << 20) + 1));
    assert!(refused("large.yaml", &closes).contains("large.yaml:1:1: error: the file"));
    assert!(refused("/dev/zero", &closes).contains("error: the file"));
    assert!(refused("s.yaml", &["--closes", "2020-01-01"]).contains("is in the past"));
    assert!(refused("s.yaml", &["--closes", "soon"]).contains("\"soon\" is no time"));
    assert!(
        refused("s.yaml", &["--opens", "2999-02-01", "--closes", "2999-01-01"])
            .contains("closes after it opens")
    );
    let twice = create("s.yaml", "Spring", &closes);
    assert!(
        String::from_utf8(twice.stderr)
            .unwrap()
            .contains("there is a wave with this name already")
    );

    let listed: serde_json::Value = serde_json::from_str(&office.good(&["wave", "list", "--json"])).unwrap();
    assert_eq!(
        listed.as_array().unwrap().len(),
        1,
        "what was refused is not there"
    );
    assert_eq!(
        (&listed[0]["wave"], &listed[0]["name"], &listed[0]["enrolled"]),
        (&json!(1), &json!("Spring"), &json!(0))
    );
    assert!(office.good(&["wave", "close", "Spring"]).contains("closed"));
    assert!(
        office
            .bad(&["wave", "close", "Spring"])
            .contains("nothing to close")
    );
    assert!(
        office
            .bad(&["wave", "open", "1"])
            .contains("give a new one with --closes")
    );
    assert!(
        office
            .good(&["wave", "open", "1", "--closes", "2999-01-01"])
            .contains("open")
    );
    assert!(
        office
            .bad(&["wave", "open", "2"])
            .contains("there is no wave \"2\"")
    );
}

#[test]
fn keys_are_made_for_their_owner_only_and_never_shown() {
    let db = shared_cluster().database();
    make_wave(&db.url, "w", SMALL_SURVEY, WaveTimes::default(), 1);
    let office = Office::on(&db.url);
    office.good(&["keys", "new", "fresh.toml"]);
    let mode = |name: &str| fs::metadata(office.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("fresh.toml"), 0o600);
    let text = fs::read_to_string(office.path("fresh.toml")).unwrap();
    assert!(office.bad(&["keys", "new", "fresh.toml"]).contains("exists"));
    assert_eq!(fs::read_to_string(office.path("fresh.toml")).unwrap(), text);
    assert!(
        office
            .good(&["keys", "rotate", "fresh.toml"])
            .contains("key 2 added")
    );
    assert_eq!(mode("fresh.toml"), 0o600);
    let serve = |keys: &str| office.bad(&["serve", "--listen", "127.0.0.1:0", "--keys", keys]);
    assert!(serve("fresh.toml").contains("not the one that this database's codes were made with"));
    assert!(serve("none.toml").contains("`canvass keys new none.toml` makes one"));
    fs::set_permissions(office.path("fresh.toml"), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(serve("fresh.toml").contains("chmod 600"));
    for (n, broken) in ["codes = \"", "codes = \"5a5a\"\nring = []\n", "nonsense"]
        .iter()
        .enumerate()
    {
        let name = office.write(&format!("broken{n}.toml"), broken);
        fs::set_permissions(office.path(&name), fs::Permissions::from_mode(0o600)).unwrap();
        let said = serve(&name);
        assert!(said.contains(&name) && !said.contains("5a5a"), "{said}");
    }
    let wrong = text.replace("codes = \"", "codes = \"zz");
    let name = office.write("wrong.toml", wrong);
    fs::set_permissions(office.path(&name), fs::Permissions::from_mode(0o600)).unwrap();
    let said = serve(&name);
    let secret = text
        .split("codes = \"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    assert!(
        said.contains("codes is not 64 hexadecimal digits") && !said.contains(&secret[..8]),
        "{said}"
    );
}

#[test]
fn what_keeps_serve_from_starting_is_one_line_without_a_password() {
    let office = Office::on("postgres://canvass:quagga-password@127.0.0.1:1/nowhere");
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    for args in [
        &serve[..],
        &["migrate"],
        &["wave", "list"],
        &["export", "--wave", "1"],
    ] {
        let said = office.bad(args);
        assert!(
            said.contains("PostgreSQL cannot be reached at 127.0.0.1:1"),
            "{said}"
        );
        assert!(!said.contains("quagga"), "{said}");
    }
    for url in [
        "postgres://canvass:quagga@host:notaport/db",
        "quagga",
        "host=x password=quagga nonsense",
        "mysql://quagga@x/y",
    ] {
        let office = Office::on(url);
        let said = office.bad(&["migrate"]);
        assert!(
            said.contains("database URL") || said.contains("cannot be reached"),
            "{url}: {said}"
        );
        assert!(!said.contains("quagga"), "{said}");
    }
    let db = shared_cluster().database();
    let office = Office::on(&db.url.replace("canvass:", "canvass:wrong"));
    assert!(
        office.bad(&["migrate"]).contains("password"),
        "PostgreSQL's own reason"
    );

    let office = Office::on(&db.url);
    office.write("canvass.toml", "[web]\nlissten = \"127.0.0.1:0\"\n");
    assert!(
        office
            .bad(&serve)
            .contains("unknown key \"web.lissten\", did you mean \"web.listen\"?")
    );
    office.write("canvass.toml", "database_url = \"postgres://u:quagga@h/d\n");
    let said = office.bad(&serve);
    assert!(
        said.contains("canvass.toml") && !said.contains("quagga"),
        "{said}"
    );
    office.write("canvass.toml", "[web]\nreaders = \"many\"\n");
    assert!(office.bad(&serve).contains("readers"));
    fs::remove_file(office.path("canvass.toml")).unwrap();
    assert!(office.bad(&["serve", "--listen", "nowhere"]).contains("nowhere"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let said = office.bad(&["serve", "--listen", &taken.local_addr().unwrap().to_string()]);
    assert!(said.contains("another process listens there"), "{said}");
    let output = office
        .command(&serve)
        .env("CANVASS_WEB_TRUSTED_PROXIES", "10.0.0.0/40")
        .output()
        .unwrap();
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("\"10.0.0.0/40\" is no address")
    );
    let output = office
        .command(&serve)
        .env("CANVASS_WEB_READERS", "many")
        .output()
        .unwrap();
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("a whole number is expected")
    );
}

#[test]
fn a_server_that_may_lose_what_it_acknowledged_is_refused() {
    let cluster = canvass_testkit::TestCluster::start();
    let db = cluster.database();
    let office = Office::on(&db.url);
    let refused = |setting: &str| {
        let said = office.bad(&["serve", "--listen", "127.0.0.1:0"]);
        assert!(
            said.contains(&format!("{setting} = off: an acknowledged answer could be lost")),
            "{said}"
        );
    };
    for setting in ["fsync", "full_page_writes"] {
        cluster.execute("postgres", &format!("ALTER SYSTEM SET {setting} = off"));
        cluster.execute("postgres", "SELECT pg_reload_conf()");
        eventually("the setting", || {
            (db.value(&format!("SHOW {setting}")) == "off").then_some(())
        });
        refused(setting);
        cluster.execute("postgres", &format!("ALTER SYSTEM RESET {setting}"));
        cluster.execute("postgres", "SELECT pg_reload_conf()");
        eventually("the setting", || {
            (db.value(&format!("SHOW {setting}")) == "on").then_some(())
        });
    }
    // What a role or database asks for does not win over what the connections ask for.
    let sql = format!("ALTER DATABASE {} SET synchronous_commit = off", db.name);
    cluster.execute("postgres", &sql);
    office.good(&["wave", "list"]);
    let unmigrated = Office::on(&db.url.replace(&db.name, "empty"));
    cluster.execute("postgres", "CREATE DATABASE empty OWNER canvass");
    assert!(
        unmigrated
            .bad(&["serve", "--listen", "127.0.0.1:0"])
            .contains("run `canvass migrate`")
    );
    unmigrated.good(&["migrate"]);
    assert!(unmigrated.good(&["migrate"]).contains("up to date"));
    assert!(Path::new(&office.path("keys.toml")).exists());
}
