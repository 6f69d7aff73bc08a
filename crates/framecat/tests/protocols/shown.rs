//! What `--show` told of a conversation.

/// A message of `--show`.
#[derive(Debug)]
pub struct Shown {
    /// `<` from the client, `>` to it.
    pub mark: char,
    pub length: usize,
    /// Its payload, in the form that was asked for.
    pub text: String,
}

/// All messages in what a relay with `--show` wrote on stderr:
/// `12:03:04.123Z #1 < 127.0.0.1:50112 n=1 11B hello`.
pub fn shown(stderr: &str) -> Vec<Shown> {
    let message = |line: &str| {
        let mut words = line.splitn(7, ' ');
        let (_time, conn, mark) = (words.next()?, words.next()?, words.next()?);
        let (_peer, _n, length) = (words.next()?, words.next()?, words.next()?);
        let length = length.strip_suffix('B')?.parse().ok()?;
        let mark =
            mark.chars().next().filter(|mark| conn.starts_with('#') && "<>".contains(*mark))?;
        Some(Shown { mark, length, text: words.next().unwrap_or_default().into() })
    };
    stderr.lines().filter_map(message).collect()
}

/// The first letter of each message of one direction.
pub fn first_letters(shown: &[Shown], mark: char) -> String {
    let one_way = shown.iter().filter(|message| message.mark == mark);
    one_way.filter_map(|message| message.text.chars().next()).collect()
}
