//! What a person answers: which button, boxes, options and texts of a delivered form.
//!
//! A question is a field, or all radio buttons (or boxes) of one name. It is left out by the persona's share unless it is
//! required; an answer that was delivered is mostly kept.

use super::text;
use crate::html::{Choice, Field, Form, Kind};
use crate::person::persona::PersonaState;
use crate::scenario::Dice;

/// Share of the delivered answers that the person leaves as they are.
pub const KEPT: f64 = 0.9;

/// Share of the boxes of one question that are ticked, besides the first one.
const TICKED: f64 = 0.3;

/// What became of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// As delivered.
    Untouched,
    /// A radio button or box: whether it is checked.
    Checked(bool),
    /// The options of a select that are chosen.
    Chosen(Vec<usize>),
    /// What was typed.
    Text(String),
}

/// Whether a field's value is given by the scenario.
pub(super) fn is_overridden(field: &Field, overrides: &[(String, String)]) -> bool {
    !field.name.is_empty() && overrides.iter().any(|(name, _)| *name == field.name)
}

/// One answer for each of the form's fields.
pub(super) fn answers(
    form: &Form,
    overrides: &[(String, String)],
    persona: &PersonaState,
    dice: &mut Dice,
) -> Vec<Answer> {
    let mut answers: Vec<Answer> = form.fields.iter().map(as_delivered).collect();
    let mut done: Vec<bool> = form
        .fields
        .iter()
        .map(|f| f.disabled || f.name.is_empty() || is_overridden(f, overrides))
        .collect();
    for at in 0..form.fields.len() {
        if done[at] {
            continue;
        }
        let field = &form.fields[at];
        match field.kind {
            Kind::Radio | Kind::Checkbox => {
                let same =
                    |&i: &usize| form.fields[i].kind == field.kind && form.fields[i].name == field.name;
                let everyone: Vec<usize> = (0..form.fields.len()).filter(same).collect();
                everyone.iter().for_each(|&i| done[i] = true);
                only_last_checked(form, &everyone, &mut answers);
                group(form, &everyone, &mut answers, persona, dice);
            }
            Kind::Select { multiple } => {
                if let Some(chosen) = select(field, multiple, persona, dice) {
                    answers[at] = Answer::Chosen(chosen);
                }
            }
            Kind::Hidden | Kind::File | Kind::Submit | Kind::Image | Kind::Reset | Kind::Button => {}
            _ => {
                if !field.read_only && touches(!field.value.is_empty(), field.required, persona, dice) {
                    answers[at] = Answer::Text(text::typed(field, persona, dice));
                } else if let Some(initial) = text::untouched(field) {
                    answers[at] = Answer::Text(initial);
                }
            }
        }
    }
    answers
}

fn as_delivered(field: &Field) -> Answer {
    match field.kind {
        Kind::Radio | Kind::Checkbox => Answer::Checked(field.checked),
        Kind::Select { .. } => Answer::Chosen(field.chosen()),
        _ => Answer::Untouched,
    }
}

/// Whether the person answers this question (again).
fn touches(answered: bool, required: bool, persona: &PersonaState, dice: &mut Dice) -> bool {
    let (kept, skipped) = (dice.f64() < KEPT, dice.f64() < persona.skip);
    match (answered, required) {
        (true, true) => !kept,
        (true, false) => !kept && !skipped,
        (false, required) => required || !skipped,
    }
}

/// Of several radio buttons delivered checked, the last one is.
fn only_last_checked(form: &Form, everyone: &[usize], answers: &mut [Answer]) {
    let radio = everyone
        .first()
        .is_some_and(|&i| form.fields[i].kind == Kind::Radio);
    let last = everyone.iter().rev().find(|&&i| form.fields[i].checked);
    if let (true, Some(&last)) = (radio, last) {
        for &i in everyone {
            answers[i] = Answer::Checked(i == last);
        }
    }
}

/// Radio buttons or boxes of one name.
fn group(form: &Form, everyone: &[usize], answers: &mut [Answer], persona: &PersonaState, dice: &mut Dice) {
    let fields = &form.fields;
    let enabled: Vec<usize> = everyone
        .iter()
        .copied()
        .filter(|&i| !fields[i].disabled)
        .collect();
    let radio = fields[everyone[0]].kind == Kind::Radio;
    let answered = enabled.iter().any(|&i| answers[i] == Answer::Checked(true));
    let required = everyone.iter().any(|&i| fields[i].required);
    if enabled.is_empty() || !touches(answered, required, persona, dice) {
        return tick_required(fields, &enabled, radio, answers);
    }
    let first = position(enabled.len(), persona, dice);
    for (place, &i) in enabled.iter().enumerate() {
        let also = !radio && persona.straight.is_none() && dice.f64() < TICKED;
        answers[i] = Answer::Checked(place == first || also);
    }
    if radio {
        // A checked one that is disabled gives way.
        for &i in everyone.iter().filter(|i| !enabled.contains(i)) {
            answers[i] = Answer::Checked(false);
        }
    }
    tick_required(fields, &enabled, radio, answers);
}

/// A box that is required itself must be ticked whatever else is.
fn tick_required(fields: &[Field], enabled: &[usize], radio: bool, answers: &mut [Answer]) {
    for &i in enabled.iter().filter(|&&i| !radio && fields[i].required) {
        answers[i] = Answer::Checked(true);
    }
}

/// The options chosen; None: as delivered.
fn select(field: &Field, multiple: bool, persona: &PersonaState, dice: &mut Dice) -> Option<Vec<usize>> {
    let says_something = |choice: &Choice| !choice.disabled && !choice.value.is_empty();
    let delivered = |choice: &Choice| choice.selected && says_something(choice);
    let answered = field.chosen().iter().any(|&i| delivered(&field.options[i]));
    let candidates: Vec<usize> = (0..field.options.len())
        .filter(|&i| says_something(&field.options[i]))
        .collect();
    if candidates.is_empty() || !touches(answered, field.required, persona, dice) {
        return None;
    }
    let first = position(candidates.len(), persona, dice);
    if !multiple {
        return Some(vec![candidates[first]]);
    }
    let also = persona.straight.is_none();
    let chosen = candidates
        .iter()
        .enumerate()
        .filter(|(place, _)| *place == first || (also && dice.f64() < TICKED))
        .map(|(_, &option)| option);
    Some(chosen.collect())
}

/// Which of `count` positions is chosen; `count` is more than 0.
fn position(count: usize, persona: &PersonaState, dice: &mut Dice) -> usize {
    let drawn = dice.usize(..count);
    persona.straight.map_or(drawn, |straight| straight.min(count - 1))
}
