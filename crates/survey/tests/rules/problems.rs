//! What the reader says about files that are wrong, and that nothing makes it fail otherwise.

use std::fmt::Write as _;

use canvass_survey::Item;
use canvass_survey::parse::{
    MAX_BYTES, MAX_CHOICES, MAX_PAGES, MAX_QUESTIONS_PER_PAGE, RESERVED_PAGES, RESERVED_QUESTIONS, Severity,
    decode, parse, read,
};

const BAD: &str = include_str!("../files/bad.yaml");

/// The start of a file in one language, down to the items of its only page: 7 lines.
const HEAD: &str = "survey: a\ntitle: A\nlanguages: [en]\npages:\n- id: p\n  title: P\n  items:\n";

/// Every problem of a file, a line each.
fn problems(source: &str) -> Vec<String> {
    read(source).problems.iter().map(ToString::to_string).collect()
}

/// A file with these items, the first in line 8; items are indented by two.
fn with_items(items: &str) -> String {
    items.lines().fold(HEAD.to_owned(), |mut source, line| {
        let _ = writeln!(source, "  {line}");
        source
    })
}

/// Every problem of a page with these items.
fn problems_of_items(items: &str) -> Vec<String> {
    problems(&with_items(items))
}

#[test]
fn a_thoroughly_bad_file_is_told_everything_at_once() {
    insta::assert_snapshot!(problems(BAD).join("\n"));
}

#[test]
fn the_order_of_problems_is_that_of_the_file_and_always_the_same() {
    let places: Vec<(usize, usize)> = read(BAD).problems.iter().map(|p| (p.line, p.column)).collect();
    assert!(places.is_sorted());
    for _ in 0..5 {
        assert_eq!(problems(BAD), problems(BAD));
    }
}

#[test]
fn parse_gives_the_errors_and_leaves_out_the_warnings() {
    let errors = parse(BAD).unwrap_err();
    assert!(errors.iter().all(|p| p.severity == Severity::Error));
    assert!(read(BAD).problems.iter().any(|p| p.severity == Severity::Warning));
}

#[test]
fn a_warning_does_not_stop_a_questionnaire() {
    let source = "survey: a\ntitle: Hello\nlanguages: [en, es]\nchoice_lists:\n  none: [ { id: a, text: '1' } ]\n\
                  pages:\n- id: p\n  title: '1'\n  items:\n  - { type: short, id: q, text: '1' }\n";
    let reading = read(source);
    assert_eq!(reading.questionnaire.unwrap().title.get(1), "Hello");
    let said: Vec<String> = reading.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "2:8: warning: one text stands for all languages (en, es), write one for each: { en: …, es: … }",
            "5:3: warning: no question uses choice list \"none\"",
        ]
    );
}

#[test]
fn what_authors_get_wrong_in_yaml_is_explained() {
    let cases = [
        (
            "- type: short\n  text: Why: tell us\n",
            "9:14",
            "a text that holds \": \" needs quotes",
        ),
        ("- type: short\n\tid: q\n", "9:3", "a tab indents this line"),
        (
            "- type: short\n  text: \"Why\n",
            "9:11",
            "is a closing quote missing",
        ),
        (
            "- type: short\n  text: @home\n",
            "9:11",
            "a text that starts with this character needs quotes",
        ),
        (
            "- type: short\n  text: *bold*\n",
            "9:11",
            "a text that starts with * needs quotes",
        ),
        (
            "- type: short\n  text: [May] be\n",
            "9:17",
            "a text that starts with [ or { needs quotes",
        ),
        ("- type: short\n  text: \"a\\d\"\n", "9:11", "use single quotes"),
        (
            "- { type: short, id: q\n- { type: short }\n",
            "9:5",
            "is a comma or a closing bracket missing",
        ),
        (
            "- type: short\n  id:q\n  text: a\n",
            "10:5",
            "is there a colon and a space behind the key",
        ),
        (
            "- { type: section, text: Hi, you }\n",
            "8:32",
            "unknown key \"you\" in a section",
        ),
    ];
    for (items, place, part) in cases {
        let said = problems_of_items(items);
        assert_eq!(said.len(), 1, "{items}: {said:?}");
        assert!(
            said[0].starts_with(&format!("{place}: error: ")),
            "{items}: {said:?}"
        );
        assert!(said[0].contains(part), "{items}: {said:?}");
    }
}

#[test]
fn a_file_holds_one_document_and_something() {
    let two = with_items("- { type: section, text: a }") + "---\n";
    let said = ["9:1: error: a second document starts here, a file holds one questionnaire"];
    assert_eq!(problems(&two), said);
    for nothing in ["", "\u{feff}", "# a comment\n", "\n\n"] {
        assert_eq!(problems(nothing), ["1:1: error: the file is empty"]);
    }
    let root = "1:1: error: the questionnaire must be a mapping (key: value), this is";
    assert_eq!(problems("[]"), [format!("{root} a list")]);
    assert_eq!(problems("~"), [format!("{root} nothing")]);
    assert_eq!(problems("{}").len(), 4);
}

#[test]
fn a_text_cut_by_a_comment_is_warned_of() {
    let said = problems_of_items(
        "- { type: short, id: q, text: Why } # a comment\n- type: section\n  text: Room #3\n",
    );
    assert_eq!(said.len(), 1);
    assert!(
        said[0].starts_with("10:16: warning: what follows # is a comment"),
        "{said:?}"
    );
}

#[test]
fn a_number_that_looks_like_a_skipped_question_is_warned_of() {
    let said = |bounds: &str| problems_of_items(&format!("- {{ type: number, id: q, text: T{bounds} }}\n"));
    for doubtful in ["", ", min: -1", ", min: -40, max: 50", ", max: 0"] {
        assert_eq!(said(doubtful).len(), 1, "{doubtful}");
        assert!(
            said(doubtful)[0].starts_with("8:7: warning: -1 may be answered"),
            "{doubtful}"
        );
    }
    for clear in [", min: 0", ", min: -0.5", ", max: -2"] {
        assert!(said(clear).is_empty(), "{clear}");
    }
}

#[test]
fn texts_keep_their_lines_and_lose_the_space_around_them() {
    let source = with_items(
        "- type: section\n  text: |\n    One  \n    two\n      \n    three\n\n- { type: short, id: q, text: ' T ' }",
    );
    let questionnaire = parse(&source).unwrap();
    let page = &questionnaire.pages[0];
    let Item::Section(text) = &page.items[0] else {
        panic!("no section")
    };
    assert_eq!(text.get(0), "One\ntwo\n\nthree");
    assert_eq!(page.questions[0].text.get(0), "T");
}

#[test]
fn characters_that_are_no_text_are_refused() {
    assert_eq!(
        problems("survey: a\ntitle: a\0b\n"),
        ["2:9: error: U+0000 is not a character of a text"]
    );
    let said = problems_of_items("- { type: section, text: \"a\\0b\" }\n");
    assert_eq!(said, ["8:28: error: the text holds the control character U+0000"]);
}

#[test]
fn columns_count_characters_and_a_byte_order_mark_counts_nothing() {
    assert!(
        problems_of_items("- { type: section, text: ¿¿¿¿, nope: 1 }\n")[0]
            .starts_with("8:34: error: unknown key")
    );
    assert!(problems("\u{feff}survey: A\n")[3].starts_with("1:9: error: survey \"A\""));
    let good = format!("\u{feff}{}", with_items("- { type: short, id: q, text: T }")).replace('\n', "\r\n");
    assert!(parse(&good).is_ok());
}

#[test]
fn reserved_ids_are_refused() {
    for id in RESERVED_QUESTIONS {
        let said = problems_of_items(&format!("- {{ type: short, id: {id}, text: T }}\n"));
        assert_eq!(
            said,
            [format!(
                "8:24: error: question id {id:?} is reserved, choose another"
            )]
        );
    }
    for id in RESERVED_PAGES {
        let source = with_items("- { type: short, id: q, text: T }").replace("id: p", &format!("id: {id}"));
        assert_eq!(
            problems(&source),
            [format!("5:7: error: page id {id:?} is reserved, choose another")]
        );
    }
}

#[test]
fn two_columns_of_the_export_never_have_one_name() {
    let choice = |id: &str| format!("[ {{ id: {id}, text: T }} ]");
    let multiple = |id: &str, of: &str| {
        format!(
            "- {{ type: multiple, id: {id}, text: T, choices: {} }}\n",
            choice(of)
        )
    };
    let short = "- { type: short, id: a_b, text: T }\n".to_owned();
    // A multiple choice question has no column of its own name.
    assert!(problems_of_items(&(multiple("a", "x") + &multiple("a_x", "y"))).is_empty());
    for items in [
        short.clone() + &multiple("a", "b"),
        multiple("a", "b") + &short,
        multiple("a", "b_c") + &multiple("a_b", "c"),
    ] {
        let said = problems_of_items(&items);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("of the export, and so would"), "{said:?}");
    }
    assert!(problems_of_items(&multiple("late", "saves"))[0].contains("which is reserved"));
}

#[test]
fn limits_are_those_that_are_documented() {
    let shorts = |count: usize| {
        (0..count).fold(String::new(), |mut items, n| {
            let _ = writeln!(items, "- {{ type: short, id: q{n}, text: T }}");
            items
        })
    };
    assert!(problems_of_items(&shorts(MAX_QUESTIONS_PER_PAGE)).is_empty());
    assert!(
        problems_of_items(&shorts(MAX_QUESTIONS_PER_PAGE + 1))[0]
            .starts_with("5:3: error: the page asks 201")
    );

    let choices = |count: usize| {
        let list: String = (0..count).map(|n| format!("{{ id: c{n}, text: T }},")).collect();
        format!("- {{ type: single, id: q, text: T, choices: [{list}] }}\n")
    };
    assert!(problems_of_items(&choices(MAX_CHOICES)).is_empty());
    assert!(problems_of_items(&choices(MAX_CHOICES + 1))[0].contains("choices has 501 entries"));

    let pages = |count: usize| {
        let pages: String = (0..count)
            .map(|n| format!("- {{ id: p{n}, title: T, items: [ {{ type: short, id: q{n}, text: T }} ] }}\n"))
            .collect();
        format!("survey: a\ntitle: A\nlanguages: [en]\npages:\n{pages}")
    };
    assert!(problems(&pages(MAX_PAGES)).is_empty());
    assert!(problems(&pages(MAX_PAGES + 1))[0].contains("pages has 501 entries"));

    assert!(problems(&"#".repeat(MAX_BYTES + 1))[0].contains("more than 4 MiB"));
    assert!(decode(&vec![b'#'; MAX_BYTES + 1]).is_err());
}

#[test]
fn a_small_file_stays_small_when_its_lists_are_written_out() {
    let list: String = (0..MAX_CHOICES)
        .map(|n| format!("  - {{ id: c{n}, text: {} }}\n", "x".repeat(1000)))
        .collect();
    let rows: String = (0..MAX_QUESTIONS_PER_PAGE)
        .map(|n| format!("{{ id: q{n}, text: T }},"))
        .collect();
    let grid = with_items(&format!(
        "- {{ type: grid, text: T, choices: long, rows: [{rows}] }}"
    ));
    let source = format!("choice_lists:\n  long:\n{list}{grid}");
    let said = problems(&source);
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("the questionnaire is too large"), "{said:?}");
}

#[test]
fn aliases_that_multiply_are_refused() {
    let mut bomb = "a0: &a0 [x]\n".to_owned();
    for n in 1..30 {
        let _ = writeln!(bomb, "a{n}: &a{n} [*a{0}, *a{0}, *a{0}]", n - 1);
    }
    let said = problems(&bomb);
    assert!(said.iter().all(|line| line.contains(": error: ")));
    assert!(
        said.iter()
            .any(|line| line.contains("aliases (*name) are not read"))
    );
}

#[test]
fn nesting_has_a_bound() {
    for deep in ["[", "{a: ", "- ", "? ", "- - ? "] {
        let said = problems(&deep.repeat(100_000));
        assert_eq!(said.len(), 1, "{deep}");
        assert!(said[0].contains("nested too deeply"), "{deep}: {said:?}");
    }
}

#[test]
fn of_very_many_problems_the_rest_is_counted() {
    assert_eq!(problems_of_items(&"- 1\n".repeat(300)).len(), 300);
    let keys: String = (0..5_000).map(|n| format!("key{n}: 1\n")).collect();
    let said = problems(&keys);
    assert_eq!(said.len(), 1_001);
    assert_eq!(said[1_000], "5000:1: error: and 4004 more problems, not listed");
}
