//! Every bound that a peer, a user or bad luck can push against, each with its reason.
//!
//! `framecat help limits` prints [`TABLE`], so a limit exists in one place only.

use std::time::Duration;

use crate::options::Keepalive;

mod table;
mod transfer;

pub use table::{Limit, TABLE};
pub use transfer::*;

/// One message unless `--max-message` says otherwise. Larger than anything a person types, small
/// enough that a few dozen connections at their limit still fit in an ordinary machine.
pub const MESSAGE_BYTES: usize = 16 << 20;

/// The most that `--max-message` accepts. Spans address a buffer with 31 bits.
pub const MESSAGE_BYTES_CEILING: usize = 1 << 30;

/// The header, marker, magic or trailer that a framing's word may describe. Larger than any real
/// one; with it a header waits in memory, so it stays small.
pub const HEADER_BYTES: usize = 4 << 10;

/// A PostgreSQL client's messages before it has started: its server accepts no longer ones
/// (MAX_STARTUP_PACKET_LENGTH).
pub const POSTGRES_START_BYTES: usize = 10_000;

/// What `-f guess` looks at: enough for thousands of messages, little enough to be read by hundreds of rules
/// in a moment.
pub const GUESS_BYTES: usize = 1 << 20;

/// The first line of an HTTP request without its CR LF (RFC 9112 section 3 asks for 8,000 at least).
pub const HTTP_LINE_BYTES: usize = 8 << 10;

/// The head of an HTTP message, its empty line included; the trailers of one likewise. What browsers
/// send has 1 to 4 KiB, cookies included.
pub const HTTP_HEAD_BYTES: usize = 32 << 10;

/// Fields of an HTTP head, or of trailers.
pub const HTTP_FIELDS: usize = 100;

/// The line that begins a chunk of an HTTP body, behind its size: extensions. Nobody is known to use
/// more than about a hundred bytes (signatures).
pub const HTTP_CHUNK_EXTENSION_BYTES: usize = 4 << 10;

/// The head of one part of a form: some programs send the whole path that a file has at home (4 KiB).
pub const HTTP_FORM_HEAD_BYTES: usize = 8 << 10;
/// Fields of such a head. Programs send two or three.
pub const HTTP_FORM_FIELDS: usize = 16;
/// Parts of one form, files and others.
pub const HTTP_FORM_PARTS: usize = 1_000;
/// Files of one form: held open until all of it has come, so that all of them are there or none is.
pub const HTTP_FORM_FILES: usize = 100;

/// Forms that come at once, each with its files open; and those of one address, this machine's not counted.
pub const HTTP_FORMS: usize = 32;
/// See [`HTTP_FORMS`].
pub const HTTP_FORMS_PER_SOURCE: usize = 4;
/// All that comes with a form and is no file. Nothing of it is kept; it is bounded because nobody needs more.
pub const HTTP_FORM_OTHER_BYTES: usize = 1 << 20;
/// Uploads in pieces that were begun within [`HTTP_SWEEP`] and have not ended: each is a file that nobody sees.
pub const HTTP_UPLOADS: usize = 1_024;
/// Those of one address, this machine's not counted.
pub const HTTP_UPLOADS_PER_SOURCE: usize = 64;

/// Ranges of one HTTP request. What reads a file in pieces asks for one, or a few; each costs a part's
/// head.
pub const HTTP_RANGES: usize = 16;

/// HTTP requests of a connection that are not answered. Clients send a few dozen ahead at most; each
/// costs two bytes.
pub const HTTP_UNANSWERED: usize = 16 << 10;

/// The first bytes of a message or of broken input shown in an error.
pub const SHOWN_HEAD_BYTES: usize = 16;

/// A payload of `--show` longer than this is shown in part, unless `--show=all`.
pub const SHOW_BYTES: usize = 256;

/// The word indexes of a template run from 0 to one less than this. A template remembers where each
/// word up to its largest index lies, so a larger one would let a typing mistake cost memory.
pub const TEMPLATE_WORDS: usize = 1_000;

/// What a line of JSON may hold besides its message: the keys that reading ignores.
pub const JSON_KEYS_BYTES: usize = 64 << 10;

/// Arrays and objects of a JSON value inside each other. What people write nests less than 20 deep; a
/// reader that recurses, as most do, must not be made to run out of stack.
pub const JSON_DEPTH: usize = 128;

/// RESP values inside each other: what clients of Redis hold at most is 9 (hiredis) to a few dozen.
pub const RESP_DEPTH: usize = 128;

/// An inline command of RESP with its line end, as Redis has it (PROTO_INLINE_MAX_SIZE).
pub const RESP_INLINE_BYTES: usize = 64 << 10;

/// Payloads up to this size are copied beside each other into one buffer; larger ones are handed to
/// the kernel where they lie (`writev`). Copying 4 KiB costs less than one more vector element.
pub const COPY_BYTES: usize = 4 << 10;

/// All answers to one case of the conformance table: a file of 1 MiB a few times over.
pub const CHECK_ANSWERS_BYTES: usize = 8 << 20;

/// Connections on which the conformance table is tried at once: what the smallest servers queue (a backlog
/// of 5 in Python's) is overrun without harm, and the largest cases together stay in the socket buffers.
pub const CHECK_CONNECTIONS: usize = 16;

/// A case of at most so many bytes is cut at each of them; a longer one at so many of its first and last.
pub const CHECK_CUTS: usize = 400;

/// The read buffer of a connection that has been quiet.
pub const READ_BYTES_MIN: usize = 64 << 10;

/// The read buffer of a busy stream: it grows to this while reads fill it.
pub const READ_BYTES_MAX: usize = 1 << 20;

/// The largest UDP payload over IPv4 (65,535 less the IP and UDP headers).
pub const DATAGRAM_BYTES: usize = 65_507;

/// Undelivered bytes held for one reader before its sender is slowed down. All readers of a fan-out
/// share them, and the last message given comes on top.
pub const QUEUE_BYTES: usize = 1 << 20;

/// How long one of several readers may take nothing of a full queue before it is dropped, so that it
/// does not stall the others.
pub const STALLED_TIME: Duration = Duration::from_secs(1);

/// Peers of one datagram socket that are told apart. The one that has been silent longest is
/// forgotten for a new one.
pub const DATAGRAM_PEERS: usize = 1_024;

/// One component of a path that comes from a peer: what Linux's file systems hold (NAME_MAX).
pub const COMPONENT_BYTES: usize = 255;

/// A path that comes from a peer, slashes counted (PATH_MAX).
pub const PATH_BYTES: usize = 4_096;

/// Folders inside each other in a path that comes from a peer.
pub const PATH_DEPTH: usize = 64;

/// How long a part of a file is kept that nobody goes on with.
pub const PARTS_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The same of one that has nothing in it: who began and brought nothing does not come back for it.
pub const EMPTY_PARTS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Connections served at once unless `--max-clients` says otherwise. Where the process may open fewer
/// files than they need, accepting rests until some are free.
pub const CLIENTS: usize = 1_024;

/// Connections that may wait to be accepted. The kernel takes the smaller of this and somaxconn.
pub const BACKLOG: i32 = 1_024;

/// The wait before an address is dialled again (`--retry`); it doubles up to [`RETRY_BACKOFF_MAX`].
/// Short at first: what is started together is there within a moment.
pub const RETRY_BACKOFF_MIN: Duration = Duration::from_millis(20);
/// See [`RETRY_BACKOFF_MIN`]. Long enough to be no burden, short enough not to be noticed.
pub const RETRY_BACKOFF_MAX: Duration = Duration::from_secs(1);

/// The wait after `accept` failed for want of descriptors or memory; it doubles up to
/// [`ACCEPT_BACKOFF_MAX`] (the NATS server's figures).
pub const ACCEPT_BACKOFF_MIN: Duration = Duration::from_millis(10);
/// See [`ACCEPT_BACKOFF_MIN`].
pub const ACCEPT_BACKOFF_MAX: Duration = Duration::from_secs(1);

/// Connecting, all addresses of a name together, unless `--wait` says otherwise.
pub const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// The head start of one address over the next (RFC 8305 section 8).
pub const CONNECT_STAGGER: Duration = Duration::from_millis(250);

/// A TLS handshake of a client: who does not speak TLS, or says nothing, is given up. Dialling is bounded
/// by [`CONNECT_WAIT`] as a whole.
pub const HANDSHAKE_WAIT: Duration = Duration::from_secs(10);

/// TLS handshakes of clients under way at one listener. Of so many the oldest gives way to a new one once
/// it had [`HANDSHAKE_TURN`], so that those who connect and say nothing keep nobody out for long.
pub const HANDSHAKES: usize = 128;
/// See [`HANDSHAKES`]: several round trips across the world.
pub const HANDSHAKE_TURN: Duration = Duration::from_secs(1);

/// Plain bytes that TLS takes before what it made of them is written: four of its largest records.
pub const TLS_BYTES: usize = 64 << 10;

/// A file of certificates or keys. A bundle of every public root has a few hundred KiB.
pub const PEM_BYTES: usize = 4 << 20;

/// Protocols named to the other side of a TLS connection.
pub const PROTOCOLS: usize = 16;

/// How long `ask` and datagram conversations wait for a reply.
pub const REPLY_WAIT: Duration = Duration::from_secs(2);

/// A recording that is played, in bytes: it is held in memory.
pub const RECORDING_BYTES: u64 = 256 << 20;

/// How long the client's part of a recording waits for its turn. Recorded servers may have taken their
/// time, so it is more than `ask` waits.
pub const REPLAY_WAIT: Duration = Duration::from_secs(10);

/// A pipe on stdin that gives nothing for this long after the peer ended is left.
pub const STDIN_AFTER_PEER: Duration = Duration::from_secs(1);

/// Unread input drained before a connection is closed, so that the peer does not lose our last
/// words to a reset (nginx's lingering close).
pub const LINGER_BYTES: usize = 1 << 20;
/// See [`LINGER_BYTES`].
pub const LINGER_TIME: Duration = Duration::from_secs(5);

/// Conversations in hand after the first SIGINT or SIGTERM.
pub const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Keepalive of a TCP connection unless `keepalive=` says otherwise: a vanished peer is noticed after
/// a minute (30 s + 3 × 10 s), the kernel's own default takes over two hours.
pub const KEEPALIVE: Keepalive =
    Keepalive { idle: Duration::from_secs(30), interval: Duration::from_secs(10), count: 3 };

/// A peer of a UDP relay that says nothing for this long is forgotten, unless `--idle` says
/// otherwise.
pub const RELAY_PEER_IDLE: Duration = Duration::from_secs(60);

/// The receive buffer asked for a UDP socket, in bytes, unless `rcvbuf=` says another: what the kernel
/// holds while we are busy. Its default, 208 KiB, holds less than a millisecond of a fast sender.
pub const UDP_RECEIVE_BYTES: usize = 4 << 20;

/// Lines of `--json` told while stdout takes nothing, and lines of a log while stderr does; what comes on top is counted, and the count is
/// told. Messages are never among them: who relays or prints them waits.
pub const TOLD_BYTES: usize = 4 << 20;

/// `--show` entries waiting for the terminal; what comes on top is counted, not kept.
pub const SHOW_QUEUE: usize = 1_024;

/// Bytes of a Unix socket path (`sun_path` less its final NUL).
pub const UNIX_PATH_BYTES: usize = 107;

/// How long a program that was started may take to end once its output has; then it is asked to by
/// SIGTERM.
pub const CHILD_LEAVES: Duration = Duration::from_secs(5);
/// The same where the conversation ended before its output did: nobody waits for it.
pub const CHILD_LEFT: Duration = Duration::from_secs(1);
/// How long after SIGTERM before SIGKILL ends it.
pub const CHILD_TERM: Duration = Duration::from_secs(2);

/// Bytes of the path of a file (`PATH_MAX` less its final NUL).
pub const FILE_PATH_BYTES: usize = 4_095;

/// Path and query of a URL that is fetched, percent-encoded: with method and version what servers take
/// for a request line at least (RFC 9112 section 3).
pub const HTTP_TARGET_BYTES: usize = 8_000;

/// Interim replies (1xx) to one request. One or two are usual; a server that sends more and more of them
/// never answers.
pub const HTTP_INTERIMS: usize = 64;

/// Redirects followed, one after the other, unless `--max-redirects` says otherwise: half of what browsers
/// follow, and more than any sane server needs.
pub const FETCH_REDIRECTS: u32 = 10;

/// How long `fetch` waits for the head of a reply unless `--wait` says otherwise: servers think longer
/// than they take to accept.
pub const FETCH_HEAD_WAIT: Duration = Duration::from_secs(60);
/// How long the content of a reply may give nothing unless `--idle` says otherwise.
pub const FETCH_IDLE: Duration = Duration::from_secs(60);

/// From so many bytes on a client asks whether content is wanted before it sends it, and waits so long for
/// the answer (RFC 9110 section 10.1.1; curl's figures).
pub const EXPECT_BYTES: u64 = 1 << 20;
/// See [`EXPECT_BYTES`].
pub const EXPECT_WAIT: Duration = Duration::from_secs(1);

/// The window of zstd in HTTP: what a decoder has to take, and need not exceed (RFC 9659 section 3).
pub const ZSTD_WINDOW_BYTES: u64 = 8 << 20;

/// Names in one folder that is listed: some 50 MB of memory. A page of more would be of no use to anybody.
pub const LISTING_NAMES: usize = 1_000_000;

/// Connections of one address to an HTTP server, unless `--max-per-source` says otherwise: a browser
/// opens 6, and many people may come from behind one address. Programs on this machine are not counted.
pub const HTTP_CLIENTS_PER_SOURCE: usize = 64;

/// The head of an HTTP request, from its first byte; from the connection's beginning for the first one.
pub const HTTP_HEAD_TIME: Duration = Duration::from_secs(10);

/// A body that is being received and of which nothing comes.
pub const HTTP_BODY_IDLE: Duration = Duration::from_secs(30);

/// A body that nobody wants, from its beginning to its end, however steadily it comes.
pub const HTTP_BODY_TIME: Duration = Duration::from_secs(60);

/// A body that nobody wants is passed over up to here, so that the next request can follow. Behind a
/// longer one the connection ends.
pub const HTTP_BODY_PASSED: usize = 64 << 10;

/// A file that is uploaded, unless `--max-upload` says otherwise.
pub const HTTP_UPLOAD_BYTES: u64 = 10 << 30;

/// How often it is looked for uploads that nobody goes on with.
pub const HTTP_SWEEP: Duration = Duration::from_secs(3_600);

/// The same as [`LINGER_BYTES`] of an upload that is refused: many clients send all of it before they read the
/// reply, and it takes neither memory nor a disk.
pub const HTTP_UPLOAD_LINGER: usize = 1 << 30;

/// Numbers that are tried for a file whose name is taken.
pub const HTTP_NUMBERED: u32 = 1_000;

/// How slowly an upload may come, in bytes a second, once [`HTTP_BODY_IDLE`] is over: a slower one holds a
/// place for nothing.
pub const HTTP_UPLOAD_RATE: u64 = 1 << 10;

/// What is read of an upload at a time, and is in memory while a worker writes it.
pub const HTTP_UPLOAD_STRETCH: usize = 256 << 10;

/// A client that takes nothing of its reply.
pub const HTTP_WRITE_IDLE: Duration = Duration::from_secs(30);

/// A connection that waits for its next request.
pub const HTTP_KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Requests in hand when the server is asked to end.
pub const HTTP_DRAIN_TIME: Duration = Duration::from_secs(10);

/// A file up to this size is read, and leaves with the head of its reply in one call; from about here on
/// a call of its own (sendfile) costs less than copying twice.
pub const HTTP_SMALL_BYTES: usize = 16 << 10;

/// A file from this size on is worth being coded on its way (`--compress`): what is smaller fits into a packet as
/// it is.
pub const HTTP_SQUEEZED_FROM: u64 = 1 << 10;

/// Files and listings that are coded on their way at once. Each takes some 400 KiB and its share of the cores;
/// whoever comes then gets them uncoded.
pub const HTTP_SQUEEZES: usize = 32;

/// Small files that a loop codes in a round, while all others wait: some 4 ms.
pub const HTTP_SQUEEZED_A_ROUND: usize = 16;

/// Small files that each loop remembers coded, and as they were then: coding one takes longer than all else that is
/// done for it.
pub const HTTP_SQUEEZED_BYTES: usize = 2 << 20;

/// Files that are looked up once for all who ask for them at the same moment; each is open meanwhile.
pub const HTTP_LOOKS: usize = 128;

/// Requests whose answers are remembered by each loop, and how long they may be: what browsers send has
/// some 500 bytes. Together they take at most about 1 MiB.
pub const HTTP_REMEMBERED: usize = 256;
/// See [`HTTP_REMEMBERED`].
pub const HTTP_REMEMBERED_BYTES: usize = 2 << 10;

/// The memory of all listings that are on their way, in bytes: a folder of [`LISTING_NAMES`] names, or
/// many small ones.
pub const HTTP_LISTINGS_BYTES: usize = 192 << 20;

/// Folders of more names than [`HTTP_LISTING_SHORT`] that are read for a listing at once: fewer than
/// there are threads that read, so that others have their turn meanwhile.
pub const HTTP_LISTINGS_LONG: usize = 8;

/// Names in a folder whose listing waits for no other: they are read in a few milliseconds.
pub const HTTP_LISTING_SHORT: usize = 2_000;

/// Folders that are sent in one piece (`?tar`, `?zip`) at once. Each has a stretch of 256 KiB in memory and
/// a descriptor a level.
pub const HTTP_ARCHIVES: usize = 16;

/// Files whose hashes are made at once; what is known already needs no turn.
pub const HTTP_HASHES: usize = 8;

/// Hashes that are remembered: some 100 bytes each.
pub const HTTP_HASHES_KNOWN: usize = 4096;

/// Folders inside each other in an archive. What lies deeper is left out, and the archive says so.
pub const HTTP_ARCHIVE_DEPTH: usize = 64;

/// The directory at the end of a zip, kept until then: some 150,000 names. An archive of more is cut
/// off; a tar has no such thing.
pub const HTTP_ZIP_DIRECTORY_BYTES: usize = 16 << 20;

/// Ports that are tried, one after the other, where nobody chose one.
pub const HTTP_PORTS: usize = 100;

/// The name of a user of an HTTP server.
pub const AUTH_NAME_BYTES: usize = 64;

/// A password of an HTTP server.
pub const AUTH_PASSWORD_BYTES: usize = 1_024;

/// Users of an HTTP server: each request that brings a password is compared with what all have.
pub const AUTH_USERS: usize = 1_000;

/// A file of users: a line of [`AUTH_USERS`] is some 120 bytes long.
pub const AUTH_FILE_BYTES: usize = 1 << 20;

/// The memory that one look at a password may take, in KiB; as many are looked at as there are cores.
pub const AUTH_HASH_KIB: u32 = 1 << 20;

/// Passwords that wait for a look. Behind so many the next one is told to come again (503).
pub const AUTH_WAITING: usize = 64;

/// Wrong passwords of one address that cost it nothing: who mistypes, or a browser that asks for several
/// things at once with what it was told.
pub const AUTH_TRIES: u32 = 10;

/// What each further one costs: 1 s, 2, 4 … and no more than this, in which no password of that address is
/// looked at (429). One is forgiven for each such time that passes without one.
pub const AUTH_PAUSE: Duration = Duration::from_secs(60);

/// Addresses that gave wrong passwords and are remembered: 32 bytes each. Of more, the one whose last is the
/// oldest is forgotten.
pub const AUTH_SOURCES: usize = 4_096;
