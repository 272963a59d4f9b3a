use super::*;

const WHOLE: &str = r##"
name = "Shop"
target = "http://127.0.0.1:8000"
data = "people.csv"
columns = ["user"]

[persona]
seed = 7
leave = 0.25
resume_after = "1m"

[[fault]]
at = "60s"
run = "true"

[[journey]]
name = "buy"
weight = 3

[[journey.step]]
name = "front"
path = "/"
think = "2s ± 50%"
[[journey.step.extract]]
name = "csrf"
input = "csrfmiddlewaretoken"
[[journey.step.check]]
status = [200, 304]

[[journey.step]]
name = "order"
path = "/orders/${user|url}?n=${n}"
form = [["item", "1"], ["item", "2"], ["csrf", "${csrf}"]]
repeat = 3
until = "^/done"
set = { stamp = "${now_us}", copy = "${stamp}" }
acknowledge = { user = "${user}", stamp = "${stamp}" }

[[journey.step]]
name = "answers"
fill = { form = "#answers", button = "next=1" }

[[journey]]
name = "look"
[[journey.step]]
path = "/"
"##;

fn complaint(text: &str) -> String {
    parse(text, Path::new(".")).unwrap_err().to_string()
}

#[test]
fn a_whole_scenario_is_read() {
    let scenario = parse(WHOLE, Path::new("/there")).unwrap();
    assert_eq!(scenario.data.as_deref(), Some(Path::new("/there/people.csv")));
    assert_eq!(scenario.slots, ["user", "csrf", "stamp", "copy"]);
    assert_eq!((scenario.persona.seed, scenario.persona.leave), (7, 0.25));
    assert_eq!(scenario.faults[0].at, Duration::from_secs(60));
    let [buy, look] = scenario.journeys.as_slice() else {
        panic!("two journeys")
    };
    assert_eq!(
        (buy.weight, look.weight, look.steps[0].name.as_str()),
        (3.0, 1.0, "step 1")
    );
    assert_eq!(
        buy.steps[0].think,
        Think {
            mean: Duration::from_secs(2),
            spread: Duration::from_secs(1)
        }
    );
    let Body::Form(fields) = &buy.steps[1].body else {
        panic!("a form")
    };
    assert_eq!(
        fields.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["item", "item", "csrf"]
    );
    let fill = buy.steps[2].fill.as_ref().unwrap();
    assert_eq!(fill.button, Some(("next".into(), Some("1".into()))));
}

#[test]
fn lengths_of_time() {
    for (text, millis) in [
        ("300ms", 300),
        ("2s", 2000),
        ("1.5m", 90_000),
        (" 1 h", 3_600_000),
    ] {
        assert_eq!(duration(text).unwrap(), Duration::from_millis(millis), "{text}");
    }
    for text in ["", "2", "s", "-1s", "2 weeks", "1e999s"] {
        assert!(
            duration(text).unwrap_err().to_string().contains("300ms"),
            "{text}"
        );
    }
    assert_eq!(think("2s +- 500ms").unwrap().spread, Duration::from_millis(500));
    assert!(think("2s ± 150%").is_err());
    assert!(think("1s ± 2s").is_err());
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let step = |inside: &str| format!("[[step]]\nname = \"s\"\npath = \"/\"\n{inside}");
    for (text, part) in [
        ("name = 3", "line 1: "),
        ("", "no [[step]]"),
        ("\n\nnmae = \"x\"", "line 3: unknown field `nmae`"),
        (step("path2 = 1").as_str(), "unknown field `path2`"),
        (
            step("form = { a = \"${nobody}\" }").as_str(),
            "step \"s\": ${nobody}: nothing is called \"nobody\" before this place",
        ),
        (step("json = \"{}\"\ntext = \"x\"").as_str(), "only one of form"),
        (step("repeat = 0").as_str(), "at least 1"),
        (step("method = \"FETCH\"").as_str(), "no method \"FETCH\""),
        (step("until = \"(\"").as_str(), "expression \"(\""),
        (
            step("headers = { Host = \"x\" }").as_str(),
            "written by the client itself",
        ),
        (step("[[step.check]]\nequals = \"1\"").as_str(), "exactly one of"),
        (step("[[step.check]]\nstatus = 20").as_str(), "no status 20"),
        (step("[[step.check]]\njson = \"ok\"").as_str(), "\"/ok\""),
        (step("[[step.extract]]\nname = \"x\"").as_str(), "says not where"),
        (
            step("[[step.extract]]\nname = \"n\"\ninput = \"n\"").as_str(),
            "meaning of its own",
        ),
        (
            step("[[step]]\nname = \"s\"\npath = \"/\"").as_str(),
            "two steps are called \"s\"",
        ),
        (step("file = \"missing.png\"").as_str(), "missing.png"),
        (
            "[persona]\nleave = 2\n[[step]]\npath = \"/\"",
            "leave = 2 is no share",
        ),
        ("[[step]]\nfill = {}", "an earlier step"),
        ("[[step]]\npath = \"there\"", "must begin with /"),
        ("[[step]]\npath = \"/a b\"", "percent-encoded"),
    ] {
        let message = complaint(text);
        assert!(message.contains(part), "{text}\n  says: {message}");
        assert!(!message.contains('\n'), "one line: {message}");
    }
}

#[test]
fn a_name_is_known_only_after_its_definition_and_only_on_its_journey() {
    let two = r#"
[[journey]]
name = "a"
[[journey.step]]
path = "/"
set = { x = "1" }
[[journey]]
name = "b"
[[journey.step]]
path = "/${x}"
"#;
    assert!(complaint(two).contains("nothing is called \"x\""));
}
