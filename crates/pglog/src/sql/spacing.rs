//! Where the normalised text has a space: a function of the two tokens alone, so that equal token streams give equal
//! texts and different ones different texts.

/// What a written token is to its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Class {
    /// Nothing yet.
    Start,
    /// An unquoted word: a keyword or a name.
    Word,
    /// A quoted name, or a word behind a dot: a name whatever it says.
    Name,
    /// A value's placeholder.
    Value,
    Operator,
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    Comma,
    Dot,
    Dots,
    Colon,
    Cast,
    Assign,
    Semicolon,
    Other,
}

const fn bit(class: Class) -> u32 {
    1 << class as u32
}

/// Behind these nothing is spaced, whatever follows.
const TIGHT_BEFORE: u32 = bit(Class::Start)
    | bit(Class::Open)
    | bit(Class::OpenBracket)
    | bit(Class::Dot)
    | bit(Class::Dots)
    | bit(Class::Cast)
    | bit(Class::Colon);

/// These are not spaced, whatever comes before.
const TIGHT_BEHIND: u32 = bit(Class::Close)
    | bit(Class::OpenBracket)
    | bit(Class::CloseBracket)
    | bit(Class::Comma)
    | bit(Class::Dot)
    | bit(Class::Dots)
    | bit(Class::Colon)
    | bit(Class::Cast)
    | bit(Class::Semicolon);

/// Whether a space stands between two tokens. The parenthesis behind a word is the caller's matter: `in (` but `f(`.
#[inline(always)]
pub(super) fn space(before: Class, class: Class) -> bool {
    if (bit(before) & TIGHT_BEFORE) | (bit(class) & TIGHT_BEHIND) == 0 {
        return true;
    }
    matches!(before, Class::Colon | Class::Dot | Class::Dots | Class::Comma) && needs_space(before, class)
}

/// `: :` is not `::`, nor `. .` the same as `..`. Behind a comma there is a space before whatever begins an element.
fn needs_space(before: Class, class: Class) -> bool {
    match before {
        Class::Colon => matches!(
            class,
            Class::Colon | Class::Cast | Class::Assign | Class::Operator
        ),
        Class::Comma => class == Class::OpenBracket,
        _ => matches!(class, Class::Dot | Class::Dots),
    }
}
