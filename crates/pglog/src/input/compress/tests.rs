use super::*;

/// What each archive in `tests/archives` holds, made by the tools themselves in two streams of 1,500 lines each.
fn whole() -> String {
    let line = |i: u32| {
        let (minute, second, letters) = (i / 60 % 60, i % 60, "a".repeat(i as usize % 13));
        format!(
            "2026-11-26 14:{minute:02}:{second:02}.{0:03} UTC [{1}] LOG:  duration: {2}.{0:03} ms  statement: SELECT {i} FROM t{letters}\n",
            i % 1000,
            100 + i % 7,
            i % 97,
        )
    };
    (0..3000).map(line).collect()
}

const ARCHIVES: [(&str, &[u8]); 5] = [
    ("gzip", include_bytes!("../../../tests/archives/log.gz")),
    ("bzip2", include_bytes!("../../../tests/archives/log.bz2")),
    ("xz", include_bytes!("../../../tests/archives/log.xz")),
    ("zstd", include_bytes!("../../../tests/archives/log.zst")),
    ("lz4", include_bytes!("../../../tests/archives/log.lz4")),
];

/// What can be read of an archive, and the error that ends it, if any.
fn read(bytes: &[u8]) -> (Vec<u8>, Option<&'static str>, Option<io::Error>) {
    let (mut reader, method) = text(Box::new(Cursor::new(bytes.to_vec()))).unwrap();
    let mut out = Vec::new();
    let mut piece = [0; 1000];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return (out, method, None),
            Ok(read) => out.extend_from_slice(&piece[..read]),
            Err(error) => return (out, method, Some(error)),
        }
        assert!(out.len() < 1 << 24, "no end");
    }
}

#[test]
fn every_method_is_told_and_read_to_the_end_of_the_last_stream() {
    for (name, archive) in ARCHIVES {
        let (text, method, error) = read(archive);
        assert_eq!((method, error.map(|e| e.to_string())), (Some(name), None));
        assert!(text == whole().as_bytes(), "{name}");
    }
    let (text, method, error) = read(b"plain\n");
    assert_eq!((text.as_slice(), method), (&b"plain\n"[..], None));
    assert!(error.is_none() && read(b"").0.is_empty());
}

#[test]
fn what_is_cut_off_is_read_as_far_as_it_goes_and_told() {
    for (name, archive) in ARCHIVES {
        for end in (8..archive.len()).step_by(archive.len() / 40) {
            let (text, _, error) = read(&archive[..end]);
            assert!(whole().as_bytes().starts_with(&text), "{name} cut at {end}");
            // Exactly between two streams nothing is missing.
            let is_between = text.len() * 2 > whole().len() - 4000 && text.len() * 2 < whole().len() + 4000;
            assert!(error.is_some() || is_between, "{name} cut at {end}");
        }
        let (text, ..) = read(&archive[..archive.len() - 1]);
        assert!(
            text.len() > whole().len() / 3,
            "{name}: the first stream is whole"
        );
    }
}

#[test]
fn what_is_damaged_neither_panics_nor_goes_on_for_ever() {
    for (name, archive) in ARCHIVES {
        let mut told = 0;
        for at in (6..archive.len()).step_by(archive.len() / 150) {
            let mut damaged = archive.to_vec();
            damaged[at] ^= 0x5a;
            told += u32::from(read(&damaged).2.is_some());
        }
        assert!(told > 120, "{name}: only {told} told");
    }
}
