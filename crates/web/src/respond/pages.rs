//! The pages as HTML: pure functions from what is known to text. The main part of a page is made by itself, so
//! that the server's page and the document for the page's script come from one template.

use std::collections::BTreeMap;

use askama::Template;
use canvass_survey::{Language, Questionnaire};
use serde_json::Value;

use super::language;
use super::strings::{self, Strings};
use super::view::{self, FieldView, ItemView, Problem, Typed};
use crate::assets;

/// A questionnaire in one of its languages.
#[derive(Clone, Copy)]
pub(crate) struct Edition<'q> {
    pub(crate) questionnaire: &'q Questionnaire,
    /// Index into [`Questionnaire::languages`].
    pub(crate) language: usize,
}

impl<'q> Edition<'q> {
    /// The edition in this language; in the first one when there is no such language.
    pub(crate) fn new(questionnaire: &'q Questionnaire, tag: &str) -> Self {
        Self {
            questionnaire,
            language: questionnaire.language_index(tag).unwrap_or(0),
        }
    }

    pub(crate) fn tag(self) -> &'q str {
        self.questionnaire
            .languages
            .get(self.language)
            .map_or("en", String::as_str)
    }

    pub(crate) fn strings(self) -> &'static Strings {
        Strings::of(self.tag())
    }
}

/// What a page's forms and script may do for its response, for as long as they live.
#[derive(Clone, Default)]
pub(crate) struct Ticket {
    /// The write token.
    pub(crate) token: String,
    /// The greatest stamp that this view has seen, in µs; 0 for none.
    pub(crate) stamp: i64,
    /// The server's clock when it made the page, in µs since the Unix epoch.
    pub(crate) now: i64,
    /// The key that seals what waits on the device (256 bits, base64url).
    pub(crate) seal_key: String,
    /// What names that key to the server.
    pub(crate) seal_ticket: String,
}

/// What surrounds the main part.
pub(crate) struct Frame<'a> {
    /// What kind of page this is, for the script: `enter`, `take`, `review`, `done`, `shell`, `offline`, `notice`.
    pub(crate) view: &'static str,
    /// The document's title.
    pub(crate) title: String,
    /// The survey's name above all pages.
    pub(crate) survey: &'a str,
    /// The language shown.
    pub(crate) language: &'a str,
    /// Every language offered.
    pub(crate) languages: &'a [Language],
    /// Where choosing a language leads back to; `None` on a page with answers, whose form saves them first.
    pub(crate) language_back: Option<&'a str>,
    /// The questionnaire's version and language, for pages that are about one.
    pub(crate) edition: Option<Edition<'a>>,
    pub(crate) ticket: Option<&'a Ticket>,
    /// Minutes without use after which the page locks; without script it loads again then. `None`: it never does.
    pub(crate) idle_minutes: Option<u32>,
}

struct LanguageView<'a> {
    tag: &'a str,
    name: &'a str,
    direction: &'static str,
    current: bool,
}

struct Idle {
    minutes: u32,
    /// A little after the session has ended, so that the server says so.
    reload_seconds: u32,
}

struct QuestionnaireView<'a> {
    version: &'a str,
    language: &'a str,
}

#[derive(Template)]
#[template(path = "respond/layout.html")]
struct Layout<'a> {
    s: &'static Strings,
    direction: &'static str,
    title: &'a str,
    survey: &'a str,
    view: &'static str,
    content_attrs: &'a str,
    stylesheet: &'a str,
    icon: &'a str,
    script: &'a str,
    modules: Vec<&'a str>,
    strings: &'a str,
    idle: Option<Idle>,
    status: bool,
    questionnaire: Option<QuestionnaireView<'a>>,
    ticket: Option<&'a Ticket>,
    languages: Vec<LanguageView<'a>>,
    language_name: &'a str,
    language_back: Option<&'a str>,
    main: &'a str,
}

/// A whole page.
pub(crate) fn whole(frame: &Frame<'_>, main: &str) -> String {
    let s = Strings::of(frame.language);
    let attrs = Attributes::of(frame.language, s);
    let languages = frame.languages.iter().map(|tag| LanguageView {
        tag,
        name: language::native_name(tag),
        direction: language::direction(tag),
        current: tag == frame.language,
    });
    let (script, modules) = match frame.view {
        "notice" => (String::new(), vec![]),
        "offline" => (assets::url("offline.js"), vec![]),
        view => {
            let script = if view == "enter" || view == "done" {
                "enter.js"
            } else {
                "take.js"
            };
            (assets::url(script), assets::modules_of(script))
        }
    };
    let layout = Layout {
        s,
        direction: language::direction(frame.language),
        title: &frame.title,
        survey: frame.survey,
        view: frame.view,
        content_attrs: &attrs.content,
        stylesheet: &assets::url("respond.css"),
        icon: &assets::url("icon.svg"),
        script: &script,
        modules: modules.iter().map(String::as_str).collect(),
        strings: &assets::url(&format!("strings-{}.js", s.language)),
        idle: frame.idle_minutes.map(|minutes| Idle {
            minutes,
            reload_seconds: minutes * 60 + 30,
        }),
        status: !matches!(frame.view, "notice" | "offline"),
        questionnaire: frame.edition.map(|e| QuestionnaireView {
            version: &e.questionnaire.version,
            language: e.tag(),
        }),
        ticket: frame.ticket,
        languages: languages.collect(),
        language_name: language::native_name(frame.language),
        language_back: frame.language_back,
        main,
    };
    render(&layout)
}

/// `lang` and `dir` where the questionnaire's language is not that of our own words; empty where it is.
struct Attributes {
    content: String,
    ui: String,
}

impl Attributes {
    fn of(tag: &str, s: &Strings) -> Self {
        let main = tag.split('-').next().unwrap_or(tag);
        if main.eq_ignore_ascii_case(s.language) {
            return Self {
                content: String::new(),
                ui: String::new(),
            };
        }
        let attributes = |tag: &str| {
            let plain: String = tag
                .chars()
                .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
                .collect();
            format!(" lang=\"{plain}\" dir=\"{}\"", language::direction(tag))
        };
        Self {
            content: attributes(tag),
            ui: attributes(s.language),
        }
    }
}

/// What a survey page shows besides its questions.
#[derive(Default)]
pub(crate) struct Shown<'a> {
    /// The form's values, where they differ from the answers.
    pub(crate) typed: Option<&'a Typed>,
    /// Messages beside questions.
    pub(crate) problems: &'a [Problem],
    /// The page could not be saved just now.
    pub(crate) busy: bool,
    /// Every page was saved at least once: the way to the review is open.
    pub(crate) all_saved: bool,
}

#[derive(Template)]
#[template(path = "respond/page.html")]
struct PageMain<'a> {
    s: &'static Strings,
    content_attrs: &'a str,
    ui_attrs: &'a str,
    id: &'a str,
    title: &'a str,
    progress: String,
    number: usize,
    of: usize,
    busy: bool,
    errors: &'a [Problem],
    token: &'a str,
    stamp: i64,
    was: String,
    introduction: Vec<&'a str>,
    items: Vec<ItemView<'a>>,
    all_saved: bool,
}

/// The main part of a survey page. `answers` are the response's; the form carries those of its page.
pub(crate) fn page_main(
    edition: Edition<'_>,
    index: usize,
    answers: &BTreeMap<String, Value>,
    ticket: &Ticket,
    shown: &Shown<'_>,
) -> String {
    let s = edition.strings();
    let attrs = Attributes::of(edition.tag(), s);
    let page = &edition.questionnaire.pages[index];
    let of = edition.questionnaire.pages.len();
    let was: BTreeMap<&str, &Value> = page
        .questions
        .iter()
        .filter_map(|q| Some((q.id.as_str(), answers.get(&q.id)?)))
        .collect();
    render(&PageMain {
        s,
        content_attrs: &attrs.content,
        ui_attrs: &attrs.ui,
        id: &page.id,
        title: page.title.get(edition.language),
        progress: strings::fill(&strings::fill(s.progress, "n", index + 1), "of", of),
        number: index + 1,
        of,
        busy: shown.busy,
        errors: shown.problems,
        token: &ticket.token,
        stamp: ticket.stamp,
        was: serde_json::to_string(&was).unwrap_or_else(|_| "{}".to_owned()),
        introduction: if index == 0 {
            view::paragraphs(edition.questionnaire.introduction.get(edition.language))
        } else {
            vec![]
        },
        items: view::items(page, edition.language, answers, shown.typed, shown.problems),
        all_saved: shown.all_saved,
    })
}

/// The document title of a survey page.
pub(crate) fn page_title(edition: Edition<'_>, index: usize, problems: bool) -> String {
    let s = edition.strings();
    let page = &edition.questionnaire.pages[index];
    let of = edition.questionnaire.pages.len();
    let place = strings::fill(&strings::fill(s.progress, "n", index + 1), "of", of);
    let prefix = if problems { s.error_prefix } else { "" };
    format!("{prefix}{} ({place})", page.title.get(edition.language))
}

struct ReviewRow<'a> {
    id: &'a str,
    title: &'a str,
    missing: usize,
    state: &'static str,
    words: String,
}

#[derive(Template)]
#[template(path = "respond/review.html")]
struct ReviewMain<'a> {
    s: &'static Strings,
    content_attrs: &'a str,
    asked: bool,
    asked_words: String,
    pages: Vec<ReviewRow<'a>>,
    token: &'a str,
    stamp: i64,
}

/// The main part of the review. `asked`: the respondent wanted to finish, so what is required is listed on top.
pub(crate) fn review_main(
    edition: Edition<'_>,
    answers: &BTreeMap<String, Value>,
    ticket: &Ticket,
    asked: bool,
) -> String {
    let s = edition.strings();
    let attrs = Attributes::of(edition.tag(), s);
    let pages: Vec<ReviewRow<'_>> = edition
        .questionnaire
        .pages
        .iter()
        .map(|page| {
            let progress = view::progress(page, answers);
            let (state, words) = review_words(progress, s);
            ReviewRow {
                id: &page.id,
                title: page.title.get(edition.language),
                missing: progress.missing,
                state,
                words,
            }
        })
        .collect();
    let missing = pages.iter().filter(|p| p.missing > 0).count();
    render(&ReviewMain {
        s,
        content_attrs: &attrs.content,
        asked: asked && missing > 0,
        asked_words: strings::count(s.review_not_yet_one, s.review_not_yet, missing),
        pages,
        token: &ticket.token,
        stamp: ticket.stamp,
    })
}

/// A page's state on the review, as a word for the stylesheet and as words for people. `static/review.js` says
/// the same.
fn review_words(progress: view::Progress, s: &Strings) -> (&'static str, String) {
    if progress.missing > 0 {
        let words = strings::count(s.review_required_one, s.review_required, progress.missing);
        return ("missing", words);
    }
    match progress.answered {
        all if all == progress.questions => ("all", s.review_all.to_owned()),
        0 => ("none", s.review_none.to_owned()),
        n => (
            "some",
            strings::fill(&strings::fill(s.review_some, "n", n), "of", progress.questions),
        ),
    }
}

#[derive(Template)]
#[template(path = "respond/done.html")]
struct DoneMain<'a> {
    s: &'static Strings,
    content_attrs: &'a str,
    thanks: Vec<&'a str>,
}

/// The main part of the last page.
pub(crate) fn done_main(edition: Edition<'_>) -> String {
    let s = edition.strings();
    render(&DoneMain {
        s,
        content_attrs: &Attributes::of(edition.tag(), s).content,
        thanks: view::paragraphs(edition.questionnaire.thanks.get(edition.language)),
    })
}

/// A message above the code.
pub(crate) struct Notice {
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
    pub(crate) problem: bool,
}

#[derive(Template)]
#[template(path = "respond/enter.html")]
struct EnterMain<'a> {
    s: &'static Strings,
    notice: Option<Notice>,
    code: &'a str,
    error: &'a str,
}

/// The main part of the code page.
pub(crate) fn enter_main(s: &'static Strings, notice: Option<Notice>, code: &str, error: &str) -> String {
    render(&EnterMain {
        s,
        notice,
        code,
        error,
    })
}

#[derive(Template)]
#[template(path = "respond/notice.html")]
struct NoticeMain<'a> {
    s: &'static Strings,
    title: &'a str,
    text: &'a str,
    retry: bool,
    href: &'a str,
}

/// The main part of a page that only says something; `retry` is where trying again leads.
pub(crate) fn notice_main(s: &'static Strings, title: &str, text: &str, retry: Option<&str>) -> String {
    render(&NoticeMain {
        s,
        title,
        text,
        retry: retry.is_some(),
        href: retry.unwrap_or("/"),
    })
}

/// Templates write to a string, which takes everything.
fn render(template: &impl Template) -> String {
    template.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a template failed");
        String::new()
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use canvass_survey::parse::parse;
    use serde_json::json;

    /// One question of each kind, in English, Spanish and Arabic.
    pub(crate) fn questionnaire() -> Questionnaire {
        parse(include_str!("tests/questionnaire.yaml")).unwrap()
    }

    fn answers() -> BTreeMap<String, Value> {
        let answers =
            json!({"mood": "good", "likes": ["art"], "age": 12, "words": "a < b\n& c", "noise": "often"});
        serde_json::from_value(answers).unwrap()
    }

    fn ticket() -> Ticket {
        Ticket {
            token: "TOKEN".into(),
            stamp: 7,
            now: 8,
            seal_key: "KEY".into(),
            seal_ticket: "TICKET".into(),
        }
    }

    #[test]
    fn a_page_shows_its_questions_with_their_answers() {
        let q = questionnaire();
        let html = page_main(
            Edition::new(&q, "en"),
            0,
            &answers(),
            &ticket(),
            &Shown::default(),
        );
        insta::assert_snapshot!(html);
    }

    #[test]
    fn a_page_with_problems_shows_them_twice_and_keeps_what_was_typed() {
        let q = questionnaire();
        let typed = Typed::from([("age".to_owned(), vec!["twelve".to_owned()])]);
        let problems = [Problem {
            question: "age".into(),
            text: "How old are you?".into(),
            words: "Type a number.".into(),
        }];
        let shown = Shown {
            typed: Some(&typed),
            problems: &problems,
            ..Shown::default()
        };
        let html = page_main(Edition::new(&q, "en"), 0, &answers(), &ticket(), &shown);
        assert!(html.contains("value=\"twelve\""));
        assert!(html.contains("href=\"#q-age\""));
        assert!(html.contains("id=\"e-age\">Type a number."));
        assert_eq!(html.matches("aria-invalid").count(), 1);
    }

    #[test]
    fn a_language_without_a_catalogue_is_marked_where_it_stands() {
        let q = questionnaire();
        let edition = Edition::new(&q, "ar");
        let html = page_main(edition, 1, &BTreeMap::new(), &ticket(), &Shown::default());
        assert!(html.contains("<h1 tabindex=\"-1\" lang=\"ar\" dir=\"rtl\">"));
        assert!(html.contains(" lang=\"en\" dir=\"ltr\">Needs an answer"));
        assert!(html.contains(">Next</button>"));
    }

    #[test]
    fn the_review_says_what_is_answered_and_what_is_required() {
        let q = questionnaire();
        let html = review_main(Edition::new(&q, "es"), &answers(), &ticket(), true);
        insta::assert_snapshot!(html);
    }

    #[test]
    fn the_frame_carries_what_the_script_needs_and_nothing_inline() {
        let q = questionnaire();
        let edition = Edition::new(&q, "es");
        let ticket = ticket();
        let frame = Frame {
            view: "take",
            title: "T".into(),
            survey: "S",
            language: "es",
            languages: &q.languages,
            language_back: None,
            edition: Some(edition),
            ticket: Some(&ticket),
            idle_minutes: Some(20),
        };
        let html = whole(&frame, "MAIN");
        for part in [
            "lang=\"es\"",
            "data-token=\"TOKEN\"",
            "data-seal-key=\"KEY\"",
            "data-version=",
            ">MAIN</main>",
        ] {
            assert!(html.contains(part), "{part} is missing");
        }
        assert!(!html.contains("style=") && !html.contains("<script>") && !html.contains(" onclick"));
    }

    #[test]
    fn the_document_has_every_page_without_answers() {
        let q = questionnaire();
        let document: Value = serde_json::from_str(&super::super::document(&q, 0)).unwrap();
        assert_eq!(document["pages"].as_array().unwrap().len(), 2);
        assert!(
            document["pages"][0]["html"]
                .as_str()
                .unwrap()
                .contains("name=\"token\" value=\"\"")
        );
        assert_eq!(document["pages"][0]["items"][1]["question"]["id"], "mood");
    }
}
