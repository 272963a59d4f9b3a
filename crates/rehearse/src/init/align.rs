//! Which request of one recording is which of another: the longest common subsequence of their shapes.

/// For each of `a` its partner in `b`; partners are in order.
pub(super) fn align(a: &[String], b: &[String]) -> Vec<Option<usize>> {
    let width = b.len() + 1;
    // longest[i * width + j]: of a[i..] and b[j..].
    let mut longest = vec![0u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            longest[i * width + j] = if a[i] == b[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let mut partners = vec![None; a.len()];
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            partners[i] = Some(j);
            (i, j) = (i + 1, j + 1);
        } else if longest[(i + 1) * width + j] >= longest[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    partners
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partners_are_found_around_what_only_one_did() {
        let list = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        assert_eq!(
            align(
                &list("login home help answer out"),
                &list("login home answer answer out")
            ),
            [Some(0), Some(1), None, Some(2), Some(4)]
        );
        assert_eq!(align(&list("a"), &[]), [None]);
    }
}
