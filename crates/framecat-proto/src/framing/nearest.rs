//! What to say about a word that means nothing: the known word nearest to it, and what to write.

use super::{ParseFramingError, TABLE};

/// The known word that differs from `word` by the fewest letters, at most two and at most half
/// of its own.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(steps, candidate)| *steps <= 2 && steps * 2 <= candidate.len())
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, candidate)| candidate)
}

/// The Levenshtein distance: letters to insert, delete or replace. Words that are far too long are
/// not measured, so a long argument costs nothing.
fn distance(a: &str, b: &str) -> usize {
    if a.len().abs_diff(b.len()) > 8 {
        return usize::MAX / 2;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, into) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *into);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// The options in `rest`, which is empty or begins with a comma.
pub(super) fn options(rest: &str) -> impl Iterator<Item = &str> {
    rest.split(',').skip(1)
}

/// Sets what `rest` asks for; `known` are the options of the framing `name`, which takes no argument.
pub(super) fn switches<const N: usize>(
    name: &str,
    rest: &str,
    mut known: [(&str, &mut bool); N],
) -> Result<(), ParseFramingError> {
    if rest.starts_with(':') {
        return Err(super::takes_no_argument(name, rest));
    }
    for word in options(rest) {
        match known.iter_mut().find(|(option, _)| *option == word) {
            Some((_, switch)) => **switch = true,
            None => return Err(unknown_option(name, word, &known.map(|(option, _)| option))),
        }
    }
    Ok(())
}

/// The option `word` means nothing to the framing `name`, whose options are `known`.
pub(super) fn unknown_option(name: &str, word: &str, known: &[&str]) -> ParseFramingError {
    let grammar = TABLE.iter().find(|row| row.name == name).map_or(name, |row| row.grammar);
    if word == "resync" {
        return cannot_resync(name);
    }
    let key = word.split('=').next().unwrap_or(word);
    let problem = if word.is_empty() {
        format!("an option is missing after a comma of the framing `{name}`")
    } else {
        format!("`{word}` means nothing to the framing `{name}`")
    };
    let keys = known.iter().map(|known| known.trim_end_matches('='));
    let remedy = match nearest(key, keys) {
        Some(near) if near != key => format!("did you mean `{near}`? The grammar is {grammar}"),
        _ => format!("the grammar is {grammar}"),
    };
    ParseFramingError { problem, remedy }
}

/// `,keep` on a framing that stuffs its bytes: what is around a message says nothing, and with the
/// escapes undone the rest would be neither the payload nor what came. `wire` is the framing that hands
/// on what came.
pub(super) fn nothing_to_keep(name: &str, wire: &str) -> ParseFramingError {
    ParseFramingError {
        problem: format!("the framing `{name}` has nothing to keep around its messages"),
        remedy: format!("leave `,keep` out; `{wire}` hands messages on as they are on the wire"),
    }
}

/// Resynchronising needs a mark that cannot appear inside a message, or a rule to go on with.
pub(super) fn cannot_resync(name: &str) -> ParseFramingError {
    let able: Vec<&str> =
        TABLE.iter().filter(|row| row.grammar.contains(",resync")).map(|row| row.name).collect();
    ParseFramingError {
        problem: format!("the framing `{name}` cannot resynchronise"),
        remedy: format!("leave `,resync` out; what can is: {}", able.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_near_or_none() {
        let known = ["line", "len", "delim", "nul", "raw"];
        for (typed, want) in [
            ("lines", Some("line")),
            ("null", Some("nul")),
            ("delm", Some("delim")),
            ("Line", Some("line")),
            ("ln", Some("len")),
            ("lnie", Some("line")),
            ("xyz", None),
            ("", None),
            ("a very long word that nobody would type", None),
        ] {
            assert_eq!(nearest(typed, known), want, "{typed}");
        }
    }
}
