//! Languages: what they call themselves, which way they are written, and which one a visitor gets.

use canvass_survey::Language;

/// What a language calls itself; the tag when it is not in the list.
pub(crate) fn native_name(tag: &str) -> &str {
    let main = tag.split('-').next().unwrap_or(tag);
    NAMES
        .iter()
        .find(|(t, _)| t.eq_ignore_ascii_case(tag))
        .or_else(|| NAMES.iter().find(|(t, _)| t.eq_ignore_ascii_case(main)))
        .map_or(tag, |(_, name)| name)
}

/// `rtl` for a language written from right to left, else `ltr`.
pub(crate) fn direction(tag: &str) -> &'static str {
    let mut parts = tag.split('-');
    let main = parts.next().unwrap_or(tag).to_ascii_lowercase();
    let script = parts.find(|p| p.len() == 4).map(str::to_ascii_lowercase);
    let rtl = match script.as_deref() {
        Some(script) => matches!(script, "arab" | "hebr" | "thaa" | "syrc" | "nkoo" | "adlm"),
        None => matches!(
            main.as_str(),
            "ar" | "he"
                | "fa"
                | "ur"
                | "ps"
                | "sd"
                | "ug"
                | "yi"
                | "dv"
                | "ckb"
                | "prs"
                | "syr"
                | "ku"
                | "arc"
        ),
    };
    if rtl { "rtl" } else { "ltr" }
}

/// The language to show: what was chosen if it is offered, else the best of an `Accept-Language` header, else the
/// first one offered. Main languages match: `es-MX` gets `es` and the other way round.
pub(crate) fn negotiate<'o>(
    offered: &'o [Language],
    chosen: Option<&str>,
    accept_language: Option<&str>,
) -> &'o str {
    let first = offered.first().map_or("en", String::as_str);
    chosen
        .and_then(|tag| matching(offered, tag))
        .or_else(|| preferred(accept_language?).find_map(|tag| matching(offered, tag)))
        .unwrap_or(first)
}

fn matching<'o>(offered: &'o [Language], tag: &str) -> Option<&'o str> {
    let main = |t: &str| t.split('-').next().unwrap_or("").to_ascii_lowercase();
    let exact = offered.iter().find(|o| o.eq_ignore_ascii_case(tag));
    let same = || offered.iter().find(|o| main(o) == main(tag));
    exact.or_else(same).map(String::as_str)
}

/// The tags of an `Accept-Language` header (RFC 9110, 12.5.4), most wanted first. At most 20 are looked at.
fn preferred(header: &str) -> impl Iterator<Item = &str> {
    let mut tags: Vec<(&str, f32)> = header
        .split(',')
        .take(20)
        .filter_map(|part| {
            let mut fields = part.split(';').map(str::trim);
            let tag = fields.next().filter(|t| !t.is_empty() && *t != "*")?;
            let weight = fields
                .find_map(|f| f.strip_prefix("q="))
                .and_then(|q| q.parse().ok());
            Some((tag, weight.unwrap_or(1.0)))
        })
        .filter(|(_, weight)| *weight > 0.0)
        .collect();
    tags.sort_by(|a, b| b.1.total_cmp(&a.1));
    tags.into_iter().map(|(tag, _)| tag)
}

const NAMES: [(&str, &str); 48] = [
    ("am", "አማርኛ"),
    ("ar", "العربية"),
    ("bn", "বাংলা"),
    ("bs", "Bosanski"),
    ("de", "Deutsch"),
    ("el", "Ελληνικά"),
    ("en", "English"),
    ("es", "Español"),
    ("fa", "فارسی"),
    ("fil", "Filipino"),
    ("fr", "Français"),
    ("gu", "ગુજરાતી"),
    ("he", "עברית"),
    ("hi", "हिन्दी"),
    ("hmn", "Hmoob"),
    ("ht", "Kreyòl ayisyen"),
    ("hy", "Հայերեն"),
    ("it", "Italiano"),
    ("ja", "日本語"),
    ("km", "ខ្មែរ"),
    ("ko", "한국어"),
    ("ku", "Kurdî"),
    ("lo", "ລາວ"),
    ("lt", "Lietuvių"),
    ("my", "မြန်မာ"),
    ("ne", "नेपाली"),
    ("nl", "Nederlands"),
    ("om", "Afaan Oromoo"),
    ("pa", "ਪੰਜਾਬੀ"),
    ("pl", "Polski"),
    ("ps", "پښتو"),
    ("pt", "Português"),
    ("ro", "Română"),
    ("ru", "Русский"),
    ("so", "Soomaali"),
    ("sq", "Shqip"),
    ("sr", "Српски"),
    ("sw", "Kiswahili"),
    ("te", "తెలుగు"),
    ("th", "ไทย"),
    ("ti", "ትግርኛ"),
    ("tl", "Tagalog"),
    ("tr", "Türkçe"),
    ("uk", "Українська"),
    ("ur", "اردو"),
    ("vi", "Tiếng Việt"),
    ("zh", "中文"),
    ("zh-Hant", "繁體中文"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_have_names_and_directions() {
        assert_eq!(native_name("es"), "Español");
        assert_eq!(native_name("es-MX"), "Español");
        assert_eq!(native_name("zh-Hant"), "繁體中文");
        assert_eq!(native_name("tlh"), "tlh");
        assert_eq!(direction("ur-PK"), "rtl");
        assert_eq!(direction("ku-Latn"), "ltr");
        assert_eq!(direction("az-Arab"), "rtl");
        assert_eq!(direction("es"), "ltr");
    }

    #[test]
    fn the_choice_wins_then_the_browser_then_the_first() {
        let offered = ["en".to_owned(), "es".to_owned(), "pt-BR".to_owned()];
        assert_eq!(negotiate(&offered, Some("es"), Some("pt")), "es");
        assert_eq!(
            negotiate(&offered, Some("xx"), Some("fr;q=0.9, pt;q=0.8, en;q=0.1")),
            "pt-BR"
        );
        assert_eq!(negotiate(&offered, None, Some("es-MX,en;q=0.5")), "es");
        assert_eq!(negotiate(&offered, None, Some("en;q=0, fr")), "en");
        assert_eq!(negotiate(&offered, None, None), "en");
        assert_eq!(negotiate(&[], None, None), "en");
    }
}
