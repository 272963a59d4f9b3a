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

const CLASSES: usize = Class::Other as usize + 1;

const fn bit(class: Class) -> u32 {
    1 << class as u32
}

const TIGHT_BEFORE: u32 = bit(Class::Start)
    | bit(Class::Open)
    | bit(Class::OpenBracket)
    | bit(Class::Dot)
    | bit(Class::Dots)
    | bit(Class::Cast)
    | bit(Class::Colon);

const TIGHT_BEHIND: u32 = bit(Class::Close)
    | bit(Class::OpenBracket)
    | bit(Class::CloseBracket)
    | bit(Class::Comma)
    | bit(Class::Dot)
    | bit(Class::Dots)
    | bit(Class::Colon)
    | bit(Class::Cast)
    | bit(Class::Semicolon);

/// By the class of the token before: a bit for each class in front of which a space stands then.
static SPACES: [u32; CLASSES] = spaces();

const fn spaces() -> [u32; CLASSES] {
    let mut spaces = [0; CLASSES];
    let mut before = 0;
    while before < CLASSES {
        if TIGHT_BEFORE >> before & 1 == 0 {
            spaces[before] = !TIGHT_BEHIND;
        }
        before += 1;
    }
    // `: :` is not `::`, nor `. .` the same as `..`
    spaces[Class::Colon as usize] |=
        bit(Class::Colon) | bit(Class::Cast) | bit(Class::Assign) | bit(Class::Operator);
    spaces[Class::Dot as usize] |= bit(Class::Dot) | bit(Class::Dots);
    spaces[Class::Dots as usize] |= bit(Class::Dot) | bit(Class::Dots);
    spaces[Class::Comma as usize] |= bit(Class::OpenBracket);
    spaces
}

/// Whether a space stands between two tokens. The parenthesis behind a word is the caller's matter: `in (` but `f(`.
#[inline(always)]
pub(super) fn space(before: Class, class: Class) -> bool {
    SPACES[before as usize] & bit(class) != 0
}
