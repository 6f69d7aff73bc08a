//! `framecat help limits`: what is bounded, as a person reads it.

/// A row of `framecat help limits`.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// What is bounded.
    pub what: &'static str,
    /// The bound, as a person reads it.
    pub bound: &'static str,
    /// What happens there, and the option that moves it.
    pub then: &'static str,
}

/// The reference table: what is bounded, by how much, and what happens at the bound.
pub const TABLE: &[Limit] = &[
    Limit {
        what: "one message",
        bound: "16 MiB",
        then: "refused by name; --max-message SIZE, at most 1 GiB",
    },
    Limit { what: "one datagram over IPv4", bound: "65,507 B", then: "refused by name, never cut" },
    Limit {
        what: "a header, marker or trailer that a framing describes",
        bound: "4 KiB",
        then: "the framing is refused when it is read from the command line",
    },
    Limit {
        what: "values inside each other (json, ndjson, json-seq, resp)",
        bound: "128",
        then: "the message is refused",
    },
    Limit { what: "an inline command of resp", bound: "64 KiB", then: "refused" },
    Limit { what: "the first line of an HTTP request", bound: "8 KiB", then: "refused: 414" },
    Limit {
        what: "the head of an HTTP message, and its trailers",
        bound: "32 KiB, 100 fields",
        then: "refused: 431",
    },
    Limit { what: "the extensions of an HTTP chunk", bound: "4 KiB", then: "refused: 400" },
    Limit {
        what: "ranges of an HTTP request",
        bound: "16",
        then: "ignored: the whole file is sent",
    },
    Limit {
        what: "HTTP requests of a connection that are not answered",
        bound: "16,384",
        then: "refused",
    },
    Limit {
        what: "interim replies (1xx) of a server that is fetched from",
        bound: "64",
        then: "exit 7",
    },
    Limit { what: "redirects in a row", bound: "10", then: "exit 1; --max-redirects N" },
    Limit {
        what: "the head of a reply to fetch",
        bound: "60 s; 32 KiB",
        then: "exit 5, --wait TIME; longer ones exit 7",
    },
    Limit { what: "silence in what fetch reads", bound: "60 s", then: "exit 5; --idle TIME" },
    Limit {
        what: "the window of a gzip, br or zstd decoder",
        bound: "8 MiB of zstd, 16 MiB of br",
        then: "refused; what is decoded is written as it comes and fills no memory",
    },
    Limit {
        what: "what -f guess looks at",
        bound: "1 MiB",
        then: "the rest is not read, and a last message may be cut",
    },
    Limit {
        what: "read buffer of a stream",
        bound: "64 KiB to 1 MiB",
        then: "grows while reads fill it, shrinks when quiet",
    },
    Limit {
        what: "a message that has not ended",
        bound: "one message",
        then: "memory grows with what arrived, never with what a header claims",
    },
    Limit {
        what: "datagrams of one peer that nobody has taken",
        bound: "1 MiB",
        then: "later ones are dropped, counted and told",
    },
    Limit {
        what: "messages waiting for one of many readers (stdin's, --chat)",
        bound: "1 MiB",
        then: "whoever speaks is read no further; one copy serves all readers",
    },
    Limit {
        what: "datagrams in the kernel's receive buffer",
        bound: "4 MiB",
        then: "later ones are lost, counted and told; rcvbuf=SIZE (net.core.rmem_max may be less)",
    },
    Limit {
        what: "one of many readers whose queue is full and who takes nothing",
        bound: "1 s",
        then: "dropped, and told, so that it does not stall the others",
    },
    Limit {
        what: "connections at once",
        bound: "1,024",
        then: "later ones wait in the kernel's queue; --max-clients N",
    },
    Limit {
        what: "peers of a datagram socket",
        bound: "1,024",
        then: "the one silent longest is forgotten; --max-clients N",
    },
    Limit {
        what: "connections not yet accepted",
        bound: "1,024",
        then: "the kernel's somaxconn may be smaller; backlog=N",
    },
    Limit {
        what: "a client's TLS handshake",
        bound: "10 s; 128 at once",
        then: "given up and told; of so many the oldest gives way after 1 s",
    },
    Limit {
        what: "plain bytes given to TLS and not yet written",
        bound: "64 KiB",
        then: "who sends waits",
    },
    Limit {
        what: "a file of certificates",
        bound: "4 MiB",
        then: "refused by name; the endpoint is not opened",
    },
    Limit {
        what: "HTTP clients of one address, but this machine",
        bound: "64",
        then: "503, and told; --max-per-source N",
    },
    Limit {
        what: "an HTTP head; a body or a reply of which nothing moves; the next request",
        bound: "10 s; 30 s; 60 s",
        then: "408 or the end of the connection",
    },
    Limit {
        what: "an HTTP body that nobody wants",
        bound: "64 KiB, 60 s",
        then: "the connection ends behind the reply",
    },
    Limit {
        what: "HTTP passwords that wait for a look",
        bound: "64; a look a core",
        then: "told to come again: 503",
    },
    Limit {
        what: "wrong HTTP passwords of one address (IPv6: a /64)",
        bound: "10",
        then: "no other is looked at for 1 s, 2, 4 … 60 s: 429",
    },
    Limit { what: "users of an HTTP server", bound: "1,000", then: "refused at the start" },
    Limit {
        what: "a form that is uploaded; forms at once; of one address",
        bound: "100 files, 1,000 parts; 32; 4",
        then: "413; so are 8 KiB in the head of a part, and 1 MiB that is in no file; 503",
    },
    Limit {
        what: "uploads in pieces that do not end; of one address; one left alone",
        bound: "1,024; 64; 7 days",
        then: "503, until some are whole or given up; removed",
    },
    Limit { what: "HTTP requests in hand after SIGINT or SIGTERM", bound: "10 s", then: "cut off" },
    Limit {
        what: "names in a folder that is listed",
        bound: "1,000,000",
        then: "no page; each file is served by its name",
    },
    Limit {
        what: "listings of folders that are on their way",
        bound: "192 MiB",
        then: "503, until some are out",
    },
    Limit { what: "archives on their way; hashes of files", bound: "16; 8", then: "503" },
    Limit {
        what: "files and listings that are compressed on their way",
        bound: "32",
        then: "sent as they are",
    },
    Limit {
        what: "an archive; the directory of a zip",
        bound: "64 levels; 16 MiB",
        then: "left out, and noted; the zip is cut off (take a tar)",
    },
    Limit { what: "words of a code", bound: "3 to 12", then: "no code" },
    Limit {
        what: "the handshake of a transfer; of how many at once",
        bound: "10 s; 16",
        then: "given up and told; of so many the one that said least gives way",
    },
    Limit {
        what: "wrong guesses of a code",
        bound: "3; 1 s, 2 s … apart",
        then: "the code is void, and exit 6 on both sides; --tries N, at most 5",
    },
    Limit {
        what: "files, folders and links in a transfer",
        bound: "10,000,000",
        then: "later ones fail, and are told: exit 9",
    },
    Limit {
        what: "a path in a transfer; a name in it",
        bound: "64 levels, 4,096 B; 255 B",
        then: "that one fails, and is told: exit 9",
    },
    Limit {
        what: "files offered and not dealt with; asked for at once",
        bound: "16,384; 1,024",
        then: "no more is offered, or asked for, until some are",
    },
    Limit {
        what: "a record of a transfer; one of content",
        bound: "64 KiB; 1 MiB",
        then: "exit 7; its length is looked at before anything is kept",
    },
    Limit {
        what: "the pieces of a file",
        bound: "1 MiB; 65,536 of them",
        then: "larger files have larger ones; one cut off is sent again",
    },
    Limit {
        what: "ranges of one file that are asked for at once",
        bound: "1,024",
        then: "the others when these are there",
    },
    Limit {
        what: "a file that is sent with others in a record",
        bound: "64 KiB",
        then: "sent by itself, and goes on after a cut",
    },
    Limit {
        what: "a text that is sent (--text)",
        bound: "1 MiB",
        then: "refused: a file takes more",
    },
    Limit {
        what: "received and not yet written; read and not yet sent",
        bound: "8 MiB; 2 MiB",
        then: "no more is read from the network, or from the disk",
    },
    Limit {
        what: "what was received and is not yet synced",
        bound: "5 s",
        then: "written to the disk for good beside the rest; --durable before it is told as there",
    },
    Limit {
        what: "what a side of a transfer says about a cause",
        bound: "512 B",
        then: "cut, and shown escaped",
    },
    Limit {
        what: "numbers tried for a file whose name is taken",
        bound: "1,000",
        then: "that one fails, and is told: exit 9",
    },
    Limit {
        what: "a part of a file that nobody comes back for",
        bound: "7 days",
        then: "removed by the next receive into that folder, and told",
    },
    Limit {
        what: "names of a folder that are sorted and offered together",
        bound: "4 MiB",
        then: "a larger folder is offered in several runs",
    },
    Limit {
        what: "names of an offer that a person is shown",
        bound: "20",
        then: "the others are counted",
    },
    Limit { what: "connecting", bound: "10 s; for ask 2 s", then: "exit 5; --wait TIME" },
    Limit { what: "a reply to ask, or to datagrams", bound: "2 s", then: "exit 5; --wait TIME" },
    Limit {
        what: "a pipe on stdin after the peer ended",
        bound: "1 s of silence",
        then: "left, exit 0; --half-open waits for ever",
    },
    Limit {
        what: "a program that does not end after the conversation",
        bound: "5 s; unheard 1 s",
        then: "SIGTERM, and SIGKILL 2 s later",
    },
    Limit {
        what: "unread input at the end",
        bound: "1 MiB or 5 s",
        then: "drained, so that the peer keeps our last words",
    },
    Limit {
        what: "work in hand after SIGINT or SIGTERM",
        bound: "5 s",
        then: "a second signal ends at once",
    },
    Limit { what: "a silent peer of a UDP relay", bound: "60 s", then: "forgotten; --idle TIME" },
    Limit { what: "a message in --show", bound: "256 B", then: "shown in part; --show=all" },
    Limit {
        what: "lines of serve's log waiting for stderr; events of --json for stdout",
        bound: "4 MiB",
        then: "later ones are counted, and the count is told",
    },
    Limit {
        what: "a recording waiting for its disk",
        bound: "1 MiB",
        then: "the conversations wait; nothing is left out",
    },
    Limit {
        what: "a recording that is played",
        bound: "256 MiB",
        then: "refused by name; a part of its lines is a recording too",
    },
    Limit {
        what: "what the player of a client's part waits for",
        bound: "10 s",
        then: "exit 5; --wait TIME",
    },
    Limit { what: "what --coalesce holds", bound: "1 MiB", then: "sent at once" },
    Limit {
        what: "lines waiting to be shown",
        bound: "1,024",
        then: "later ones are counted as not shown",
    },
];

#[cfg(test)]
mod tests {
    use super::super::*;

    /// `16,384`.
    fn number(n: u64) -> String {
        match n {
            0..1_000 => n.to_string(),
            _ => format!("{},{:03}", number(n / 1_000), n % 1_000),
        }
    }

    #[test]
    fn the_rows_of_transfers_say_what_is_done() {
        let kib = |bytes: usize| format!("{} KiB", bytes >> 10);
        let mib = |bytes: usize| format!("{} MiB", bytes >> 20);
        let seconds = |time: Duration| format!("{} s", time.as_secs());
        let two = |a: String, b: String| format!("{a}; {b}");
        for (what, bound) in [
            ("words of a code", format!("{CODE_WORDS} to {CODE_WORDS_MAX}")),
            (
                "the handshake of a transfer; of how many at once",
                two(seconds(TRANSFER_MEET_TIME), TRANSFER_MEETING.to_string()),
            ),
            (
                "wrong guesses of a code",
                format!("{TRANSFER_TRIES}; {}, 2 s … apart", seconds(TRANSFER_GUESS_PAUSE)),
            ),
            ("files, folders and links in a transfer", number(TRANSFER_ENTRIES.into())),
            (
                "a path in a transfer; a name in it",
                format!(
                    "{PATH_DEPTH} levels, {} B; {COMPONENT_BYTES} B",
                    number(PATH_BYTES as u64)
                ),
            ),
            (
                "files offered and not dealt with; asked for at once",
                two(number(TRANSFER_WINDOW.into()), number(TRANSFER_ASKED.into())),
            ),
            (
                "a record of a transfer; one of content",
                two(kib(TRANSFER_CONTROL_BYTES), mib(TRANSFER_DATA_BYTES)),
            ),
            (
                "the pieces of a file",
                format!("{}; {} of them", mib(1 << TRANSFER_PIECE_LOG2), number(TRANSFER_PIECES)),
            ),
            ("ranges of one file that are asked for at once", number(TRANSFER_RANGES as u64)),
            ("a file that is sent with others in a record", kib(TRANSFER_SMALL_BYTES as usize)),
            ("a text that is sent (--text)", mib(TRANSFER_TEXT_BYTES as usize)),
            (
                "received and not yet written; read and not yet sent",
                two(mib(TRANSFER_UNWRITTEN_BYTES), mib(TRANSFER_UNSENT_BYTES)),
            ),
            ("what was received and is not yet synced", seconds(TRANSFER_SYNC_TIME)),
            ("what a side of a transfer says about a cause", format!("{TRANSFER_SAID_BYTES} B")),
            ("numbers tried for a file whose name is taken", number(TRANSFER_NAMES.into())),
            (
                "a part of a file that nobody comes back for",
                format!("{} days", PARTS_KEPT.as_secs() / 86_400),
            ),
            ("names of a folder that are sorted and offered together", mib(TRANSFER_SORTED_BYTES)),
        ] {
            let row = TABLE.iter().find(|row| row.what == what).expect(what);
            assert_eq!(row.bound, bound, "{what}");
        }
    }
}
