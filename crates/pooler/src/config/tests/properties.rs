//! What holds for any text and any value.

use proptest::prelude::*;

use crate::config::table::Key;
use crate::config::{Canvass, Config, Settings};

/// Every setting of a section as a file, by its default or by its value.
fn rendered<T: Clone + Default>(keys: &[Key<T>], text: impl Fn(&Key<T>) -> String) -> String {
    keys.iter()
        .map(|key| format!("{} = {}\n", key.name, text(key)))
        .collect()
}

#[test]
fn the_defaults_written_out_are_the_defaults() {
    for text in [
        format!(
            "[pgbouncer]\n{}[canvass]\n{}",
            rendered(Settings::KEYS, |key| key.default.to_owned()),
            rendered(Canvass::KEYS, |key| key.default.to_owned())
        ),
        format!(
            "[pgbouncer]\n{}[canvass]\n{}",
            rendered(Settings::KEYS, |key| key.show(&Settings::default())),
            rendered(Canvass::KEYS, |key| key.show(&Canvass::default()))
        ),
    ] {
        assert_eq!(super::read(&text), Config::default(), "{text}");
    }
}

/// Lines of names, values and punctuation that a configuration is made of, in any order.
fn lines() -> impl Strategy<Value = String> {
    let names = Settings::KEYS
        .iter()
        .map(|key| key.name)
        .chain(Canvass::KEYS.iter().map(|key| key.name));
    let names = names.chain([
        "[databases]\n",
        "[pgbouncer]\n",
        "[users]\n",
        "[peers]\n",
        "[canvass]\n",
        "*",
        "host",
    ]);
    let word = prop_oneof![
        prop::sample::select(names.collect::<Vec<_>>()).prop_map(str::to_owned),
        prop::sample::select(vec![
            " = ",
            "=",
            "\n",
            " ",
            "'",
            "\"",
            ";",
            "password=",
            "\0",
            "\t",
            "[",
            "]",
            "%",
            "0x"
        ])
        .prop_map(str::to_owned),
        "[0-9.eE+-]{1,12}",
        any::<String>(),
    ];
    prop::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>(), lines in lines()) {
        for text in [text, lines] {
            // an included file would be one of this machine's
            if let Err(error) = Config::parse(&text.replace("%include", "")) {
                prop_assert!(!error.problems().is_empty());
                prop_assert!(error.problems().len() <= 51);
            }
        }
    }

    #[test]
    fn a_time_that_was_shown_is_read_again(micros in 0..3_000_000_000_000_u64) {
        let mut config = Config::default();
        config.settings.server_lifetime = std::time::Duration::from_micros(micros);
        let shown = rendered(Settings::KEYS, |key| key.show(&config.settings));
        prop_assert_eq!(super::read(&format!("[pgbouncer]\n{shown}")), config);
    }

    #[test]
    fn whatever_set_takes_is_shown_and_read_again(
        key in prop::sample::select(Settings::KEYS.iter().map(|key| key.name).collect::<Vec<_>>()),
        value in prop_oneof!["[0-9]{1,6}", "[a-zA-Z0-9 ,./<>_-]{0,20}", "(0x|0)[0-7]{1,4}"],
    ) {
        let mut config = Config::default();
        if config.set(key, value.trim()).is_ok() {
            let shown = rendered(Settings::KEYS, |key| key.show(&config.settings));
            let again = Config::parse(&format!("[pgbouncer]\n{shown}")).unwrap().config;
            prop_assert_eq!(again, config);
        }
    }

    #[test]
    fn a_quoted_value_is_what_was_quoted(value in "[^\0\r\n]{1,30}", name in "[^\0\r\n]{1,20}") {
        prop_assume!(name != "*" && name != "pgbouncer");
        let quoted_name = name.replace('"', "\"\"");
        let quoted = value.replace('\'', "''");
        let config = super::read(&format!("[databases]\n\"{quoted_name}\" = dbname='{quoted}' port=7\n"));
        prop_assert_eq!(config.databases[&name].dbname.as_deref(), Some(value.as_str()));
        prop_assert_eq!(config.databases[&name].port, 7);
    }
}
