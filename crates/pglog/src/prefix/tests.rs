use super::*;
use crate::record::Severity;

fn read<'a>(prefix: &str, line: &'a str) -> Option<Head<'a>> {
    Prefix::parse(prefix)
        .unwrap()
        .read(line.as_bytes(), &mut Clock::default())
}

#[test]
fn every_escape_is_read() {
    let head = read(
        "%m [%p] %c %l %e %u@%d %a %h %b %Q ",
        "2026-11-26 14:58:50.123 UTC [4242] 6921f0aa.1092 7 23505 ann@school my app 10.1.2.3 client backend -77 ERROR:  no",
    )
    .unwrap();
    assert_eq!(head.at, Some(1_795_705_130_123_000));
    assert_eq!(
        (head.pid, head.line, head.query_id),
        (Some(4242), Some(7), Some(-77))
    );
    assert_eq!(head.session, Some(&b"6921f0aa.1092"[..]));
    assert_eq!(head.sqlstate, Some(*b"23505"));
    assert_eq!((head.user, head.database), (&b"ann"[..], &b"school"[..]));
    assert_eq!(head.application, b"my app");
    assert_eq!(
        (head.host, head.backend),
        (&b"10.1.2.3"[..], &b"client backend"[..])
    );
    assert_eq!(head.part, Part::Message(Severity::Error));
    assert!(!head.ambiguous);
}

#[test]
fn processes_without_a_session_leave_fields_empty() {
    let line = "2026-11-26 14:58:50.123 UTC [7] 6921f0aa.7 1 00000 @   checkpointer 0 LOG:  checkpoint starting: time";
    let head = read("%m [%p] %c %l %e %u@%d %a %h %b %Q ", line).unwrap();
    assert_eq!(
        (head.user, head.database, head.application, head.host),
        (&b""[..], &b""[..], &b""[..], &b""[..])
    );
    assert_eq!(head.backend, b"checkpointer");
    assert_eq!(&line[head.text_at..], "checkpoint starting: time");
    let head = read("%m [%p] %q%u@%d ", "2026-11-26 14:58:50.123 UTC [7] LOG:  hello").unwrap();
    assert_eq!(head.user, b"");
    let head = read(
        "%m [%p] %q%u@%d ",
        "2026-11-26 14:58:50.123 UTC [7] a@b LOG:  hello",
    )
    .unwrap();
    assert_eq!((head.user, head.database), (&b"a"[..], &b"b"[..]));
}

#[test]
fn hosts_prefixes_are_read() {
    let line = "2026-11-26 14:58:50 UTC:10.0.0.1(51234):ann@school:[812]:LOG:  duration: 1.000 ms";
    let head = read("%t:%r:%u@%d:[%p]:", line).unwrap();
    assert_eq!((head.host, head.pid), (&b"10.0.0.1"[..], Some(812)));
    let padded = "2026-11-26 14:58:50 UTC [   12] ann        LOG:  x";
    let head = read("%t [%5p] %-10u ", padded).unwrap();
    assert_eq!((head.pid, head.user), (Some(12), &b"ann"[..]));
}

#[test]
fn an_application_name_that_looks_like_a_record_is_told() {
    let prefix = "%m [%p] %u@%d %a ";
    let forged =
        "2026-11-26 14:58:50.123 UTC [7] a@b x LOG:  duration: 9.000 ms  bind x: y LOG:  duration: 1.000 ms";
    assert!(read(prefix, forged).unwrap().ambiguous);
    let honest = "2026-11-26 14:58:50.123 UTC [7] a@b psql LOG:  duration: 9.000 ms  statement: SELECT 'LOG:  duration: 1 ms'";
    assert!(
        !read(prefix, honest).unwrap().ambiguous,
        "what stands so far behind cannot be part of a name"
    );
    let closed = "2026-11-26 14:58:50.123 UTC [7] a@b app=[x LOG:  y] LOG:  z";
    let head = read("%m [%p] %u@%d app=[%a] ", closed).unwrap();
    assert_eq!((head.application, head.ambiguous), (&b"x LOG:  y"[..], false));
}

#[test]
fn bad_prefixes_are_refused_by_name() {
    for (text, word) in [("%m %z", "%z"), ("%m %", "middle"), ("%u%d", "between")] {
        let error = Prefix::parse(text).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn prefixes_are_found() {
    let lines: Vec<&[u8]> = vec![
        b"2026-11-26 14:58:50.123 UTC [7] 6921f0aa.7 1 00000 @   checkpointer 0 LOG:  checkpoint starting: time",
        b"2026-11-26 14:58:50.123 UTC [9] 6921f0aa.9 1 00000 a@b psql [local] client backend 5012345678901 LOG:  duration: 1.000 ms",
    ];
    assert_eq!(
        find(&lines).unwrap().text(),
        "%m [%p] %c %l %e %u@%d %a %h %b %Q "
    );
    assert_eq!(
        find(&[b"2026-11-26 14:58:50.123 UTC [7] LOG:  x"])
            .unwrap()
            .text(),
        "%m [%p] "
    );
    assert!(find(&[b"hello"]).is_none());
}
