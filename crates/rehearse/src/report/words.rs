//! Figures as people read them, the same in the terminal, the HTML report and the live view.

/// A time given in µs, with three significant digits, in ms or s: `0.085 ms`, `1.23 ms`, `850 ms`, `12.3 s`.
pub fn time(us: u64) -> String {
    let ms = us as f64 / 1000.0;
    match us {
        0 => "0 ms".into(),
        1..100 => format!("{ms:.3} ms"),
        100..9_995 => format!("{ms:.2} ms"),
        9_995..99_950 => format!("{ms:.1} ms"),
        99_950..999_500 => format!("{ms:.0} ms"),
        999_500..9_995_000 => format!("{:.2} s", ms / 1000.0),
        9_995_000..99_950_000 => format!("{:.1} s", ms / 1000.0),
        _ => format!("{} s", count((us + 500_000) / 1_000_000)),
    }
}

/// A span given in seconds, as a person says it: `4.2 s`, `62 s`, `4 min 2 s`, `1 h 3 min`.
pub fn span(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..10 => format!("{:.1} s", seconds.max(0.0)),
        10..120 => format!("{whole} s"),
        120..7200 => match (whole / 60, whole % 60) {
            (minutes, 0) => format!("{minutes} min"),
            (minutes, rest) => format!("{minutes} min {rest} s"),
        },
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A count with its thousands apart: `1,234,567`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rate, with one decimal when it is small: `0.5`, `9.3`, `12,345`.
pub fn rate(per: f64) -> String {
    if per < 9.95 && per > 0.0 {
        format!("{per:.1}")
    } else {
        count(per.max(0.0).round() as u64)
    }
}

/// A share between 0 and 1 in per cent. What is not nothing never reads `0 %`, what is not all never `100 %`.
pub fn share(part: f64) -> String {
    let percent = part * 100.0;
    if percent <= 0.0 {
        "0 %".into()
    } else if percent < 0.001 {
        "<0.001 %".into()
    } else if percent < 0.1 {
        format!("{percent:.3} %")
    } else if percent < 1.0 {
        format!("{percent:.2} %")
    } else if percent < 99.95 {
        format!("{percent:.1} %")
    } else if percent < 100.0 {
        ">99.9 %".into()
    } else {
        "100 %".into()
    }
}

/// Bytes in decimal units: `512 B`, `1.5 kB`, `12 MB`, `3.2 GB`.
pub fn bytes(n: u64) -> String {
    let mut value = n as f64;
    let mut unit = "B";
    for next in ["kB", "MB", "GB", "TB"] {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    if unit == "B" || value >= 9.95 {
        format!("{value:.0} {unit}")
    } else {
        format!("{value:.1} {unit}")
    }
}

/// The text, or as much of it as fits into `width` characters with an ellipsis at its end.
pub fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    if width > 0 {
        cut.push('…');
    }
    cut
}

/// The text as one line: control characters, which could move a terminal's cursor, become spaces.
pub fn line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_change_units_where_they_round_up() {
        for (us, text) in [
            (0, "0 ms"),
            (45, "0.045 ms"),
            (850, "0.85 ms"),
            (9_994, "9.99 ms"),
            (9_995, "10.0 ms"),
            (99_949, "99.9 ms"),
            (99_950, "100 ms"),
            (999_499, "999 ms"),
            (999_500, "1.00 s"),
            (61_234_000, "61.2 s"),
            (3_600_000_000, "3,600 s"),
        ] {
            assert_eq!(time(us), text, "{us} µs");
        }
    }

    #[test]
    fn shares_never_round_to_nothing_or_to_all() {
        assert_eq!(share(0.0), "0 %");
        assert_eq!(share(1e-7), "<0.001 %");
        assert_eq!(share(0.00012), "0.012 %");
        assert_eq!(share(0.01), "1.0 %");
        assert_eq!(share(0.99999), ">99.9 %");
        assert_eq!(share(1.0), "100 %");
    }

    #[test]
    fn counts_rates_bytes_and_spans() {
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(rate(0.25), "0.2");
        assert_eq!(rate(12_345.4), "12,345");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_500), "1.5 kB");
        assert_eq!(bytes(31_000_000_000), "31 GB");
        assert_eq!(span(4.21), "4.2 s");
        assert_eq!(span(242.3), "4 min 2 s");
        assert_eq!(span(7_380.0), "2 h 3 min");
    }

    #[test]
    fn text_is_cut_at_its_width_and_stays_on_its_line() {
        assert_eq!(fit("größer", 6), "größer");
        assert_eq!(fit("größeres", 6), "größe…");
        assert_eq!(line("a\r\n\u{1b}[2J b"), "a [2J b");
    }
}
