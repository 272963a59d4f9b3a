//! A text that matches a field's `pattern`, when the pattern is simple: what Rust's regular expressions share with
//! JavaScript's, without assertions inside.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use regex_syntax::hir::{Class, Hir, HirKind, Look};

use crate::html::Field;
use crate::scenario::Dice;

/// How many patterns a thread keeps parsed.
const KEPT: usize = 64;
/// How often a text is drawn until it has the field's lengths.
const TRIES: usize = 140;
/// How many more than the least repetitions are drawn, in turn: few for short fields, many for long ones.
const MORE: [u32; 7] = [8, 4, 2, 1, 16, 64, 512];
/// No text of a pattern grows longer.
const MOST: usize = 2_000;
/// Nor does a pattern take more steps than this.
const STEPS: u32 = 10_000;

thread_local! {
    static PARSED: RefCell<HashMap<Box<str>, Option<Rc<Hir>>>> = RefCell::default();
}

/// A matching text of the field's lengths; None when the pattern is not simple or no such text was found.
pub(super) fn matching(pattern: &str, field: &Field, dice: &mut Dice) -> Option<String> {
    let parsed = parsed(pattern)?;
    let most = field.max_length.unwrap_or(MOST).min(MOST);
    let least = field.min_length.unwrap_or(0);
    (0..TRIES).find_map(|attempt| {
        let mut out = String::new();
        write(
            &parsed,
            MORE[attempt % MORE.len()],
            &mut STEPS.clone(),
            dice,
            &mut out,
        )?;
        let units = out.encode_utf16().count();
        (units > 0 && (least..=most).contains(&units)).then_some(out)
    })
}

fn parsed(pattern: &str) -> Option<Rc<Hir>> {
    PARSED.with_borrow_mut(|kept| {
        if let Some(parsed) = kept.get(pattern) {
            return parsed.clone();
        }
        let says_something = |hir: &Hir| hir.properties().maximum_len() != Some(0);
        let parsed = regex_syntax::parse(pattern)
            .ok()
            .filter(says_something)
            .map(Rc::new);
        if kept.len() < KEPT {
            kept.insert(pattern.into(), parsed.clone());
        }
        parsed
    })
}

/// Appends a text that matches; None when the pattern asks for something that is not simple.
fn write(hir: &Hir, more: u32, steps: &mut u32, dice: &mut Dice, out: &mut String) -> Option<()> {
    *steps = steps.checked_sub(1)?;
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Literal(literal) => out.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => out.push(one_of(class, dice)?),
        // The pattern of a field is anchored anyway.
        HirKind::Look(Look::Start | Look::End) => {}
        HirKind::Look(_) => return None,
        HirKind::Repetition(repetition) => {
            let most = repetition
                .max
                .unwrap_or(u32::MAX)
                .min(repetition.min.saturating_add(more));
            for _ in 0..dice.u32(repetition.min..=most.max(repetition.min)) {
                write(&repetition.sub, more, steps, dice, out)?;
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, more, steps, dice, out)?,
        HirKind::Concat(parts) => {
            for part in parts {
                write(part, more, steps, dice, out)?;
            }
        }
        HirKind::Alternation(ways) => write(&ways[dice.usize(..ways.len())], more, steps, dice, out)?,
    }
    Some(())
}

/// A character of the class: a visible one of ASCII when it has any.
fn one_of(class: &Class, dice: &mut Dice) -> Option<char> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.ranges().iter().map(|r| (r.start(), r.end())).collect(),
        Class::Bytes(class) => class
            .ranges()
            .iter()
            .map(|r| (r.start().into(), r.end().into()))
            .collect(),
    };
    let visible: Vec<(char, char)> = ranges
        .iter()
        .map(|&(start, end)| (start.max('!'), end.min('~')))
        .filter(|(start, end)| start <= end)
        .collect();
    let ranges = if visible.is_empty() { ranges } else { visible };
    let sizes = ranges
        .iter()
        .map(|&(start, end)| u32::from(end) - u32::from(start) + 1);
    let mut place = dice.u32(..sizes.clone().sum::<u32>().max(1));
    for (&(start, end), size) in ranges.iter().zip(sizes) {
        if place < size {
            // Between D800 and DFFF there are no characters.
            return Some(char::from_u32(u32::from(start) + place).unwrap_or(end));
        }
        place -= size;
    }
    None
}
