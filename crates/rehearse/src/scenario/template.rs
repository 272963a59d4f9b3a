//! Texts with `${names}` in them, resolved to slots when the scenario is read.
//!
//! ```text
//! ${code}            a column of the data file, or what `set` or `extract` gave
//! ${code|url}        percent-encoded; |json escaped for the inside of a JSON string; |decoded percent-decoded, as scripts
//!                    read cookies
//! ${person} ${n}     the person's number from 1; how often this step was done, from 1
//! ${now_us} ${now_ms} ${now_s}   the time since 1970
//! ${random(1,6)} ${pick(a,b,c)} ${hex(16)} ${uuid}   drawn from the persona's seed
//! ```

use std::time::{SystemTime, UNIX_EPOCH};

/// An index into a person's [`Values`].
pub type Slot = usize;

/// A person's own random numbers: the same for the same seed and person.
pub type Dice = fastrand::Rng;

/// What a person knows: one text for each slot of the scenario, and the two counters.
#[derive(Debug, Clone, Default)]
pub struct Values {
    /// By slot.
    pub texts: Vec<Option<Box<str>>>,
    /// The person's number, from 1.
    pub person: u64,
    /// How often the present step was done, from 1.
    pub n: u32,
}

/// A text with names in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Value(What, Escape),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Slot(Slot),
    Person,
    N,
    NowUs,
    NowMs,
    NowS,
    Random(i64, i64),
    Pick(Vec<Box<str>>),
    Hex(usize),
    Uuid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    None,
    Url,
    Json,
    Decoded,
}

/// A slot that has no value yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing(
    /// Which.
    pub Slot,
);

impl Template {
    /// Reads a template; `slot` gives the slot of a name, or None when there is no such name.
    ///
    /// # Errors
    /// A sentence about what is wrong: an unclosed `${`, an unknown name or function, bad arguments.
    pub fn read(text: &str, slot: &mut dyn FnMut(&str) -> Option<Slot>) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            push_text(&mut parts, &rest[..start]);
            let inside = &rest[start + 2..];
            let end = inside
                .find('}')
                .ok_or_else(|| format!("{text:?}: a ${{ has no }}"))?;
            parts.push(value(&inside[..end], slot)?);
            rest = &inside[end + 1..];
        }
        push_text(&mut parts, rest);
        Ok(Self { parts })
    }

    /// A template without names.
    pub fn literal(text: &str) -> Self {
        let mut parts = Vec::new();
        push_text(&mut parts, text);
        Self { parts }
    }

    /// The text, when there are no names in it.
    pub fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text before the first name.
    pub fn start(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// Appends the rendered text.
    ///
    /// # Errors
    /// The first slot that has no value; `out` is then incomplete.
    pub fn render(&self, values: &Values, dice: &mut Dice, out: &mut String) -> Result<(), Missing> {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Value(what, Escape::None) => what.render(values, dice, out)?,
                Part::Value(what, escape) => {
                    let mut plain = String::new();
                    what.render(values, dice, &mut plain)?;
                    escape.write(&plain, out);
                }
            }
        }
        Ok(())
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    if !text.is_empty() {
        parts.push(Part::Text(text.into()));
    }
}

fn value(inside: &str, slot: &mut dyn FnMut(&str) -> Option<Slot>) -> Result<Part, String> {
    let (name, escape) = match inside.rsplit_once('|') {
        Some((name, "url")) => (name, Escape::Url),
        Some((name, "json")) => (name, Escape::Json),
        Some((name, "decoded")) => (name, Escape::Decoded),
        Some((_, other)) => {
            return Err(format!(
                "${{{inside}}}: there is no filter {other:?}, only url, json and decoded"
            ));
        }
        None => (inside, Escape::None),
    };
    let what = match name.trim() {
        "person" => What::Person,
        "n" => What::N,
        "now_us" => What::NowUs,
        "now_ms" => What::NowMs,
        "now_s" => What::NowS,
        "uuid" => What::Uuid,
        call if call.ends_with(')') => function(call).map_err(|why| format!("${{{inside}}}: {why}"))?,
        name => What::Slot(slot(name).ok_or_else(|| format!("${{{inside}}}: nothing is called {name:?}"))?),
    };
    Ok(Part::Value(what, escape))
}

fn function(call: &str) -> Result<What, String> {
    let (name, arguments) = call[..call.len() - 1].split_once('(').ok_or("a ( is missing")?;
    let arguments: Vec<&str> = arguments.split(',').map(str::trim).collect();
    match (name, arguments.as_slice()) {
        ("random", [low, high]) => match (low.parse(), high.parse()) {
            (Ok(low), Ok(high)) if low <= high => Ok(What::Random(low, high)),
            _ => Err("random wants two whole numbers, the smaller first".into()),
        },
        ("pick", [first, ..]) if !first.is_empty() => {
            Ok(What::Pick(arguments.iter().map(|&a| a.into()).collect()))
        }
        ("hex", [digits]) => match digits.parse() {
            Ok(digits @ 1..=1024) => Ok(What::Hex(digits)),
            _ => Err("hex wants a number of digits from 1 to 1024".into()),
        },
        _ => Err("the functions are random(low,high), pick(a,b,…) and hex(digits)".into()),
    }
}

impl What {
    fn render(&self, values: &Values, dice: &mut Dice, out: &mut String) -> Result<(), Missing> {
        use std::fmt::Write;
        let done = match self {
            Self::Slot(slot) => match values.texts.get(*slot) {
                Some(Some(text)) => {
                    out.push_str(text);
                    Ok(())
                }
                _ => return Err(Missing(*slot)),
            },
            Self::Person => write!(out, "{}", values.person),
            Self::N => write!(out, "{}", values.n),
            Self::NowUs => write!(out, "{}", since_1970().as_micros()),
            Self::NowMs => write!(out, "{}", since_1970().as_millis()),
            Self::NowS => write!(out, "{}", since_1970().as_secs()),
            Self::Random(low, high) => write!(out, "{}", dice.i64(*low..=*high)),
            Self::Pick(choices) => out.write_str(&choices[dice.usize(..choices.len())]),
            Self::Hex(digits) => (0..*digits).try_for_each(|_| write!(out, "{:x}", dice.u8(..16))),
            Self::Uuid => uuid(dice, out),
        };
        debug_assert!(done.is_ok(), "writing to a String never fails");
        Ok(())
    }
}

/// A version 4 UUID (RFC 9562, section 5.4).
fn uuid(dice: &mut Dice, out: &mut String) -> std::fmt::Result {
    use std::fmt::Write;
    let random = (dice.u128(..) & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{random:032x}");
    write!(
        out,
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

fn since_1970() -> std::time::Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl Escape {
    fn write(self, plain: &str, out: &mut String) {
        match self {
            Self::None => out.push_str(plain),
            Self::Url => out.extend(
                form_urlencoded::byte_serialize(plain.as_bytes()).map(|s| if s == "+" { "%20" } else { s }),
            ),
            Self::Decoded => {
                // A plus is a plus here, not a blank as in forms.
                let plain = plain.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
                let pairs = form_urlencoded::parse(plain.as_bytes());
                pairs.for_each(|(text, _)| out.push_str(&text));
            }
            Self::Json => {
                let quoted = serde_json::Value::from(plain).to_string();
                out.push_str(&quoted[1..quoted.len() - 1]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str) -> Result<String, String> {
        let template = Template::read(text, &mut |name| {
            ["code", "unset"].iter().position(|&n| n == name)
        })?;
        let values = Values {
            texts: vec![Some("A \"b\" & c".into()), None],
            person: 7,
            n: 3,
        };
        let mut out = String::new();
        template
            .render(&values, &mut Dice::with_seed(1), &mut out)
            .map_err(|Missing(slot)| format!("slot {slot} is not set"))?;
        Ok(out)
    }

    #[test]
    fn names_counters_and_filters_are_rendered() {
        assert_eq!(
            render("/p/${n}?who=${person}&c=${code|url}").unwrap(),
            "/p/3?who=7&c=A%20%22b%22%20%26%20c"
        );
        assert_eq!(
            render(r#"{"c":"${code|json}"}"#).unwrap(),
            r#"{"c":"A \"b\" & c"}"#
        );
        assert_eq!(render("no names, a $ and a }").unwrap(), "no names, a $ and a }");
        assert_eq!(
            render("${pick(a%2Bb+c%3D&d=%C3%A4)|decoded}").unwrap(),
            "a+b+c=&d=ä"
        );
    }

    #[test]
    fn functions_stay_in_their_bounds() {
        for _ in 0..50 {
            let n: i64 = render("${random(-2,2)}").unwrap().parse().unwrap();
            assert!((-2..=2).contains(&n));
        }
        assert!(["a", "b"].contains(&render("${pick(a,b)}").unwrap().as_str()));
        assert_eq!(render("${hex(12)}").unwrap().len(), 12);
        let uuid = render("${uuid}").unwrap();
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("${cod}", "nothing is called \"cod\""),
            ("${code", "has no }"),
            ("${code|html}", "no filter \"html\""),
            ("${random(6,1)}", "the smaller first"),
            ("${pik(a)}", "the functions are"),
            ("${unset}", "slot 1 is not set"),
        ] {
            let message = render(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
