//! `http` has states, which a table of bytes does not reach.

use framecat_proto::Framing;
use framecat_proto::framing::{EncodeError, Ending, Framer};
use framecat_proto::limits::{HTTP_UNANSWERED, MESSAGE_BYTES};
use framecat_proto::message::{Batch, Context, Outbound, Outgoing, Spans};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const HEAD: &[u8] = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
const CONNECT: &[u8] = b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n";
const UPGRADE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const NO_BODY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
const SWITCHED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
const PUT: &[u8] =
    b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The messages in bytes that come now, and the fault behind them.
fn hear(framer: &mut Box<dyn Framer>, input: &[u8]) -> (Vec<Vec<u8>>, Option<String>) {
    let mut spans = Spans::new();
    let progress = framer.decode(input, &mut spans);
    let messages = (0..spans.len()).map(|i| spans.get(i, input).to_vec()).collect();
    (messages, progress.fault.map(|fault| fault.to_string()))
}

#[track_caller]
fn heard(framer: &mut Box<dyn Framer>, input: &[u8], want: &[&[u8]]) {
    assert_eq!(hear(framer, input), (want.iter().map(|m| m.to_vec()).collect(), None));
}

#[track_caller]
fn refused(framer: &mut Box<dyn Framer>, input: &[u8], why: &str) {
    let (messages, fault) = hear(framer, input);
    assert_eq!((messages.len(), fault.as_deref()), (0, Some(why)));
}

/// Writes one message; it must go out as it is.
fn say(framer: &mut Box<dyn Framer>, payload: &[u8]) -> Result<(), EncodeError> {
    let mut spans = Spans::new();
    spans.push(0, payload.len());
    let mut out = Outgoing::new();
    let message = Outbound { payload, time_ns: None, index: 0, cut: false };
    framer.encode(message, &Context::at(0), &mut out)?;
    assert_eq!(out.to_vec(Batch { input: payload, spans: &spans }), payload);
    Ok(())
}

fn pair() -> [Box<dyn Framer>; 2] {
    Framing::Http.pair(MESSAGE_BYTES)
}

fn lacks(what: &str) -> Result<(), EncodeError> {
    Err(EncodeError::Lacks(what.into()))
}

#[test]
fn an_answer_ends_where_its_request_has_it() {
    let [mut client, mut server] = pair();
    heard(&mut client, &[HEAD, GET].concat(), &[HEAD, GET]);
    heard(&mut server, &[NO_BODY, OK].concat(), &[NO_BODY, OK]);
    // Interim answers answer nothing yet.
    heard(&mut client, HEAD, &[HEAD]);
    let hints = b"HTTP/1.1 103 Early Hints\r\n\r\n";
    heard(&mut server, &[CONTINUE, hints, NO_BODY].concat(), &[CONTINUE, hints, NO_BODY]);
    // The same as who writes has it.
    let [mut hears, mut says] = pair();
    heard(&mut hears, &[HEAD, GET].concat(), &[HEAD, GET]);
    assert_eq!(say(&mut says, OK), Err(EncodeError::WouldSplit { at: NO_BODY.len() }));
    assert_eq!(say(&mut says, NO_BODY), Ok(()));
    let why = lacks("its header speaks of 40 bytes and it has 38");
    assert_eq!(say(&mut says, NO_BODY), why);
    assert_eq!(say(&mut says, OK), Ok(()));
}

#[test]
fn an_answer_to_nothing_is_refused() {
    let why = "it is a response, and no request waits for one";
    for reply in [OK, NO_BODY, CONTINUE, SWITCHED, b"HTTP/1.1 2"] {
        let [mut client, mut server] = pair();
        refused(&mut client, reply, why);
        refused(&mut server, reply, why);
        let [mut client, mut server] = pair();
        heard(&mut client, GET, &[GET]);
        let (messages, fault) = hear(&mut server, &[CONTINUE, OK, reply].concat());
        assert_eq!((messages, fault.as_deref()), (vec![CONTINUE.to_vec(), OK.to_vec()], Some(why)));
    }
    // A file that answers whoever comes is there before the request is.
    let [mut hears, mut says] = pair();
    assert_eq!(say(&mut says, OK), Ok(()));
    heard(&mut hears, GET, &[GET]);
}

#[test]
fn nothing_is_taken_behind_the_last_request() {
    let why = "it follows a request that said Connection: close, or of HTTP/1.0 without keep-alive";
    let close = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n";
    let old = b"POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi";
    let kept = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    for last in [&close[..], old] {
        for behind in [GET, &kept[..], b"\r\nG", b"\x16\x03"] {
            let [mut client, mut server] = pair();
            let (messages, fault) = hear(&mut client, &[kept, last, behind].concat());
            assert_eq!((messages.len(), fault.as_deref()), (2, Some(why)));
            heard(&mut server, &[OK, OK].concat(), &[OK, OK]);
            refused(&mut client, behind, why);
            // Nor is it written.
            let [mut hears, mut says] = pair();
            assert_eq!(say(&mut says, last), Ok(()));
            assert_eq!(say(&mut says, GET), lacks(why));
            heard(&mut hears, OK, &[OK]);
        }
        // Old clients end a body with an empty line.
        let [mut client, mut server] = pair();
        heard(&mut client, &[last, b"\r\n"].concat(), &[last]);
        heard(&mut server, OK, &[OK]);
        // Who reads one direction may have many connections before it.
        let mut alone = Framing::Http.framer(MESSAGE_BYTES);
        heard(&mut alone, &[last, GET].concat(), &[last, GET]);
    }
}

#[test]
fn a_connect_with_content_is_refused() {
    let why = "it is a CONNECT with content (RFC 9110 section 9.3.6)";
    for (field, body) in [("Content-Length: 3", "abc"), ("Transfer-Encoding: chunked", "0\r\n\r\n")]
    {
        let request = format!("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n{field}\r\n\r\n{body}");
        for request in [&request, &request[..request.len() - body.len()]] {
            refused(&mut pair()[0], request.as_bytes(), why);
            assert_eq!(say(&mut pair()[0], request.as_bytes()), lacks(why));
            refused(&mut Framing::Http.framer(MESSAGE_BYTES), request.as_bytes(), why);
        }
    }
    let none = b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: 0\r\n\r\n";
    heard(&mut pair()[0], none, &[none]);
}

#[test]
fn nobody_is_switched_who_did_not_ask_for_it() {
    let why = "it is a 101, and the request had no Upgrade (RFC 9110 section 7.8)";
    let old = String::from_utf8(UPGRADE.to_vec()).unwrap().replace("HTTP/1.1", "HTTP/1.0");
    for request in [GET, HEAD, CONNECT, old.as_bytes()] {
        let [mut client, mut server] = pair();
        heard(&mut client, request, &[request]);
        refused(&mut server, SWITCHED, why);
        let [mut hears, mut says] = pair();
        heard(&mut hears, request, &[request]);
        assert_eq!(say(&mut says, SWITCHED), lacks(why));
    }
}

#[test]
fn behind_an_accepted_connect_and_101_all_is_handed_on_as_it_comes() {
    for (request, reply) in [(CONNECT, &b"HTTP/1.1 200 OK\r\n\r\n"[..]), (UPGRADE, SWITCHED)] {
        let [mut client, mut server] = pair();
        heard(&mut client, request, &[request]);
        heard(&mut server, &[reply, b"\x16\x03"].concat(), &[reply, b"\x16\x03"]);
        heard(&mut client, b"\x81\0GET", &[b"\x81\0GET"]);
        let [mut hears, mut says] = pair();
        heard(&mut hears, request, &[request]);
        assert_eq!(say(&mut says, reply), Ok(()));
        assert_eq!(say(&mut says, b"\0any"), Ok(()));
        heard(&mut hears, b"any", &[b"any"]);
    }
    // Refused, it stays HTTP.
    for (request, status) in [(CONNECT, "407"), (UPGRADE, "200")] {
        let [mut client, mut server] = pair();
        heard(&mut client, request, &[request]);
        let reply = [b"HTTP/1.1 ", status.as_bytes(), &OK[12..]].concat();
        heard(&mut server, &reply, &[&reply]);
        heard(&mut client, GET, &[GET]);
        heard(&mut server, OK, &[OK]);
    }
}

#[test]
fn what_follows_a_connect_or_upgrade_before_its_answer_is_refused() {
    for (request, why) in [
        (CONNECT, "it follows a CONNECT that is not answered"),
        (UPGRADE, "it follows a request with Upgrade that is not answered"),
    ] {
        for behind in [&b"\x16\x03\x01"[..], GET] {
            let [mut client, mut server] = pair();
            let (messages, fault) = hear(&mut client, &[request, behind].concat());
            assert_eq!(messages, [request]);
            assert_eq!(fault.as_deref(), Some(why));
            // An interim answer answers nothing yet.
            heard(&mut server, CONTINUE, &[CONTINUE]);
            refused(&mut client, behind, why);
        }
    }
}

#[test]
fn a_direction_by_itself_goes_by_what_it_sees() {
    let alone = || Framing::Http.framer(MESSAGE_BYTES);
    heard(&mut alone(), &[OK, OK].concat(), &[OK, OK]);
    heard(&mut alone(), &[SWITCHED, OK].concat(), &[SWITCHED, OK]);
    heard(&mut alone(), &[SWITCHED, b"\x81"].concat(), &[SWITCHED, b"\x81"]);
    heard(&mut alone(), &[CONNECT, b"\x16\x03"].concat(), &[CONNECT, b"\x16\x03"]);
    heard(&mut alone(), &[UPGRADE, b"\x81\x05"].concat(), &[UPGRADE, b"\x81\x05"]);
    heard(&mut alone(), &[UPGRADE, GET].concat(), &[UPGRADE, GET]);
}

#[test]
fn one_direction_asks() {
    let [mut client, mut server] = pair();
    heard(&mut client, GET, &[GET]);
    refused(&mut client, OK, "it is a response, and this direction asked before");
    refused(&mut server, GET, "it is a request, and the other direction asked before");
    let [mut client, mut server] = pair();
    assert_eq!(say(&mut server, OK), Ok(()));
    let why = "it is a request, and the other direction asked before";
    assert_eq!(say(&mut server, GET), lacks(why));
    assert_eq!(say(&mut client, GET), Ok(()));
}

#[test]
fn a_response_up_to_the_end_of_the_stream_is_the_last() {
    let until = b"HTTP/1.0 200 OK\r\n\r\nanything";
    let [mut client, mut server] = pair();
    heard(&mut client, GET, &[GET]);
    heard(&mut server, until, &[]);
    assert_eq!(server.end(until), Ending::Whole);
    let [mut hears, mut says] = pair();
    heard(&mut hears, GET, &[GET]);
    assert!(!says.is_last());
    assert_eq!(say(&mut says, until), Ok(()));
    assert!(says.is_last());
    assert_eq!(say(&mut says, OK), lacks("the message before it ends with the connection"));
}

#[test]
fn the_end_of_the_stream_elsewhere_is_a_cut() {
    for (bytes, need) in [
        (&b"HTTP/1.1 200 OK\r\nContent-Le"[..], None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", Some(43)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello", None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", None),
        (b"GET", None),
        (b"H", None),
        (b"\r", None),
    ] {
        let mut framer = Framing::Http.framer(MESSAGE_BYTES);
        heard(&mut framer, bytes, &[]);
        assert_eq!(framer.end(bytes), Ending::Cut { need }, "{}", bytes.escape_ascii());
    }
}

#[test]
fn what_says_that_nothing_follows_is_the_last() {
    let close = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let old = b"GET / HTTP/1.0\r\n\r\n";
    let kept = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    let asks = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for (request, reply, want) in [
        (GET, OK, false),
        (GET, &close[..], true),
        (old, OK, true),
        (kept, OK, false),
        (asks, OK, true),
        (asks, CONTINUE, false),
    ] {
        let [mut hears, mut says] = pair();
        heard(&mut hears, request, &[request]);
        assert_eq!(say(&mut says, reply), Ok(()));
        assert_eq!(says.is_last(), want, "{}", request.escape_ascii());
    }
}

#[test]
fn who_waits_for_100_is_told_to_go_on_once_and_when_all_before_is_answered() {
    let [mut client, mut server] = pair();
    assert_eq!(client.prompt(), None);
    heard(&mut client, PUT, &[]);
    assert_eq!(client.prompt(), Some(CONTINUE));
    heard(&mut client, &[PUT, b"h"].concat(), &[]);
    assert_eq!((client.prompt(), server.prompt()), (None, None));
    let whole = [PUT, b"hi"].concat();
    heard(&mut client, &whole, &[&whole]);
    assert_eq!(client.prompt(), None);
    // Behind another request the other half says it, once that is answered.
    let [mut client, mut server] = pair();
    heard(&mut client, &[GET, PUT].concat(), &[GET]);
    assert_eq!(client.prompt(), None);
    assert_eq!(say(&mut server, CONTINUE), Ok(()));
    assert_eq!(server.prompt(), None);
    assert_eq!(say(&mut server, OK), Ok(()));
    assert_eq!(server.prompt(), Some(CONTINUE));
    assert_eq!((client.prompt(), server.prompt()), (None, None));
    // Who has begun to send, who is refused, and who speaks HTTP/1.0 waits for nothing.
    let [mut client, _] = pair();
    heard(&mut client, &[PUT, b"h"].concat(), &[]);
    assert_eq!(client.prompt(), None);
    let [mut client, _] = Framing::Http.pair(PUT.len() + 1);
    assert!(hear(&mut client, PUT).1.is_some());
    assert_eq!(client.prompt(), None);
    let [mut client, _] = pair();
    let old = String::from_utf8(PUT.to_vec()).unwrap().replace("1.1", "1.0");
    heard(&mut client, old.as_bytes(), &[]);
    assert_eq!(client.prompt(), None);
    // What we send waits for nobody here.
    let [_, mut client] = pair();
    assert!(say(&mut client, PUT).is_err());
    assert_eq!(client.prompt(), None);
}

#[test]
fn requests_that_nobody_answers_are_bounded() {
    let [mut client, _] = pair();
    let many = GET.repeat(HTTP_UNANSWERED + 1);
    let (messages, fault) = hear(&mut client, &many);
    assert_eq!(messages.len(), HTTP_UNANSWERED);
    assert_eq!(fault.as_deref(), Some("16384 requests before it are not answered"));
}

#[test]
fn what_is_no_whole_message_is_not_written() {
    let refuse = |payload: &str, want| {
        assert_eq!(say(&mut pair()[0], payload.as_bytes()), want, "{payload:?}");
    };
    refuse("", Err(EncodeError::Empty));
    let head = "it must be a whole HTTP message, and the empty line that ends its head is missing";
    for begun in ["hello", "HT", "GET / HTTP/1.1\r\nHost: a\r\n"] {
        refuse(begun, lacks(head));
    }
    refuse(
        "GET / HTTP/1.1\r\n\r\n",
        lacks("octet 0: an HTTP/1.1 request names its Host (RFC 9112 section 3.2)"),
    );
    refuse(
        "hello world\r\n",
        lacks("octet 11: the request line has no version (RFC 9112 section 3)"),
    );
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    refuse(&format!("{chunks}1\r\na\r\n"), lacks("the last chunk of its body is missing"));
    refuse(
        &format!("{chunks}x"),
        lacks("octet 47: `x` stands where the size of a chunk begins (RFC 9112 section 7.1)"),
    );
    refuse(&format!("{chunks}0\r\n\r\n1"), Err(EncodeError::WouldSplit { at: chunks.len() + 5 }));
    let twice = [GET, GET].concat();
    assert_eq!(say(&mut pair()[0], &twice), Err(EncodeError::WouldSplit { at: GET.len() }));
}
