use proptest::prelude::*;

use super::*;

fn seconds(n: f64) -> Duration {
    Duration::from_secs_f64(n)
}

fn rate(text: &str) -> Rate {
    parse_rate(text).expect(text)
}

fn stages(texts: &[&str]) -> Curve {
    let stages: Vec<Stage> = texts.iter().map(|text| parse_stage(text).expect(text)).collect();
    Curve::stages(&stages)
}

fn day(text: &str) -> Curve {
    Day::parse(text).expect(text).curve(1.0).expect(text)
}

#[test]
fn a_constant_rate_is_exact_for_everybody() {
    let curve = Curve::constant(rate("556/s"), seconds(180.0));
    assert_eq!((curve.people(), curve.length()), (100_080, seconds(180.0)));
    for i in [0, 1, 555, 556, 557, 55_600, 100_079] {
        let exact = u128::from(i) * 1_000_000_000 / 556;
        assert_eq!(curve.due(i).as_nanos(), exact, "{i}");
    }
    assert_eq!(curve.due(55_600), seconds(100.0));
    assert_eq!(curve.due(100_080), seconds(180.0), "nobody");
    let hours = Curve::constant(takers_per_hour(1_000_000), Duration::from_secs(36_000));
    assert_eq!(hours.people(), 10_000_000);
    assert_eq!(
        hours.due(9_000_000),
        Duration::from_secs(32_400),
        "ten hours do not drift"
    );
}

#[test]
fn everybody_who_is_due_before_the_end_comes() {
    for (rate_text, length, people) in [
        ("1/h", 60.0, 1),
        ("1/s", 10.0, 10),
        ("1/s", 10.5, 11),
        ("3/m", 60.0, 3),
        ("0.5/s", 3.0, 2),
        ("0/s", 10.0, 0),
    ] {
        let curve = Curve::constant(rate(rate_text), seconds(length));
        assert_eq!(curve.people(), people, "{rate_text} for {length}");
        assert!(people == 0 || curve.due(people - 1) < curve.length());
    }
}

#[test]
fn ramps_and_steps_follow_their_formula() {
    let curve = stages(&[
        "0..500/s over 1m",
        "500/s for 5m",
        "500/s..100/s over 10s",
        "0/s for 1m",
        "1/s for 10s",
    ]);
    assert_eq!(curve.people(), 15_000 + 150_000 + 3_000 + 10);
    assert_eq!(curve.length(), Duration::from_secs(60 + 300 + 10 + 60 + 10));
    // 500/60 · t²/2 people until t on the ramp: person i at sqrt(i · 0.24).
    for i in [0, 1, 100, 14_999] {
        let formula = (i as f64 * 0.24).sqrt();
        assert!((curve.due(i).as_secs_f64() - formula).abs() < 1e-8, "{i}");
    }
    assert_eq!(curve.due(15_000), seconds(60.0));
    assert_eq!(curve.due(15_001), seconds(60.002));
    assert_eq!(curve.due(165_000), seconds(360.0));
    assert_eq!(curve.due(168_000), seconds(430.0), "nobody comes in a pause");
    assert_eq!(curve.due(168_009), seconds(439.0));
    assert_eq!(curve.expected(seconds(400.0)), 168_000.0);
}

#[test]
fn a_lead_in_comes_before_a_constant_rate() {
    let to = rate("100/s");
    let constant = Stage {
        from: to,
        to,
        length: seconds(10.0),
    };
    let curve = Curve::stages(&[Stage::lead_in(to, seconds(30.0)), constant]);
    assert_eq!((curve.people(), curve.due(1_500)), (2_500, seconds(30.0)));
}

#[test]
fn rates_and_stages_are_read_and_written() {
    for (text, per_second, shown) in [
        ("556/s", 556.0, "556/s"),
        (" 30 / m ", 0.5, "30/m"),
        ("50000/h", 50_000.0 / 3_600.0, "50000/h"),
        ("1_000_000/h", 1e6 / 3_600.0, "1000000/h"),
        ("0.25/s", 0.25, "15/m"),
        ("60/m", 1.0, "1/s"),
        ("0/s", 0.0, "0/s"),
    ] {
        let rate = rate(text);
        assert!((rate.per_second() - per_second).abs() < 1e-9, "{text}");
        assert_eq!(rate.to_string(), shown);
        assert_eq!(parse_rate(shown).unwrap(), rate);
    }
    assert_eq!(rate("60/m"), rate("1/s"));
    assert_eq!(takers_per_hour(3_600), rate("1/s"));
    for wrong in [
        "",
        "556",
        "/s",
        "5/d",
        "-1/s",
        "1e3/s",
        "1.2.3/s",
        "./s",
        "0.0000001/s",
        "99999999999999999999/s",
        "٣/s",
    ] {
        let message = parse_rate(wrong).unwrap_err().to_string();
        assert_eq!(
            message,
            format!("{wrong:?} is no rate: write it as 556/s, 30/m or 50000/h")
        );
    }
    assert!(
        parse_rate("200000000000/s")
            .unwrap_err()
            .to_string()
            .contains("any machine")
    );
    let stage = parse_stage("10..20/m over 90s").unwrap();
    assert_eq!(
        (stage.from, stage.to, stage.length),
        (rate("10/m"), rate("20/m"), seconds(90.0))
    );
    assert_eq!(
        parse_stage("1/s..60/m for 1m").unwrap(),
        parse_stage("1/s for 1m").unwrap()
    );
    for (wrong, why) in [
        ("500/s", "write it as"),
        ("500/s for", "write it as"),
        ("0..500 over 1m", "write it as"),
        ("500/x for 5m", "\"500/x\" is no rate"),
        ("1..x/s for 5m", "\"x/s\" is no rate"),
        ("500/s for 5 weeks", "is no length of time"),
        ("500/s for 0s", "lasts no time"),
    ] {
        let message = parse_stage(wrong).unwrap_err().to_string();
        assert!(
            message.starts_with(&format!("stage {wrong:?}")) && message.contains(why),
            "{message}"
        );
    }
}

#[test]
fn a_days_segments_are_kept_to_their_clock_and_shape() {
    let curve = day(r#"
        starts = "07:30"
        ends = "18:00"
        [[segment]]
        from = "08:00"
        to = "08:45"
        people = 2700
        every = "1h"
        times = 6
    "#);
    assert_eq!(
        (curve.people(), curve.length()),
        (16_200, Duration::from_secs(37_800))
    );
    assert_eq!(curve.due(0), Duration::from_secs(1_800));
    assert_eq!(curve.due(1), Duration::from_secs(1_801));
    assert_eq!(curve.due(2_699), Duration::from_secs(1_800 + 2_699));
    assert_eq!(
        curve.due(2_700),
        Duration::from_secs(1_800 + 3_600),
        "the next class waits for its hour"
    );
    let shaped = |shape: &str, at: &str| {
        let text = format!("[[segment]]\nfrom=\"00:00\"\nlasts=\"100s\"\npeople=10000\n{shape}");
        day(&text).expected(seconds(at.parse().expect(at)))
    };
    for (shape, at, people) in [
        ("", "25", 2_500.0),
        ("shape = \"ramp up\"", "50", 2_500.0),
        ("shape = \"ramp down\"", "50", 7_500.0),
        // Half of what comes in infinite time comes in a half-life: 0.5 / (1 - 2^-10).
        (
            "shape = \"burst\"\nhalf_life = \"10s\"",
            "10",
            5_000.0 / (1.0 - 2_f64.powi(-10)),
        ),
        (
            "shape = \"surge\"\nhalf_life = \"10s\"",
            "90",
            10_000.0 - 5_000.0 / (1.0 - 2_f64.powi(-10)),
        ),
        ("shape = \"burst\"", "100", 10_000.0),
        ("shape = \"surge\"\nhalf_life = \"1ms\"", "99.9", 0.0),
    ] {
        assert!(
            (shaped(shape, at) - people).abs() < 1e-6,
            "{shape} at {at}: {}",
            shaped(shape, at)
        );
    }
}

#[test]
fn speed_compresses_the_day_and_keeps_its_people() {
    let day = Day::parse("[[segment]]\nfrom=\"8:00\"\nto=\"9:00\"\npeople=3600").unwrap();
    assert_eq!((day.people(), day.length()), (3_600, Duration::from_secs(3_600)));
    let fast = day.curve(60.0).unwrap();
    assert_eq!((fast.people(), fast.length()), (3_600, Duration::from_secs(60)));
    assert_eq!(fast.due(1_800), Duration::from_secs(30));
    for speed in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e12, 1e-12] {
        let message = day.curve(speed).unwrap_err().to_string();
        assert!(message.starts_with(&format!("speed {speed}: ")), "{message}");
    }
}

#[test]
fn what_is_wrong_with_a_day_is_one_line_with_its_place() {
    let segment = |rest: &str| format!("[[segment]]\nname = \"x\"\n{rest}");
    let good = "from = \"08:00\"\nto = \"09:00\"\npeople = 5\n";
    for (text, why) in [
        (String::new(), "there is no [[segment]]: nobody would come"),
        (
            "star = 1\n".into(),
            "line 1: unknown key \"star\", did you mean \"starts\"?",
        ),
        (
            segment(&format!("{good}peple = 1")),
            "line 6: unknown key \"peple\", did you mean \"people\"?",
        ),
        (
            segment(&format!("{good}half-life = \"1m\"")),
            "line 6: unknown key \"half-life\", did you mean \"half_life\"?",
        ),
        (
            segment(&format!("{good}zzz = 1")),
            "line 6: unknown key \"zzz\"; there are name, from, to, lasts,",
        ),
        (segment("to = \"09:00\"\npeople = 5"), "line 1: from is missing"),
        (
            segment("from = \"08:00\"\npeople = 5"),
            "line 1: segment 1 \"x\": say either to = ",
        ),
        (
            segment(&format!("{good}lasts = \"1m\"")),
            "line 1: segment 1 \"x\": say either to = ",
        ),
        (
            segment("from = \"09:00\"\nto = \"08:00\"\npeople = 5"),
            "to = \"08:00\" is not behind from = \"09:00\"",
        ),
        (
            segment("from = \"09:00\"\nto = \"09:00\"\npeople = 5"),
            "to = \"09:00\" is not behind",
        ),
        (
            segment("from = \"08:00\"\nto = \"09:00\"\npeople = 0"),
            "people = 0: it must be from 1 to",
        ),
        (
            segment("from = \"08:00\"\nto = \"09:00\"\npeople = -5"),
            "people = -5: it must be from 1 to",
        ),
        (
            segment("from = \"08:00\"\nto = \"09:00\"\npeople = 1.5"),
            "line 5: invalid type",
        ),
        (
            segment("from = \"8 o'clock\"\nto = \"09:00\"\npeople = 1"),
            "\"8 o'clock\" is no time of day",
        ),
        (
            segment("from = \"08:60\"\nto = \"09:00\"\npeople = 1"),
            "\"08:60\" is no time of day",
        ),
        (
            segment("from = \"08:00:00:00\"\nto = \"09:00\"\npeople = 1"),
            "is no time of day",
        ),
        (
            segment(&format!("{good}shape = \"rampup\"")),
            "did you mean \"ramp up\"?",
        ),
        (
            segment(&format!("{good}half_life = \"1m\"")),
            "half_life means nothing for shape = \"even\"",
        ),
        (
            segment(&format!("{good}shape = \"burst\"\nhalf_life = \"0s\"")),
            "half_life = \"0s\": it must be more than 0",
        ),
        (
            segment(&format!("{good}shape = \"burst\"\nhalf_life = \"soon\"")),
            "half_life: \"soon\" is no length of time",
        ),
        (
            segment(&format!("{good}every = \"1h\"")),
            "every and times go together",
        ),
        (
            segment(&format!("{good}every = \"1h\"\ntimes = 0")),
            "times: it must be from 1 to 1000",
        ),
        (
            segment(&format!("{good}every = \"1s\"\ntimes = 1000\n{}", segment(good))),
            "more than 1000 segments",
        ),
        (
            format!("starts = \"08:30\"\n{}", segment(good)),
            "starts = \"08:30\", but a segment begins at 08:00 already",
        ),
        (
            format!("ends = \"08:30\"\n{}", segment(good)),
            "ends = \"08:30\", but a segment goes on until 09:00",
        ),
        (
            format!("ends = \"late\"\n{}", segment(good)),
            "ends: \"late\" is no time of day",
        ),
        ("[[segment]\n".into(), "line 1: "),
    ] {
        let message = Day::parse(&text).unwrap_err().to_string();
        assert!(
            message.contains(why) && !message.contains('\n'),
            "{text}\n→ {message}"
        );
    }
    let missing = Day::read(std::path::Path::new("/nowhere/day.toml")).unwrap_err();
    assert!(missing.to_string().starts_with("/nowhere/day.toml: "));
}

#[test]
fn the_day_that_is_shipped_is_the_one_in_its_documentation() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let day = Day::read(&root.join("rehearsals/school-day.toml")).unwrap();
    let documentation = std::fs::read_to_string(root.join("docs/day.md")).unwrap();
    let picture = day.picture(58);
    assert!(
        documentation.contains(&picture),
        "docs/day.md should show:\n{picture}"
    );
}

#[test]
fn independent_people_come_in_clusters_but_all_of_them() {
    let curve = stages(&["0..100/s over 10s", "100/s for 100s"]);
    let jittered = curve.clone().poisson(7);
    assert_eq!(
        (jittered.people(), jittered.length()),
        (curve.people(), curve.length())
    );
    let moments: Vec<Duration> = jittered.iter_from(0, 1).map(|(_, due)| due).collect();
    assert_eq!(moments.len(), 10_500);
    assert!(moments.is_sorted() && moments.iter().all(|due| *due <= jittered.length()));
    // Of a Poisson process the variance of the counts is their mean; of even spacing it is next to nothing.
    let second = |s: u32| {
        let (from, to) = (seconds(f64::from(s)), seconds(f64::from(s + 1)));
        (jittered.due_by(to) - jittered.due_by(from)) as f64
    };
    let variance = (10..110).map(|s| (second(s) - 100.0).powi(2)).sum::<f64>() / 100.0;
    assert!((50.0..200.0).contains(&variance), "{variance}");
    let again: Vec<Duration> = curve
        .clone()
        .poisson(7)
        .iter_from(0, 1)
        .map(|(_, due)| due)
        .collect();
    let other: Vec<Duration> = curve
        .clone()
        .poisson(8)
        .iter_from(0, 1)
        .map(|(_, due)| due)
        .collect();
    assert!(moments == again && moments != other);
    assert_eq!(Curve::constant(Rate::ZERO, seconds(1.0)).poisson(1).people(), 0);
}

/// Segments that overlap in every way, over two hours.
fn any_day() -> impl Strategy<Value = String> {
    let shape = prop::sample::select(vec!["even", "ramp up", "ramp down", "burst", "surge"]);
    let segment = (
        0..3_600_u64,
        1..3_600_u64,
        1..3_000_u64,
        shape,
        1..2_000_u64,
        1..4_u64,
    );
    proptest::collection::vec(segment, 1..6).prop_map(|segments| {
        let clock = |s: u64| format!("{:02}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60);
        let written = |(from, length, people, shape, half_life, times): (u64, u64, u64, &str, u64, u64)| {
            let mut text = format!(
                "[[segment]]\nfrom = {:?}\nto = {:?}\npeople = {people}\nshape = {shape:?}\nevery = \"20m\"\ntimes = {times}\n",
                clock(from),
                clock(from + length),
            );
            if ["burst", "surge"].contains(&shape) {
                text += &format!("half_life = \"{half_life}s\"\n");
            }
            text
        };
        segments.into_iter().map(written).collect()
    })
}

/// Moments in order, all people, and in any window as many as the curve has, ±1.
fn follows(curve: &Curve) -> Result<(), TestCaseError> {
    let moments: Vec<Duration> = curve.iter_from(0, 1).map(|(_, due)| due).collect();
    prop_assert_eq!(moments.len() as u64, curve.people());
    prop_assert!(moments.is_sorted(), "decreasing");
    prop_assert!(moments.last().is_none_or(|last| *last <= curve.length()));
    let steps = 97_u32;
    for a in 0..steps {
        let from = curve.length() * a / steps;
        for b in [a + 1, (a + 13).min(steps), steps] {
            // The last nanosecond included: `due_by` counts those before.
            let to = curve.length() * b / steps + Duration::from_nanos(u64::from(b == steps));
            let came = (curve.due_by(to) - curve.due_by(from)) as f64;
            let wanted = curve.expected(to) - curve.expected(from);
            prop_assert!(
                (came - wanted).abs() <= 1.0 + 1e-3,
                "{came} came, not {wanted}, from {from:?} to {to:?}"
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_day_follows_its_curve(text in any_day(), speed in 1.0..1_000.0_f64) {
        let day = Day::parse(&text).expect("the day is well written");
        let curve = day.curve(speed).expect("the speed is sensible");
        prop_assert_eq!(curve.people(), day.people());
        follows(&curve)?;
    }

    #[test]
    fn any_stages_follow_their_curve(
        drawn in proptest::collection::vec((0..300_u32, 0..300_u32, any::<bool>(), 1..20_000_u64), 1..6),
    ) {
        let stage = |(from, to, constant, millis): (u32, u32, bool, u64)| Stage {
            from: rate(&format!("{from}/s")),
            to: rate(&format!("{}/s", if constant { from } else { to })),
            length: Duration::from_millis(millis),
        };
        let stages: Vec<Stage> = drawn.into_iter().map(stage).collect();
        let curve = Curve::stages(&stages);
        let wanted: f64 = stages.iter().map(Stage::people).sum();
        prop_assert!((wanted..wanted + 1.0 + 1e-5).contains(&(curve.people() as f64 + 1e-5)), "{wanted}");
        follows(&curve)?;
    }

    #[test]
    fn threads_share_the_people_without_a_gap(people in 1..500_u64, threads in 1..7_u64, seed in any::<u64>()) {
        let curve = Curve::constant(Rate { people, nanos: 1_000_000_000 }, seconds(1.0)).poisson(seed);
        let mut all: Vec<(u64, Duration)> = (0..threads).flat_map(|t| curve.iter_from(t, threads)).collect();
        all.sort_unstable();
        prop_assert_eq!(all, curve.iter_from(0, 1).collect::<Vec<_>>());
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,40}", clock in "[0-9:.]{0,9}", n in any::<i64>()) {
        let _ = (parse_rate(&text), parse_stage(&text), Day::parse(&text), parse_rate(&format!("{clock}/s")));
        let day = format!("starts={clock:?}\n[[segment]]\nfrom={clock:?}\nto=\"99:59:59\"\npeople={n}\nevery=\"99h\"\ntimes=9");
        if let Ok(day) = Day::parse(&day) {
            let _ = (day.picture(64), day.curve(1e6));
        }
    }
}
