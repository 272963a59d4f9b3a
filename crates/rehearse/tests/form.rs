//! Forms filled as delivered: the rules of the HTML standard, what a persona chooses, and that no page breaks it.

use canvass_rehearse::html::{Enctype, Method};
use canvass_rehearse::person::form::{Filled, answer::KEPT, fill, text::LONG};
use canvass_rehearse::person::persona::{PersonaState, dice};
use canvass_rehearse::scenario::{Fill, Persona};
use proptest::prelude::*;

/// Fills the form as this person.
fn filled_by(html: &str, persona: &Persona, person: u64) -> Filled {
    let state = PersonaState::new(persona, person);
    let mut dice = dice(persona.seed, person);
    fill(html.as_bytes(), &Fill::default(), &[], &state, &mut dice).expect(html)
}

fn filled(html: &str) -> Filled {
    filled_by(html, &Persona::default(), 1)
}

fn lazy() -> Persona {
    Persona {
        skip: 1.0,
        ..Persona::default()
    }
}

/// The form of one who leaves out all that can be left out.
fn with(how: Fill, html: &str, overrides: &[(&str, &str)]) -> Result<Filled, String> {
    let overrides: Vec<_> = overrides
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    let state = PersonaState::new(&lazy(), 1);
    fill(html.as_bytes(), &how, &overrides, &state, &mut dice(1, 1))
}

fn pairs(filled: &Filled) -> Vec<(&str, &str)> {
    filled
        .fields
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect()
}

fn value<'f>(filled: &'f Filled, name: &str) -> Option<&'f str> {
    pairs(filled)
        .into_iter()
        .find(|(n, _)| *n == name)
        .map(|(_, v)| v)
}

/// Whether a share counted among `n` is within four standard deviations of the one wanted.
fn near(share: f64, wanted: f64, n: u64) -> bool {
    (share - wanted).abs() < 4.0 * (wanted * (1.0 - wanted) / n as f64).sqrt()
}

#[test]
fn only_successful_controls_are_sent_in_the_order_of_the_page() {
    let html = r#"<form><input type=hidden name=csrf value=t&amp;1><input name=text value="as it was" readonly>
        <input name=off value=x disabled><input name="" value=x><input value=x>
        <fieldset disabled><input name=deep value=x></fieldset>
        <input type=checkbox name=box value=1><input type=checkbox name=ticked checked disabled>
        <input type=radio name=r value=1><input type=radio name=r value=2>
        <select name=s><option value=a>A<option value=b>B</select>
        <select name=nothing><option selected disabled value=x>choose</select>
        <select name=many multiple><option>1<option>2</select>
        <input type=file name=upload><textarea name=note></textarea><input type=range name=range min=10 max=20>
        <input type=color name=color><input name=dir dirname=dir.dir value=d readonly>
        <input type=hidden name=_charset_><input type=reset name=reset value=x><input type=button name=b value=x>
        <button name=go value=1>Go</button><button name=go value=2>Other</button></form>"#;
    let sent = filled_by(html, &lazy(), 1);
    assert_eq!(
        pairs(&sent),
        [
            ("csrf", "t&1"),
            ("text", "as it was"),
            ("s", "a"),
            ("upload", ""),
            ("note", ""),
            ("range", "15"),
            ("color", "#000000"),
            ("dir", "d"),
            ("dir.dir", "ltr"),
            ("_charset_", "UTF-8"),
            ("go", "1"),
        ]
    );
    assert_eq!(sent.files, [3]);
}

#[test]
fn line_ends_are_sent_as_cr_lf() {
    let html = "<form><input type=hidden name=a value='1&#10;2&#13;&#10;3&#13;4'>\
                <textarea name=t readonly>\nx\r\ny\rz\n</textarea></form>";
    assert_eq!(
        pairs(&filled(html)),
        [("a", "1\r\n2\r\n3\r\n4"), ("t", "x\r\ny\r\nz\r\n")]
    );
}

#[test]
fn the_form_says_where_and_how_and_its_button_may_say_otherwise() {
    let html = "<form action=' /save?x=1 ' method=post enctype=multipart/form-data><button name=a></button>\
                <button name=b value=2 formaction=/other formmethod=get formenctype=text/plain></button>\
                <input type=image name=pic src=/p><button name=c disabled></button></form>";
    let first = filled(html);
    assert_eq!((first.method, first.enctype), (Method::Post, Enctype::Multipart));
    assert_eq!(first.action.as_deref(), Some("/save?x=1"));
    assert_eq!(pairs(&first), [("a", "")]);
    assert_eq!(first.button, Some(("a".into(), String::new())));
    let press = |name: &str, value: Option<&str>| {
        let button = Some((name.to_owned(), value.map(str::to_owned)));
        with(Fill { form: None, button }, html, &[])
    };
    let other = press("b", Some("2")).unwrap();
    assert_eq!((other.method, other.enctype), (Method::Get, Enctype::TextPlain));
    assert_eq!(other.action.as_deref(), Some("/other"));
    assert_eq!(pairs(&other), [("b", "2")]);
    assert_eq!(
        pairs(&press("pic", None).unwrap()),
        [("pic.x", "0"), ("pic.y", "0")]
    );
    assert_eq!(
        press("b", Some("3")).unwrap_err(),
        r#"no button "b=3" in the form"#
    );
    assert_eq!(
        press("c", None).unwrap_err(),
        r#"button "c" of the form is disabled"#
    );
    let none = filled("<form action=''><input type=hidden name=a></form>");
    assert_eq!((none.action, none.button, none.method), (None, None, Method::Get));
}

#[test]
fn a_base_of_the_page_changes_what_the_action_is_relative_to() {
    for (base, action, wanted) in [
        ("/app/", "save", Some("/app/save")),
        (
            "http://other.test/x/",
            "../save?a=1",
            Some("http://other.test/save?a=1"),
        ),
        ("/app/", "http://a.test/", Some("http://a.test/")),
        ("/app/", "", None),
        ("folder/", "save", Some("save")),
        ("//[", "save", Some("save")),
    ] {
        let html = format!("<base href='{base}'><form action='{action}'></form>");
        assert_eq!(filled(&html).action.as_deref(), wanted, "{base} {action}");
    }
}

#[test]
fn the_form_is_the_one_that_was_named_or_the_last() {
    let html = "<form id=search><input type=hidden name=q value=1></form><form id=answers class=page>\
                <input type=hidden name=a value=2></form>";
    let form = |form: &str| {
        let form = Some(form.to_owned());
        with(Fill { form, button: None }, html, &[])
    };
    assert_eq!(pairs(&form("#search").unwrap()), [("q", "1")]);
    assert_eq!(pairs(&form("form.page").unwrap()), [("a", "2")]);
    assert_eq!(pairs(&filled(html)), [("a", "2")]);
    assert_eq!(form("#other").unwrap_err(), r##"no form "#other" in the reply"##);
    assert!(form("a b").unwrap_err().starts_with("form \"a b\": "));
    let none = |body: &str| with(Fill::default(), body, &[]).unwrap_err();
    assert_eq!(none("<p>Come back later</p>"), "no form in the reply");
    assert_eq!(none("{\"json\": true}"), "no form in the reply");
    assert_eq!(none("\0\u{1}"), "no form in the reply");
    assert_eq!(
        none("<form method=dialog></form>"),
        "the form closes a dialog: it is never sent"
    );
}

#[test]
fn what_the_scenario_gives_wins_over_the_persona_and_the_page() {
    let html = "<form><input name=a value=1><input name=off disabled><input type=checkbox name=c value=x checked>\
                <input type=checkbox name=c value=y><input type=radio name=r value=1 checked>\
                <textarea name=t>old</textarea><button name=go value=1></button></form>";
    let given = [
        ("new", "n"),
        ("t", "line\nline"),
        ("c", "y"),
        ("c", "z"),
        ("off", "on"),
        ("a", "2"),
        ("go", "9"),
    ];
    assert_eq!(
        pairs(&with(Fill::default(), html, &given).unwrap()),
        [
            ("a", "2"),
            ("off", "on"),
            ("c", "y"),
            ("c", "z"),
            ("r", "1"),
            ("t", "line\r\nline"),
            ("go", "9"),
            ("new", "n"),
        ]
    );
}

const SCALE: &str = "<form><input type=radio name=q value=1><input type=radio name=q value=2>\
                     <input type=radio name=q value=3><input type=radio name=q value=4 disabled>\
                     <input type=radio name=q value=5></form>";

#[test]
fn questions_are_left_out_by_the_personas_share() {
    let persona = Persona {
        skip: 0.3,
        ..Persona::default()
    };
    let skipped = (1..=5_000).filter(|&p| filled_by(SCALE, &persona, p).fields.is_empty());
    let share = skipped.count() as f64 / 5_000.0;
    assert!(near(share, 0.3, 5_000), "{share}");
}

#[test]
fn every_enabled_choice_is_chosen_equally_often() {
    let mut counts = std::collections::BTreeMap::new();
    for person in 1..=4_000 {
        let sent = filled_by(SCALE, &Persona::default(), person);
        let chosen = value(&sent, "q").expect("nobody skips").to_owned();
        *counts.entry(chosen).or_insert(0_u64) += 1;
    }
    assert_eq!(counts.keys().collect::<Vec<_>>(), ["1", "2", "3", "5"]);
    for &count in counts.values() {
        assert!(near(count as f64 / 4_000.0, 0.25, 4_000), "{counts:?}");
    }
}

#[test]
fn required_questions_are_always_answered() {
    let html = "<form><input type=radio name=r value=1 required><input type=radio name=r value=2>\
                <input type=checkbox name=terms value=yes required><input name=text required>\
                <textarea name=t required></textarea><select name=s required><option value=''>choose</option>\
                <option>a</option><option>b</option></select><input type=number name=n required>\
                <input type=email name=e required></form>";
    for person in 1..200 {
        let sent = filled_by(html, &lazy(), person);
        let names: Vec<&str> = pairs(&sent).into_iter().map(|(n, _)| n).collect();
        assert_eq!(names, ["r", "terms", "text", "t", "s", "n", "e"]);
        assert!(
            pairs(&sent).iter().all(|(_, value)| !value.is_empty()),
            "{sent:?}"
        );
    }
}

#[test]
fn delivered_answers_are_mostly_kept() {
    let html = "<form><input type=radio name=r value=1><input type=radio name=r value=2 checked>\
                <input name=t value=old><select name=s><option>a<option selected>b<option>c</select></form>";
    for (name, old, by_chance) in [("r", "2", 0.5), ("t", "old", 0.0), ("s", "b", 1.0 / 3.0)] {
        let kept =
            (1..=3_000).filter(|&p| value(&filled_by(html, &Persona::default(), p), name) == Some(old));
        let share = kept.count() as f64 / 3_000.0;
        assert!(
            near(share, KEPT + (1.0 - KEPT) * by_chance, 3_000),
            "{name}: {share}"
        );
    }
}

#[test]
fn a_straight_liner_chooses_one_position_everywhere() {
    let seven = |one: &dyn Fn(u32) -> String| (1..=7).map(one).collect::<String>();
    let scale = |name: &str| seven(&|v| format!("<input type=radio name={name} value={v}>"));
    let boxes = seven(&|v| format!("<input type=checkbox name=b value={v}>"));
    let options = seven(&|v| format!("<option>{v}</option>"));
    let html = format!(
        "<form>{}{}{boxes}<select name=s><option value=''>choose</option>{options}</select>\
         <select name=m multiple>{options}</select></form>",
        scale("q1"),
        scale("q2")
    );
    let persona = Persona {
        straight_line: 1.0,
        ..Persona::default()
    };
    let mut positions = std::collections::BTreeSet::new();
    for person in 1..200 {
        let sent = filled_by(&html, &persona, person);
        let first = sent.fields[0].1.clone();
        assert_eq!(sent.fields.len(), 5, "{sent:?}");
        assert!(sent.fields.iter().all(|(_, value)| *value == first), "{sent:?}");
        positions.insert(first);
    }
    assert_eq!(positions.len(), 7, "people differ");
}

#[test]
fn long_texts_have_2000_awkward_characters_within_the_greatest_length() {
    let persona = Persona {
        long_text: 1.0,
        ..Persona::default()
    };
    let html = "<form><textarea name=long></textarea><textarea name=short maxlength=50></textarea><input name=line>\
                <input type=number name=n></form>";
    for person in 1..60 {
        let sent = filled_by(html, &persona, person);
        let long = value(&sent, "long").unwrap().replace("\r\n", "\n");
        assert_eq!(long.chars().count(), LONG);
        for awkward in ["\"", "'", "ü", "ß", "\n", "🙂", "&", "<", "\\", "+", "%"] {
            assert!(long.contains(awkward), "{awkward:?}");
        }
        assert_eq!(long.trim(), long, "applications trim");
        let short = value(&sent, "short").unwrap().replace("\r\n", "\n");
        assert!((49..=50).contains(&short.encode_utf16().count()), "{short:?}");
        let line = value(&sent, "line").unwrap();
        assert!(!line.contains(['\r', '\n']) && line.chars().count() == LONG);
        assert!(value(&sent, "n").unwrap().len() < 5);
    }
    let some = Persona {
        long_text: 0.1,
        ..Persona::default()
    };
    let is_long = |p: &u64| {
        value(&filled_by(html, &some, *p), "line")
            .unwrap()
            .chars()
            .count()
            == LONG
    };
    let share = (1..=3_000).filter(is_long).count() as f64 / 3_000.0;
    assert!(near(share, 0.1, 3_000), "{share}");
}

#[test]
fn typed_values_have_the_shape_of_their_type() {
    for (field, shape) in [
        ("type=email", r"^p\d+@example\.org$"),
        ("type=url", r"^https://example\.org/\d+$"),
        ("type=tel", r"^\+120255501\d\d$"),
        ("type=color", r"^#[0-9a-f]{6}$"),
        ("type=password minlength=20", r"^\w{20}$"),
        ("type=password maxlength=5", r"^\w{5}$"),
        ("type=date", r"^(199|200|201)\d-\d\d-\d\d$"),
        (
            "type=date min=2026-02-27 max=2026-03-02",
            r"^2026-0(2-2[78]|3-0[12])$",
        ),
        (
            "type=date min=2026-11-02 max=2026-12-01 step=7",
            r"^2026-11-(02|09|16|23|30)$",
        ),
        ("type=month min=2025-11 max=2026-02", r"^(2025-1[12]|2026-0[12])$"),
        ("type=week min=2026-W52 max=2027-W01", r"^(2026-W5[23]|2027-W01)$"),
        ("type=time", r"^[012]\d:[0-5]\d$"),
        ("type=time min=08:00 max=09:00 step=1800", r"^0(8:[03]0|9:00)$"),
        (
            "type=datetime-local min=2026-11-24T23:59 max=2026-11-25T00:01",
            r"^2026-11-2(4T23:59|5T00:0[01])$",
        ),
        ("type=number", r"^(\d\d?|100)$"),
        ("type=number min=-1 max=1 step=0.25", r"^(-1|-?0\.(25|5|75)|0|1)$"),
        ("type=number step=any min=5 max=5", r"^5$"),
        ("type=number min=9 max=3", r"^9$"),
        ("type=number min=1 max=10 step=5", r"^[16]$"),
        ("type=range min=0 max=1 step=0.1", r"^(0(\.[1-9])?|1)$"),
        (r"pattern='[A-Z]{2}-\d{3,5}'", r"^[A-Z]{2}-\d{3,5}$"),
        ("pattern='(yes|no)( please)?' maxlength=3", r"^(yes|no)$"),
        ("pattern='[0-9]+' minlength=4 maxlength=6", r"^\d{4,6}$"),
        (r"pattern='\w*' minlength=300", r"^[0-9A-Za-z_]{300,}$"),
        // Not simple: a text is better than nothing.
        ("pattern='(?=x)x'", r"^.+$"),
        ("pattern='['", r"^.+$"),
        ("pattern='(((()*)*)*)*'", r"^.+$"),
        ("maxlength=3", r"^.{1,3}$"),
        ("type=number min=zero step=-1 max=", r"^\d+$"),
        ("type=date min=yesterday step=x", r"^\d{4}-\d\d-\d\d$"),
    ] {
        let html = format!("<form><input name=x {field}></form>");
        let shape = regex::Regex::new(shape).unwrap();
        for person in 1..80 {
            let sent = filled_by(&html, &Persona::default(), person);
            let value = value(&sent, "x").expect(field);
            assert!(shape.is_match(value), "{field}: {value:?} is not {shape}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_answers_and_another_gives_others() {
    let html = "<form><input type=radio name=r value=1><input type=radio name=r value=2>\
                <textarea name=t></textarea><input name=n type=number></form>";
    let seeded = |seed: u64| -> Vec<_> {
        let persona = Persona {
            seed,
            skip: 0.2,
            ..Persona::default()
        };
        (1..50).map(|p| filled_by(html, &persona, p)).collect()
    };
    assert_eq!(seeded(7), seeded(7));
    assert_ne!(seeded(7), seeded(8));
}

/// One question of a generated form: its HTML, its values, whether it must be answered.
#[derive(Debug, Clone)]
struct Question {
    html: String,
    name: String,
    values: Vec<String>,
    required: bool,
}

/// A question of radio buttons (kind 0), boxes (1) or a select (2), with choices that are disabled or delivered chosen.
fn question(number: usize, kind: u8, required: bool, choices: &[(bool, bool)]) -> Question {
    let name = format!("q{number}");
    let must = if required { "required" } else { "" };
    let mut html = String::new();
    let mut values = Vec::new();
    for (v, &(disabled, chosen)) in choices.iter().enumerate() {
        let off = if disabled { "disabled" } else { "" };
        let (checked, selected) = if chosen { ("checked", "selected") } else { ("", "") };
        html += &match kind {
            0 => format!("<input type=radio name={name} value=v{v} {must} {off} {checked}>"),
            1 => format!("<input type=checkbox name={name} value=v{v} {off} {checked}>"),
            _ => format!("<option value=v{v} {off} {selected}>"),
        };
        if !disabled {
            values.push(format!("v{v}"));
        }
    }
    if kind == 2 {
        html = format!("<select name={name} {must}>{html}</select>");
    }
    Question {
        html,
        name,
        required: required && kind != 1 && !values.is_empty(),
        values,
    }
}

fn questions() -> impl Strategy<Value = Vec<Question>> {
    let choices = proptest::collection::vec((any::<bool>(), any::<bool>()), 1..6);
    proptest::collection::vec((0..3_u8, any::<bool>(), choices), 1..8).prop_map(|drawn| {
        let numbered = drawn.into_iter().enumerate();
        numbered
            .map(|(i, (kind, required, choices))| question(i, kind, required, &choices))
            .collect()
    })
}

/// Markup in any order.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "<form id=f>",
        "</form>",
        "<input name=a required>",
        "<input type=radio name=r checked>",
        "<input type=radio name=r disabled checked>",
        "<input type=checkbox name=r required>",
        "<select name=s multiple required>",
        "<select name=s>",
        "</select>",
        "<option>",
        "<option disabled selected value=1>",
        "<textarea name=t maxlength=0 required>",
        "</textarea>",
        "<fieldset disabled>",
        "</fieldset>",
        "<button name=a>",
        "<input form=f name=a type=file>",
        "<base href=//[>",
        "<template>",
        "</template>",
        "<input type=image>",
        "<noscript>",
        "</noscript>",
        "<!--",
        "-->",
    ]);
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn only_what_was_delivered_is_chosen_and_what_is_required_is(
        questions in questions(), person in 1_u64..1000, skip in 0.0..=1.0_f64, straight in any::<bool>(),
    ) {
        let html: String = questions.iter().map(|q| q.html.as_str()).collect();
        let persona = Persona { skip, straight_line: f64::from(u8::from(straight)), ..Persona::default() };
        let sent = filled_by(&format!("<form>{html}</form>"), &persona, person);
        for (name, value) in &sent.fields {
            let question = questions.iter().find(|q| q.name == *name).expect("only questions are sent");
            prop_assert!(question.values.contains(value), "{name}={value} of {}", question.html);
        }
        for question in &questions {
            let times = sent.fields.iter().filter(|(name, _)| *name == question.name).count();
            prop_assert!(!question.required || times == 1, "{times} × {}", question.html);
            prop_assert!(times <= 1 || question.html.contains("checkbox"), "{times} × {}", question.html);
        }
    }

    #[test]
    fn numbers_keep_to_bounds_and_steps(
        min in -1000..1000_i32, width in 0..500_i32, step in 1..40_i32, tenths in any::<bool>(), person in 1_u64..100,
    ) {
        let scale = if tenths { 10.0 } else { 1.0 };
        let (min, max, step) = (f64::from(min) / scale, f64::from(min + width) / scale, f64::from(step) / scale);
        let html = format!("<form><input type=number name=x min={min} max={max} step={step}></form>");
        let sent = filled_by(&html, &Persona::default(), person);
        let x: f64 = value(&sent, "x").unwrap().parse().unwrap();
        prop_assert!(min - 1e-9 <= x && x <= max + 1e-9, "{html}: {x}");
        let steps = (x - min) / step;
        prop_assert!((steps - steps.round()).abs() < 1e-6, "{html}: {x}");
    }

    #[test]
    fn no_attribute_makes_it_panic(
        kind in prop::sample::select(vec![
            "number", "range", "date", "month", "week", "time", "datetime-local", "text", "email",
        ]),
        values in proptest::collection::vec("[-+0-9eE.:TW ]{0,12}|\\PC{0,6}|[0-9]{4}-[0-9]{2}-[0-9]{2}|9{1,20}", 6),
        pattern in "[a-z\\\\dws.*+?{}()|0-9^$\\[\\]-]{0,12}",
        person in 1_u64..50,
    ) {
        let quoted = |text: &str| text.replace('&', "&amp;").replace('"', "&quot;");
        let mut html = format!("<form><input required type={kind} name=x pattern=\"{}\"", quoted(&pattern));
        for (name, value) in ["min", "max", "step", "value", "minlength", "maxlength"].iter().zip(&values) {
            html += &format!(" {name}=\"{}\"", quoted(value));
        }
        prop_assert_eq!(filled_by(&(html + "></form>"), &Persona::default(), person).fields.len(), 1);
    }

    #[test]
    fn no_page_makes_it_panic(
        noise in proptest::collection::vec(any::<u8>(), 0..100), soup in soup(), person in 1_u64..50,
    ) {
        let persona = Persona { skip: 0.5, long_text: 0.5, straight_line: 0.5, ..Persona::default() };
        let state = PersonaState::new(&persona, person);
        for page in [soup, noise] {
            let once = fill(&page, &Fill::default(), &[], &state, &mut dice(1, person));
            let again = fill(&page, &Fill::default(), &[], &state, &mut dice(1, person));
            prop_assert_eq!(once, again);
        }
    }
}
