//! "Did you mean": the known word nearest to a mistyped one.

/// The nearest of `known` to `seen`: at most two edits away (one for words of two letters), or a word
/// that begins like it.
pub fn nearest<'k>(seen: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let seen: String = seen
        .chars()
        .take(64)
        .flat_map(char::to_lowercase)
        .map(|c| if c == '-' { '_' } else { c })
        .collect();
    let limit = if seen.len() <= 2 { 1 } else { 2 };
    known
        .into_iter()
        .filter_map(|word| {
            let edits = distance(&seen, word);
            let begins = seen.len() >= 3 && (word.starts_with(&seen) || seen.starts_with(word));
            (edits <= limit || begins).then_some((edits, word))
        })
        .min()
        .map(|(_, word)| word)
}

/// Levenshtein distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(i + 1);
        for ((pair, cb), left) in row.windows(2).zip(&b).zip(1..) {
            let [diagonal, above] = pair else { continue };
            let before = next.get(left - 1).copied().unwrap_or(usize::MAX - 1);
            next.push((diagonal + usize::from(ca != *cb)).min(above + 1).min(before + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_word_that_was_meant() {
        let known = ["url", "username", "password", "stall_after", "keep_free", "id"];
        for (seen, meant) in [
            ("ulr", Some("url")),
            ("URL", Some("url")),
            ("uri", Some("url")),
            ("user", Some("username")),
            ("passwd", Some("password")),
            ("stall-after", Some("stall_after")),
            ("stallafter", Some("stall_after")),
            ("keepfree", Some("keep_free")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(seen, known), meant, "{seen}");
        }
    }
}
