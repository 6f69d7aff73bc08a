//! What `framecat connect EP -f guess` tells: a row for each rule that fits, the most specific first.

use framecat_proto::framing::{Guess, Guesses};
use framecat_proto::text::put_json_string;

/// Rules that are told; what comes after them is less specific.
const ROWS: usize = 12;

/// As a table for a person.
/// `more`: only so many bytes were looked at.
pub fn page(guesses: &Guesses, more: Option<usize>) -> String {
    let mut rows = vec![["RULE", "MESSAGES", "BYTES EACH", "REFUSES"].map(String::from).to_vec()];
    for guess in guesses.fit.iter().take(ROWS) {
        rows.push(vec![
            guess.rule.to_string(),
            guess.messages.to_string(),
            lengths(guess),
            format!("{} of {} flipped bits{}", guess.refused, guess.flipped, notes(guess)),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..3).filter_map(width).collect();
    let mut page = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(&widths) {
            page.push_str(&format!("{cell:width$}  "));
        }
        page.push_str(&row[3]);
        page.push('\n');
    }
    if guesses.fit.len() > ROWS {
        page.push_str(&format!("and {} more, less specific\n", guesses.fit.len() - ROWS));
    }
    if let Some(bytes) = more {
        page.push_str(&format!("looked at the first {bytes} bytes; a last message may go on\n"));
    }
    page
}

fn lengths(guess: &Guess) -> String {
    match (guess.shortest, guess.longest) {
        (shortest, longest) if shortest == longest => shortest.to_string(),
        (shortest, longest) => format!("{shortest} to {longest}"),
    }
}

fn notes(guess: &Guess) -> String {
    let mut notes = String::new();
    if !guess.also.is_empty() {
        let also: Vec<String> = guess.also.iter().map(ToString::to_string).collect();
        notes.push_str(&format!("; the same as {}", also.join(", ")));
    }
    if guess.cut > 0 {
        notes.push_str(&format!("; the last {} bytes have no end", guess.cut));
    }
    notes
}

/// As lines of JSON, an object a rule.
pub fn lines(guesses: &Guesses) -> Vec<u8> {
    let mut out = Vec::new();
    for guess in &guesses.fit {
        out.extend_from_slice(br#"{"event":"guess","rule":"#);
        put_json_string(&guess.rule.to_string(), &mut out);
        out.extend_from_slice(br#","also":["#);
        for (n, also) in guess.also.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            put_json_string(&also.to_string(), &mut out);
        }
        let Guess { messages, shortest, longest, refused, flipped, cut, .. } = guess;
        let rest = format!(
            r#"],"messages":{messages},"shortest":{shortest},"longest":{longest},"refused":{refused},"flipped":{flipped},"cut":{cut}}}"#
        );
        out.extend_from_slice(rest.as_bytes());
        out.push(b'\n');
    }
    out
}
