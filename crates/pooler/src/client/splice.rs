//! Passing bytes on as they are, with some messages replaced, left out or put in between. Nothing is copied until the
//! first change.

/// What goes on, out of what came.
#[derive(Debug)]
pub struct Splice<'a> {
    input: &'a [u8],
    /// Input up to here is in `changed`, or left out.
    done: usize,
    changed: Option<Vec<u8>>,
}

/// A place in the input to come back to.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    at: usize,
    done: usize,
    changed: Option<usize>,
}

impl<'a> Splice<'a> {
    /// Everything goes on as it is.
    pub fn new(input: &'a [u8]) -> Self {
        Self {
            input,
            done: 0,
            changed: None,
        }
    }

    /// The input's byte `at`, before which everything is settled.
    pub fn mark(&self, at: usize) -> Mark {
        Mark {
            at,
            done: self.done,
            changed: self.changed.as_ref().map(Vec::len),
        }
    }

    /// Leaves out the input from a mark to `to`, and what was put there.
    pub fn leave_out_since(&mut self, mark: &Mark, to: usize) {
        self.done = mark.done;
        match (&mut self.changed, mark.changed) {
            (Some(changed), Some(length)) => changed.truncate(length),
            (changed, _) => *changed = None,
        }
        self.leave_out(mark.at, to);
    }

    /// Puts what `write` appends before the input's byte `at`.
    pub fn insert(&mut self, at: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let changed = self
            .changed
            .get_or_insert_with(|| Vec::with_capacity(self.input.len() + 128));
        changed.extend_from_slice(&self.input[self.done..at]);
        self.done = at;
        write(changed);
    }

    /// Puts what `write` appends in the place of the input's bytes `from..to`.
    pub fn replace(&mut self, from: usize, to: usize, write: impl FnOnce(&mut Vec<u8>)) {
        self.insert(from, write);
        self.done = to;
    }

    /// Leaves out the input's bytes `from..to`.
    pub fn leave_out(&mut self, from: usize, to: usize) {
        self.replace(from, to, |_| {});
    }

    /// What goes on, of the input up to `end`; work is given the bytes.
    pub fn finish<T>(mut self, end: usize, work: impl FnOnce(&[u8]) -> T) -> T {
        match &mut self.changed {
            None => work(&self.input[..end]),
            Some(changed) => {
                changed.extend_from_slice(&self.input[self.done.min(end)..end]);
                work(changed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_touched_goes_on_as_it_is() {
        let mut splice = Splice::new(b"abcdef");
        splice.replace(1, 2, |out| out.extend_from_slice(b"XY"));
        splice.insert(3, |out| out.push(b'-'));
        splice.leave_out(4, 5);
        splice.finish(6, |bytes| assert_eq!(bytes, b"aXYc-df"));
        Splice::new(b"abc").finish(2, |bytes| assert_eq!(bytes, b"ab"));
    }

    #[test]
    fn everything_since_a_mark_can_be_left_out() {
        // With a change before the mark and without, and with changes behind it.
        for changed in [false, true] {
            let mut splice = Splice::new(b"abcdef");
            if changed {
                splice.insert(1, |out| out.push(b'-'));
            }
            let mark = splice.mark(2);
            splice.replace(3, 4, |out| out.extend_from_slice(b"XY"));

            splice.leave_out_since(&mark, 5);

            let expected: &[u8] = if changed { b"a-bf" } else { b"abf" };
            splice.finish(6, |bytes| assert_eq!(bytes, expected));
        }
    }
}
