//! What a questionnaire is made of. A [`Questionnaire`] is immutable: it is one published version.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

/// A BCP 47 language tag as the questionnaire writes it, such as `en` or `es-MX`.
pub type Language = String;

/// A text in every language of the questionnaire, in the order of [`Questionnaire::languages`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text(Vec<String>);

impl Text {
    /// One string for each language of the questionnaire, in its order.
    pub fn new(in_order: Vec<String>) -> Self {
        Self(in_order)
    }

    /// The text in the language with this index; the first language's where that one is missing.
    pub fn get(&self, language: usize) -> &str {
        self.0
            .get(language)
            .or_else(|| self.0.first())
            .map_or("", String::as_str)
    }

    /// True when no language has any text.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(String::is_empty)
    }
}

/// One immutable revision of a survey, compiled for looking up pages and questions.
#[derive(Debug, Clone)]
pub struct Questionnaire {
    /// The survey's short name: `[a-z0-9-]`, at most 64 characters.
    pub survey: String,
    /// What a respondent sees as the survey's name.
    pub title: Text,
    /// What a respondent reads before the first page; empty for none.
    pub introduction: Text,
    /// What a respondent reads after submission; empty for the built-in sentence.
    pub thanks: Text,
    /// The languages; the first is the default. Never empty.
    pub languages: Vec<Language>,
    /// The pages in order. Never empty.
    pub pages: Vec<Page>,
    /// 16 hexadecimal digits of SHA-256 over the source: the version's immutable name.
    pub version: String,
    page_index: HashMap<String, usize>,
    question_index: HashMap<String, Place>,
}

/// Where a question stands: indexes into [`Questionnaire::pages`] and [`Page::questions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Index into [`Questionnaire::pages`].
    pub page: usize,
    /// Index into [`Page::questions`].
    pub question: usize,
}

/// One page: what is shown together and saved together.
#[derive(Debug, Clone)]
pub struct Page {
    /// `[a-z][a-z0-9_]*`, at most 32 characters, unique in the questionnaire.
    pub id: String,
    /// The page's heading.
    pub title: Text,
    /// What stands on the page, in order.
    pub items: Vec<Item>,
    /// Every question of the page in order, a grid's rows included.
    pub questions: Vec<Question>,
}

/// One thing on a page. Questions are named by their index into [`Page::questions`].
#[derive(Debug, Clone)]
pub enum Item {
    /// Text between questions.
    Section(Text),
    /// One question.
    Question(usize),
    /// A Likert grid: questions that share their choices; each row is a question of its own.
    Grid {
        /// What the rows have in common, asked above them.
        text: Text,
        /// A smaller line of help; empty for none.
        hint: Text,
        /// The rows as indexes into [`Page::questions`]; each is a [`Kind::Single`] with the grid's choices.
        rows: Vec<usize>,
        /// The columns.
        choices: Vec<Choice>,
    },
}

/// One question: what has an answer, a column in the export and an id in the API.
#[derive(Debug, Clone)]
pub struct Question {
    /// `[a-z][a-z0-9_]*`, at most 32 characters, unique in the questionnaire; the form's field name.
    pub id: String,
    /// What is asked.
    pub text: Text,
    /// A smaller line of help; empty for none.
    pub hint: Text,
    /// Asked for on Next and at submission, never at save.
    pub required: bool,
    /// What may be answered.
    pub kind: Kind,
}

/// What may be answered to a question.
#[derive(Debug, Clone)]
pub enum Kind {
    /// One of the choices. Answer: the choice's id as a JSON string.
    Single {
        /// The choices in order.
        choices: Vec<Choice>,
    },
    /// Any number of the choices. Answer: a JSON array of choice ids in the questionnaire's order.
    Multiple {
        /// The choices in order.
        choices: Vec<Choice>,
    },
    /// A number. Answer: a JSON number.
    Number {
        /// Least value allowed.
        min: Option<f64>,
        /// Greatest value allowed.
        max: Option<f64>,
        /// Digits allowed behind the decimal point; 0 for whole numbers.
        decimals: u8,
    },
    /// Text. Answer: a JSON string.
    Text {
        /// A large box, with line breaks.
        long: bool,
        /// Most characters (Unicode scalar values) allowed.
        max_length: usize,
    },
}

/// One choice of a question or one column of a grid.
#[derive(Debug, Clone)]
pub struct Choice {
    /// `[a-z0-9][a-z0-9_]*`, at most 32 characters, unique in its list.
    pub id: String,
    /// What the respondent reads.
    pub text: Text,
}

impl Choice {
    /// Roughly how many bytes the choice takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.id.len()
            + self
                .text
                .0
                .iter()
                .map(|t| size_of::<String>() + t.len())
                .sum::<usize>()
    }
}

/// A questionnaire names two things alike.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Clash {
    /// Two pages have this id.
    #[error("page id {0:?} is used twice")]
    Page(String),
    /// Two questions have this id.
    #[error("question id {0:?} is used twice")]
    Question(String),
}

impl Questionnaire {
    /// Compiles a questionnaire; `source` is what it was read from and names the version.
    ///
    /// # Errors
    /// [`Clash`] when two pages or two questions have the same id.
    pub fn compile(
        survey: String,
        title: Text,
        introduction: Text,
        thanks: Text,
        languages: Vec<Language>,
        pages: Vec<Page>,
        source: &str,
    ) -> Result<Self, Clash> {
        let mut page_index = HashMap::new();
        let mut question_index = HashMap::new();
        for (p, page) in pages.iter().enumerate() {
            if page_index.insert(page.id.clone(), p).is_some() {
                return Err(Clash::Page(page.id.clone()));
            }
            for (q, question) in page.questions.iter().enumerate() {
                let place = Place { page: p, question: q };
                if question_index.insert(question.id.clone(), place).is_some() {
                    return Err(Clash::Question(question.id.clone()));
                }
            }
        }
        let version = version_of(source);
        Ok(Self {
            survey,
            title,
            introduction,
            thanks,
            languages,
            pages,
            version,
            page_index,
            question_index,
        })
    }

    /// The index of the page with this id.
    pub fn page_index(&self, id: &str) -> Option<usize> {
        self.page_index.get(id).copied()
    }

    /// The page with this id.
    pub fn page(&self, id: &str) -> Option<&Page> {
        self.page_index(id).map(|p| &self.pages[p])
    }

    /// The question with this id and where it stands.
    pub fn question(&self, id: &str) -> Option<(Place, &Question)> {
        let place = *self.question_index.get(id)?;
        Some((place, &self.pages[place.page].questions[place.question]))
    }

    /// The index of a language tag, if the questionnaire has it.
    pub fn language_index(&self, tag: &str) -> Option<usize> {
        self.languages.iter().position(|l| l.eq_ignore_ascii_case(tag))
    }

    /// Every question in order.
    pub fn questions(&self) -> impl Iterator<Item = &Question> {
        self.pages.iter().flat_map(|p| p.questions.iter())
    }
}

impl Kind {
    /// The choices of a single or multiple choice question; empty for the others.
    pub fn choices(&self) -> &[Choice] {
        match self {
            Kind::Single { choices } | Kind::Multiple { choices } => choices,
            Kind::Number { .. } | Kind::Text { .. } => &[],
        }
    }
}

/// The version's name for this source: the first 16 hexadecimal digits of its SHA-256.
pub fn version_of(source: &str) -> String {
    use std::fmt::Write;
    let hash = Sha256::digest(source.as_bytes());
    hash.iter()
        .take(8)
        .fold(String::with_capacity(16), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}
