//! Lists whose length says nothing: `IN (1, 2, 3)`, the rows of `VALUES`, `ARRAY[1, 2, 3]`.
//!
//! The rules are those of pg_query's fingerprint, which PostgreSQL's own parser stands behind: among the elements of
//! an `IN` list and among the rows of `VALUES` each counts once; within a row and within an array only the values do.

/// Stands for a value. An operator that looks the same changes the fingerprint as well.
pub(super) const VALUE: u8 = b'?';

/// How many different elements of one list are told apart; what comes after them is kept as it is.
const KEPT: usize = 8;

/// What an open list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    /// `IN (…)`: every different element once.
    In,
    /// The rows behind `VALUES`: every different row once.
    Rows,
    /// Within a row, within an array, within the `IN (…)` of a partition's bounds: a run of equal values counts as one.
    Values,
    /// A subquery, or a list too varied to fold.
    Plain,
}

/// What it looks like, however it is folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Parentheses,
    /// Of parentheses behind `VALUES`.
    Rows,
    /// In square brackets.
    Array,
}

/// A list that is open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub list: List,
    /// How many brackets are open within it, itself included.
    pub depth: u32,
    pub shape: Shape,
    /// Where the element that is being written begins.
    element: usize,
    /// Where the text ended before the comma in front of the element.
    before: usize,
    /// What the normaliser has hidden from the text, at the beginning: if it differs, text does not tell elements apart.
    hidden: u64,
    kept: [(usize, usize); KEPT],
    count: usize,
}

impl Frame {
    /// A list whose first element begins at `element` of the normalised bytes.
    pub fn new(list: List, depth: u32, shape: Shape, element: usize, hidden: u64) -> Self {
        Frame {
            list,
            depth,
            shape,
            element,
            before: element,
            hidden,
            kept: [(0, 0); KEPT],
            count: 0,
        }
    }

    /// A comma is about to be written at the end of `out`; the next element begins behind it and a space.
    pub fn next(&mut self, out: &[u8]) {
        self.before = out.len();
        self.element = out.len() + 2;
    }

    /// The element that ends here: if it says nothing new, it is taken back from `out`, with its comma. Gives whether
    /// it was.
    pub fn end_element(&mut self, out: &mut Vec<u8>, hidden: u64) -> bool {
        let start = self.element.min(out.len());
        let element = &out[start..];
        let repeats = match self.list {
            List::Plain => return false,
            _ if hidden != self.hidden => {
                self.list = List::Plain;
                return false;
            }
            List::Values => {
                let value = is_value(element);
                let (from, to) = self.kept[0];
                let repeats = value && self.count == 1 && out[from..to] == *element;
                if !repeats {
                    self.count = usize::from(value);
                    self.kept[0] = (start, out.len());
                }
                repeats
            }
            List::In | List::Rows => {
                if self.count == 0 && self.list == List::In && is_query(element) {
                    self.list = List::Plain;
                    return false;
                }
                let known = self.kept[..self.count]
                    .iter()
                    .any(|&(start, end)| out[start..end] == *element);
                if !known && self.count < KEPT {
                    self.kept[self.count] = (start, out.len());
                    self.count += 1;
                }
                known
            }
        };
        if repeats {
            out.truncate(self.before);
        }
        repeats
    }
}

/// Whether an element is a value, or a value with one simple cast: `?::int`, `?::varchar(?)`.
fn is_value(element: &[u8]) -> bool {
    match element {
        [VALUE] => true,
        [VALUE, b':', b':', name @ ..] => name
            .iter()
            .all(|&byte| byte.is_ascii_alphanumeric() || b"_.\"[]()".contains(&byte) || byte == VALUE),
        _ => false,
    }
}

/// Whether the inside of `IN (…)` is a query, or a list of queries: `IN ((SELECT 1))` is the former, `IN ((SELECT 1),
/// (SELECT 2))` the latter. A column that is called `selected` costs no more than the folding.
fn is_query(element: &[u8]) -> bool {
    let parentheses = element.iter().take_while(|&&byte| byte == b'(').count();
    let inside = &element[parentheses..];
    [b"select".as_slice(), b"with", b"values", b"table"]
        .iter()
        .any(|word| inside.starts_with(word))
}
