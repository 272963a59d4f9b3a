//! The questionnaire as a whole: languages first, for every text is judged by them, then the parts in order.

use super::choices::ChoiceLists;
use super::fields::{Fields, list};
use super::ids::{Form, id};
use super::names::Names;
use super::node::Node;
use super::problem::{At, Problems};
use super::text::Texts;
use super::{MAX_PAGES, page};
use crate::definition::Questionnaire;

/// What every part of the format needs while it is read.
#[derive(Debug)]
pub(super) struct Reader<'p> {
    pub(super) problems: &'p mut Problems,
    pub(super) texts: Texts,
    pub(super) lists: ChoiceLists,
    pub(super) names: Names,
}

/// Reads the root mapping; the questionnaire is of use only when no error was noted.
pub(super) fn questionnaire(root: Node, source: &str, problems: &mut Problems) -> Option<Questionnaire> {
    let mut fields = Fields::open(root, "the questionnaire", problems)?;
    let start = fields.at;
    let survey = fields
        .need("survey", problems)
        .and_then(|node| id(&node, "survey", Form::Survey, problems));
    let title = fields.need("title", problems);
    let languages = fields.need("languages", problems);
    let introduction = fields.take("introduction", problems);
    let thanks = fields.take("thanks", problems);
    let choice_lists = fields.take("choice_lists", problems);
    let pages = fields.need("pages", problems);
    fields.close(problems);

    let mut texts = Texts::open(languages, problems);
    let title = texts.read(title, problems);
    let introduction = texts.read(introduction, problems);
    let thanks = texts.read(thanks, problems);
    let lists = ChoiceLists::open(choice_lists, &mut texts, problems);
    let mut reader = Reader {
        problems,
        texts,
        lists,
        names: Names::default(),
    };
    let pages_read = pages
        .and_then(|node| list(node, "pages", MAX_PAGES, reader.problems))
        .map(|nodes| {
            nodes
                .into_iter()
                .filter_map(|node| page::page(node, &mut reader))
                .collect()
        });
    let Reader { texts, lists, .. } = reader;
    let pages: Vec<_> = pages_read?;
    if pages.iter().all(|page: &crate::Page| page.questions.is_empty()) && !problems.any_error() {
        problems.error(start, "the questionnaire asks no question");
    }
    if problems.any_error() {
        return None;
    }
    lists.close(problems);
    let languages = texts.into_languages();
    Questionnaire::compile(survey?, title, introduction, thanks, languages, pages, source)
        .map_err(|clash| problems.error(At::START, clash.to_string()))
        .ok()
}
