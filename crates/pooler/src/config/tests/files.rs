//! Files, and files that include files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::config::{Config, PoolMode, Settings};

/// A directory with files of these names and texts, in which `{dir}` stands for the directory.
fn directory(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(
            dir.path().join(name),
            text.replace("{dir}", &dir.path().display().to_string()),
        )
        .unwrap();
    }
    let main = dir.path().join(files[0].0);
    (dir, main)
}

/// What is wrong with the first of the files, without the directory's name.
fn problems(files: &[(&str, &str)]) -> Vec<String> {
    let (dir, main) = directory(files);
    let prefix = format!("{}/", dir.path().display());
    let error = Config::load(&main).unwrap_err();
    error
        .problems()
        .iter()
        .map(|problem| problem.replace(&prefix, ""))
        .collect()
}

#[test]
fn a_file_is_read_and_shown_as_conffile() {
    let (_dir, main) = directory(&[("pgbouncer.ini", "[pgbouncer]\npool_mode = statement\n")]);
    let config = Config::load(&main).unwrap().config;
    assert_eq!(config.settings.pool_mode, PoolMode::Statement);
    assert_eq!(config.path.as_ref(), Some(&main));
    assert_eq!(config.settings.conffile, Some(main));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("/nowhere/pgbouncer.ini")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/nowhere/pgbouncer.ini cannot be read: No such file or directory (os error 2)"
    );
}

#[test]
fn an_included_file_goes_on_in_the_section_and_may_leave_another_one_behind() {
    let (_dir, main) = directory(&[
        (
            "main.ini",
            "[databases]\n%include {dir}/more.ini\n  %include \t {dir}/users.ini  \nu = pool_size=7\n",
        ),
        ("more.ini", "a = host=x\n"),
        ("users.ini", "[users]\n"),
    ]);
    let config = Config::load(&main).unwrap().config;
    assert_eq!(config.databases["a"].host, ["x"]);
    assert_eq!(config.users["u"].pool_size, Some(7));
}

#[test]
fn a_problem_in_an_included_file_has_its_name_and_line_and_the_next_one_those_of_the_file_it_is_in() {
    let files = [
        ("main.ini", "[pgbouncer]\n%include {dir}/more.ini\ny = 1\n"),
        ("more.ini", "\nx = 1\n"),
    ];
    let said = problems(&files);
    assert_eq!(said.len(), 2);
    assert!(
        said[0].starts_with("more.ini:2: unknown setting \"x\""),
        "{said:?}"
    );
    assert!(
        said[1].starts_with("main.ini:3: unknown setting \"y\""),
        "{said:?}"
    );
}

#[test]
fn an_included_file_that_cannot_be_read_is_named_with_the_line_that_includes_it() {
    assert_eq!(
        problems(&[("main.ini", "\n%include {dir}/none.ini\n")]),
        ["main.ini:2: none.ini cannot be read: No such file or directory (os error 2)"]
    );
    assert_eq!(
        problems(&[("main.ini", "%include /dev/zero\n")]),
        ["main.ini:1: /dev/zero is not a file"]
    );
    assert_eq!(
        problems(&[("main.ini", "%include /\n")]),
        ["main.ini:1: / is not a file"]
    );
}

#[test]
fn files_that_include_each_other_are_refused() {
    assert_eq!(
        problems(&[("main.ini", "%include {dir}/main.ini\n")]),
        ["main.ini:1: main.ini includes itself; remove this line"]
    );
    assert_eq!(
        problems(&[
            ("main.ini", "%include {dir}/b.ini\n"),
            ("b.ini", "\n%include {dir}/./main.ini\n")
        ]),
        ["b.ini:2: ./main.ini includes itself; remove this line"]
    );
}

#[test]
fn files_may_be_nested_ten_deep_as_in_pgbouncer() {
    let chain = |length: usize| {
        let names = (0..=length).map(|n| format!("{n}.ini")).collect::<Vec<_>>();
        let texts = (1..=length).map(|n| format!("%include {{dir}}/{n}.ini\n"));
        let texts = texts
            .chain(["[databases]\nlast = host=x\n".to_owned()])
            .collect::<Vec<_>>();
        let files = names
            .iter()
            .map(String::as_str)
            .zip(texts.iter().map(String::as_str))
            .collect::<Vec<_>>();
        let (_dir, main) = directory(&files);
        Config::load(&main)
    };
    assert!(chain(10).unwrap().config.databases.contains_key("last"));
    assert!(
        chain(11)
            .unwrap_err()
            .to_string()
            .ends_with("11.ini is included over more than 10 files")
    );
}

#[test]
fn what_is_not_utf_8_is_refused_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let main = dir.path().join("main.ini");
    fs::write(&main, b"[pgbouncer]\n; gr\xc3\xbc\xc3\x9fe\n; gr\xfc\xdfe\n").unwrap();
    let error = Config::load(&main).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "{}:3: the line is not in UTF-8; save the file in UTF-8",
            main.display()
        )
    );
}

#[test]
fn many_small_inclusions_come_to_an_end() {
    // ten files, each of which includes the next one three times: 3^9 readings of the last one
    let names = (0..10).map(|n| format!("{n}.ini")).collect::<Vec<_>>();
    let texts = (1..10).map(|n| format!("%include {{dir}}/{n}.ini\n").repeat(3));
    let texts = texts.chain([String::new()]).collect::<Vec<_>>();
    let files = names
        .iter()
        .map(String::as_str)
        .zip(texts.iter().map(String::as_str))
        .collect::<Vec<_>>();
    let said = problems(&files);
    assert!(said[0].ends_with("more than 1000 files are included"), "{said:?}");
}

/// A whole configuration as a distribution ships it, as it is and with every commented setting switched on.
#[test]
fn a_whole_file_is_accepted_commented_and_uncommented() {
    const WHOLE: &str = include_str!("whole.ini");
    let commented = Config::parse(WHOLE).unwrap();
    assert_eq!(commented.warnings, Vec::<String>::new());
    assert_eq!(commented.config.settings.listen_addr, ["localhost"]);
    assert_eq!(
        commented.config.settings.unix_socket_dir.as_deref(),
        Some("/var/run/postgresql".as_ref())
    );

    let uncommented = WHOLE
        .lines()
        .map(|line| {
            line.strip_prefix(';')
                .filter(|line| {
                    line.starts_with(|first: char| {
                        first.is_ascii_alphanumeric() || matches!(first, '*' | '"')
                    })
                })
                .unwrap_or(line)
        })
        .collect::<Vec<_>>()
        .join("\n");
    let uncommented = Config::parse(&uncommented).unwrap();
    assert_eq!(uncommented.warnings, Vec::<String>::new());
    assert_eq!(uncommented.config.databases.len(), 6);
    assert_eq!(uncommented.config.any_database.unwrap().host, ["testserver"]);
    assert_eq!(
        uncommented.config.users["user1"].max_user_client_connections,
        Some(20)
    );
    assert_eq!(uncommented.config.peers.len(), 2);

    let absent = Settings::KEYS
        .iter()
        .filter(|key| !WHOLE.contains(&format!("{} =", key.name)));
    assert_eq!(
        absent.map(|key| key.name).collect::<Vec<_>>(),
        Vec::<&str>::new(),
        "whole.ini names every setting"
    );
}
