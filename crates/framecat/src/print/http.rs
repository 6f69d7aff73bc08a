//! `--show` of HTTP: each part of a message as a line of its own, CR LF made visible.
//!
//! ```text
//! 12:03:04.123Z #1 > request line  GET /hello.txt HTTP/1.1\r\n
//! 12:03:04.123Z #1 > field         Host: localhost:8000\r\n
//! 12:03:04.123Z #1 > empty line    \r\n
//! ```

use framecat_net::event::HttpPart;
use framecat_proto::message::Dir;
use framecat_proto::text::quote;

use super::show::{Show, ShowForm, put_content, time_of_day};

/// How wide the names of parts are.
const WIDTH: usize = 13;

/// Where and when a part came by.
pub(super) struct Place {
    pub(super) now_ns: u64,
    pub(super) conn: u64,
    pub(super) dir: Dir,
}

/// A part as lines.
pub(super) fn lines(place: &Place, part: HttpPart<'_>, show: Show, colour: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let paint = |code: &str, text: &str| match colour {
        true => format!("\x1b[{code}m{text}\x1b[0m"),
        false => text.to_string(),
    };
    let (arrow, first) = match place.dir {
        Dir::In => (paint("36", "<"), "status line"),
        Dir::Out => (paint("32", ">"), "request line"),
    };
    let time = paint("2", &time_of_day(place.now_ns));
    let begin = |name: &str, out: &mut Vec<u8>| {
        let text = format!("{time} #{} {arrow} {name:WIDTH$} ", place.conn);
        out.extend_from_slice(text.as_bytes());
    };
    match part {
        HttpPart::Head(head) => {
            for (n, line) in lines_of(head).enumerate() {
                let name = match (n, line) {
                    (0, _) => first,
                    (_, b"\r\n") => "empty line",
                    _ => "field",
                };
                begin(name, &mut out);
                quote(line, &mut out);
                out.push(b'\n');
            }
        }
        HttpPart::Chunking(bytes) => {
            for line in lines_of(bytes) {
                let trailer = line.contains(&b':') && !line.contains(&b';');
                begin(if trailer { "trailer" } else { "chunk" }, &mut out);
                quote(line, &mut out);
                out.push(b'\n');
            }
        }
        HttpPart::Content(bytes) => {
            begin("content", &mut out);
            if show.form == ShowForm::Dump {
                out.pop();
            }
            put_content(bytes, show.form, &mut out);
        }
        HttpPart::Left(bytes) => {
            begin("content", &mut out);
            let bytes = match bytes {
                1 => "… 1 more byte\n".to_string(),
                bytes => format!("… {bytes} more bytes\n"),
            };
            out.extend_from_slice(bytes.as_bytes());
        }
        HttpPart::End(why) => {
            begin("ends", &mut out);
            out.extend_from_slice(why.as_bytes());
            out.push(b'\n');
        }
    }
    out
}

/// Lines with their endings; the last may have none.
fn lines_of(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(part: HttpPart<'_>) -> String {
        let place = Place { now_ns: 0, conn: 1, dir: Dir::In };
        String::from_utf8(lines(&place, part, Show::default(), false)).unwrap()
    }

    #[test]
    fn every_part_is_a_line_and_nothing_in_it_acts_on_a_terminal() {
        let head = b"HTTP/1.1 200 \x1b[2J\r\nA: \xff\r\n\r\n";
        let begin = "00:00:00.000Z #1 <";
        assert_eq!(
            shown(HttpPart::Head(head)),
            format!(
                "{begin} status line   HTTP/1.1 200 \\x1b[2J\\r\\n\n{begin} field         A: \\xff\\r\\n\n\
                 {begin} empty line    \\r\\n\n"
            )
        );
        assert_eq!(
            shown(HttpPart::Chunking(b"\r\n0\r\nA: b\r\n\r\n")),
            format!(
                "{begin} chunk         \\r\\n\n{begin} chunk         0\\r\\n\n\
                 {begin} trailer       A: b\\r\\n\n{begin} chunk         \\r\\n\n"
            )
        );
        assert_eq!(shown(HttpPart::Content(b"a\nb")), format!("{begin} content       a\\nb\n"));
        assert_eq!(shown(HttpPart::Left(2)), format!("{begin} content       … 2 more bytes\n"));
        assert_eq!(shown(HttpPart::End("here")), format!("{begin} ends          here\n"));
    }
}
