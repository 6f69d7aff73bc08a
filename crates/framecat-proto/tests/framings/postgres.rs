//! `postgres` has states, which a table of bytes does not reach.

use framecat_proto::Framing;
use framecat_proto::framing::Framer;
use framecat_proto::limits::MESSAGE_BYTES;
use framecat_proto::message::Spans;

const START: &[u8] = b"\0\0\0\x0f\0\x03\0\0user\0a\0";
const TLS_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
const GSS_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x30";
const CANCEL: &[u8] = b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02";
const LET_IN: &[u8] = b"R\0\0\0\x08\0\0\0\0";

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

fn pair() -> [Box<dyn Framer>; 2] {
    Framing::Postgres.pair(MESSAGE_BYTES)
}

#[test]
fn requests_are_refused_one_after_the_other_and_then_it_starts() {
    let [mut client, mut server] = pair();
    heard(&mut client, GSS_REQUEST, &[GSS_REQUEST]);
    heard(&mut server, b"N", &[b"N"]);
    heard(&mut client, TLS_REQUEST, &[TLS_REQUEST]);
    heard(&mut server, b"N", &[b"N"]);
    heard(&mut client, START, &[START]);
    heard(&mut server, &[LET_IN, b"S\0\0\0\x06a\0"].concat(), &[LET_IN, b"S\0\0\0\x06a\0"]);
    heard(&mut client, b"Q\0\0\0\x05\0", &[b"Q\0\0\0\x05\0"]);
}

#[test]
fn once_granted_both_directions_are_handed_on_as_they_come() {
    for (request, answer) in [(TLS_REQUEST, b"S"), (GSS_REQUEST, b"G")] {
        let [mut client, mut server] = pair();
        heard(&mut client, request, &[request]);
        heard(&mut server, answer, &[answer]);
        // A GSSAPI packet begins as a first message does.
        heard(&mut client, b"\0\0\0\x09\x60\x82", &[b"\0\0\0\x09\x60\x82"]);
        heard(&mut server, b"\xff\xfe", &[b"\xff\xfe"]);
    }
}

#[test]
fn what_follows_a_request_before_its_answer_is_refused() {
    // What somebody in between could smuggle in (CVE-2021-23222 and its like).
    let [mut client, _server] = pair();
    let (messages, fault) = hear(&mut client, &[TLS_REQUEST, START].concat());
    assert_eq!(messages, [TLS_REQUEST]);
    let why = "it follows a request for encryption that is not answered";
    assert_eq!(fault.as_deref(), Some(why));
}

#[test]
fn an_answer_that_nobody_asked_for_is_a_message_like_others() {
    let [mut client, mut server] = pair();
    heard(&mut client, START, &[START]);
    heard(&mut server, b"S", &[]);
    heard(&mut server, b"N\0\0\0\x05\0", &[b"N\0\0\0\x05\0"]);
    // Not encrypted by it.
    heard(&mut client, b"X\0\0\0\x04", &[b"X\0\0\0\x04"]);
}

#[test]
fn an_error_in_place_of_an_answer_is_one() {
    let [mut client, mut server] = pair();
    heard(&mut client, TLS_REQUEST, &[TLS_REQUEST]);
    heard(&mut server, b"E\0\0\0\x05\0", &[b"E\0\0\0\x05\0"]);
    heard(&mut client, START, &[START]);
}

#[test]
fn a_cancel_request_is_all_that_its_connection_carries() {
    let [mut client, _] = pair();
    heard(&mut client, CANCEL, &[CANCEL]);
}

#[test]
fn a_client_that_begins_with_tls_is_encrypted_from_the_start() {
    let [mut client, mut server] = pair();
    heard(&mut client, b"\x16\x03\x01\0", &[b"\x16\x03\x01\0"]);
    heard(&mut server, b"\x16\x03\x03", &[b"\x16\x03\x03"]);
}

#[test]
fn first_messages_that_lie_are_refused() {
    for (bytes, why) in [
        (&b"\0\0\0\x07\0\x03\0\0"[..], "its length says 7, and no first message has less than 8"),
        (b"\0\0\x27\x11", "its length says 10001, and no first message has more than 10000"),
        (b"\0\0\0\x09\x04\xd2\x16\x2f", "its length says 9, and a request for encryption has 8"),
        (b"\0\0\0\x08\x04\xd2\x16\x31", "80877105 is no code of a request"),
        (b"\0\0\0\x08\0\x02\0\0", "it speaks protocol 2.0, and 3.0 is the least here"),
        (b"\x01", "01 is no type of message"),
        (b"R\0\0\0\x03", "its length says 3, and no message has less than 4"),
        (b"R\xff\xff\xff\xff", "the message has 4294967296 bytes, more than 16777216 bytes"),
    ] {
        refused(&mut pair()[0], bytes, why);
        refused(&mut Framing::Postgres.framer(MESSAGE_BYTES), bytes, why);
    }
}

#[test]
fn a_direction_by_itself_goes_by_what_it_sees() {
    let mut client = Framing::Postgres.framer(MESSAGE_BYTES);
    let hello = b"\x16\x03\x01\0";
    heard(&mut client, &[TLS_REQUEST, hello].concat(), &[TLS_REQUEST, hello]);
    let mut refused = Framing::Postgres.framer(MESSAGE_BYTES);
    heard(&mut refused, &[TLS_REQUEST, START].concat(), &[TLS_REQUEST, START]);
    let mut server = Framing::Postgres.framer(MESSAGE_BYTES);
    heard(&mut server, &[b"NN", LET_IN].concat(), &[b"N", b"N", LET_IN]);
    let mut encrypted = Framing::Postgres.framer(MESSAGE_BYTES);
    heard(&mut encrypted, b"S\x16\x03", &[b"S", b"\x16\x03"]);
}
