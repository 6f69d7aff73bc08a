//! What is refused: headers that lie, broken bytes, payloads that no framing may write.

use framecat_proto::Framing;
use framecat_proto::framing::{Decoder, EncodeError, Fault};
use framecat_proto::limits::MESSAGE_BYTES;
use framecat_proto::message::{Context, Outbound, Outgoing, Spans};

use crate::laws::{decode, encode, pieces};

fn framing(word: &str) -> Framing {
    word.parse().unwrap_or_else(|error| panic!("{word}: {error}"))
}

const FIX_SUM: &str = "its checksum says 000, its bytes have the sum 163";

/// Rule, bytes, where the fault lies, and its words.
const FAULTS: &[(&str, &[u8], u64, u64, &str)] = &[
    (
        "len:u32be",
        b"\0\0\0\x01a\xff\xff\xff\xff",
        5,
        2,
        "the message has 4294967295 bytes, more than 16777216 bytes",
    ),
    (
        "len:u64le",
        b"\xff\xff\xff\xff\xff\xff\xff\xff",
        0,
        1,
        "the message has 18446744073709551615 bytes, more than 16777216 bytes",
    ),
    (
        "len:u64be,keep",
        b"\xff\xff\xff\xff\xff\xff\xff\xff",
        0,
        1,
        "the message has 18446744073709551615 bytes, more than 16777216 bytes",
    ),
    (
        "len:u64be@2,head=12,counts=self,tail=00",
        b"..\xff\xff\xff\xff\xff\xff\xff\xff..",
        0,
        1,
        "the message has 18446744073709551605 bytes, more than 16777216 bytes",
    ),
    (
        "len:varint",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        0,
        1,
        "the message has 18446744073709551615 bytes, more than 16777216 bytes",
    ),
    (
        "len:varint",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
        0,
        1,
        "its length has more than the 64 bits of 10 varint bytes",
    ),
    (
        "len:varint",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00",
        0,
        1,
        "its length has more than the 64 bits of 10 varint bytes",
    ),
    ("len:varint", b"\x01a\x80\x00", 2, 2, "its length is a varint longer than it need be"),
    (
        "len:qvarint",
        b"\xff\xff\xff\xff\xff\xff\xff\xff",
        0,
        1,
        "the message has 4611686018427387903 bytes, more than 16777216 bytes",
    ),
    (
        "len:u16be@2,counts=total,magic=03",
        b"\x03\0\0\x03",
        0,
        1,
        "its length field says 3, and no message has less than 4",
    ),
    (
        "len:u32be@1,counts=self",
        b"Z\0\0\0\x03",
        0,
        1,
        "its length field says 3, and no message has less than 4",
    ),
    (
        "len:u16be@4,head=7,counts=rest,keep",
        b"......\0",
        0,
        1,
        "the message has 11828 bytes, more than 99 bytes",
    ),
    (
        "len:u16be@4,head=7,counts=rest",
        b"....\0\0",
        0,
        1,
        "its length field says 0, and no message has less than 1",
    ),
    ("len:u8@4,magic=cafe", b"\xca\xff", 0, 1, "it does not begin with the magic cafe"),
    ("len:u8@1,magic=aa", b"\xaa\x01x\xab", 3, 2, "it does not begin with the magic aa"),
    ("len:u8,tail=0d0a", b"\x01x\r\n\x01xyz", 4, 2, "its length does not lead to the trailer 0d0a"),
    (
        "struct",
        b"........\xff\xff\xff\xff",
        0,
        1,
        "the message has 4294967295 bytes, more than 16777216 bytes",
    ),
    ("fixed:100", b"x", 0, 1, "the message has 100 bytes, more than 99 bytes"),
    ("len:u8,max=2", b"\x02ab\x03", 3, 2, "the message has 3 bytes, more than 2 bytes"),
    (
        "netstring",
        b"1:a,4294967295:",
        4,
        2,
        "the message has 4294967295 bytes, more than 16777216 bytes",
    ),
    (
        "netstring,keep",
        b"18446744073709551615:",
        0,
        1,
        "the message has 18446744073709551615 bytes, more than 16777216 bytes",
    ),
    // The digit with which it no longer fits 64 bits, whatever would follow.
    ("netstring", b"18446744073709551616", 0, 1, "the message is longer than 16777216 bytes"),
    ("netstring", b"99999999999999999999999", 0, 1, "the message is longer than 16777216 bytes"),
    ("netstring", b"1:a,05:hello,", 4, 2, "its length begins with a zero"),
    ("netstring", b"00:,", 0, 1, "its length begins with a zero"),
    ("netstring", b":,", 0, 1, "the byte 3a stands where the first digit of its length is due"),
    ("netstring", b"-1:a,", 0, 1, "the byte 2d stands where the first digit of its length is due"),
    ("netstring", b"\n5:", 0, 1, "the byte 0a stands where the first digit of its length is due"),
    (
        "netstring",
        b"5 :hello,",
        0,
        1,
        "the byte 20 stands where a digit of its length or its colon is due",
    ),
    ("netstring", b"3:hello,", 0, 1, "its 3 bytes are not followed by a comma"),
    ("slip", b"\xc0ok\xc0a\xdbb\xc0", 4, 2, "its db is followed by 62, which is neither dc nor dd"),
    ("slip", b"\xdb\xc0", 0, 1, "its db is followed by c0, which is neither dc nor dd"),
    ("slip", b"\xdb\xdb\xdc", 0, 1, "its db is followed by db, which is neither dc nor dd"),
    ("cobs", b"\x02a\0\x05ab\0", 3, 2, "its code 05 says 4 bytes, and the zero comes after 2"),
    ("hdlc", b"~ok\x0f4~~hallo\xbd4~", 7, 2, "its check sequence is bd 34, its bytes make 51 46"),
    // The sequence in the other order, and none at all.
    ("hdlc", b"~hello4\xbd~", 1, 1, "its check sequence is 34 bd, its bytes make bd 34"),
    ("hdlc", b"~hello~", 1, 1, "its check sequence is 6c 6f, its bytes make c4 b7"),
    ("hdlc", b"~~ab~", 2, 1, "it has 2 bytes, too few for a check sequence and a message"),
    ("hdlc", b"~a~", 1, 1, "it has 1 byte, too few for a check sequence and a message"),
    // The sequence of nothing: no message either.
    ("hdlc", b"~\0\0~", 1, 1, "it has 2 bytes, too few for a check sequence and a message"),
    ("hdlc", b"~abc}~", 1, 1, "its sender gave it up (7d 7e)"),
    ("stx", b"\x02a\x03\rb", 3, 2, "the byte 0d stands where the 02 of a message is due"),
    ("stx", b"\x02a\x02b\x03", 0, 1, "another one begins before it has ended"),
    ("stx,keep", b"\x03", 0, 1, "the byte 03 stands where the 02 of a message is due"),
    ("stx,dle", b"\x02a", 0, 1, "the byte 02 stands where the 10 02 of a message is due"),
    ("stx,dle", b"\x10\x03", 0, 1, "the byte 03 stands where the 10 02 of a message is due"),
    ("stx,dle", b"\x10\x02\x10\x02", 0, 1, "another one begins before it has ended"),
    (
        "stx,dle",
        b"\x10\x02a\x10\x03\x10\x02\x10\x10\x10a",
        5,
        2,
        "its 10 is followed by 61, which is neither 10 nor 03",
    ),
    ("cobs", b"\x02a\xff\0", 0, 1, "its code ff says 254 bytes, and the zero comes after 0"),
    ("mqtt", b"0\xff\xff\xff\xff", 0, 1, "its length goes on in a fifth byte, and has four at most"),
    ("mqtt", b"0\x80\x80\x80\x80\x01", 0, 1, "its length goes on in a fifth byte, and has four at most"),
    ("mqtt", b"\xc0\x000\x80\x00", 2, 2, "its length is a varint longer than it need be"),
    ("mqtt", b"0\xff\xff\xff\x7f", 0, 1, "the message has 268435460 bytes, more than 16777216 bytes"),
    ("dns", b"\x00\x01a\x00d", 3, 2, "the message has 100 bytes, more than 99 bytes"),
    ("tpkt", b"\x04\x00\x00\x07", 0, 1, "it does not begin with the magic 03"),
    ("modbus", b"\x00\x01\x00\x00\x00\xff\x01", 0, 1, "the message has 261 bytes, more than 260 bytes"),
    ("modbus", b"\x00\x01\x00\x00\x00\x00\x01", 0, 1, "its length field says 0, and no message has less than 1"),
    ("kafka", b"\xff\xff\xff\xff", 0, 1, "the message has 4294967295 bytes, more than 16777216 bytes"),
    ("mysql", b"\xff\xff\xff\x00", 0, 1, "the message has 16777219 bytes, more than 16777216 bytes"),
    ("mongodb", b"\x03\x00\x00\x00", 0, 1, "its length field says 3, and no message has less than 4"),
    ("bgp", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\x00\x13\x04", 0, 1, "it does not begin with the magic ffffffffffffffffffffffffffffffff"),
    ("bgp", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x12\x04", 0, 1, "its length field says 18, and no message has less than 19"),
    ("someip", b"\x124\x00!\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00\x00", 0, 1, "its length field says 7, and no message has less than 8"),
    ("tls-record", b"\x17\x03\x03H\x01", 0, 1, "the message has 18438 bytes, more than 18437 bytes"),
    ("transfer", b"fc\x01S\x00\x00\x00\x00\x04\x00\x00\x00\x00\x10\x00\x0d", 8, 2, "the message has 1048597 bytes, more than 1048596 bytes"),
    ("postgres", b"R\x00\x00\x00\x08\x00\x00\x00\x00\x00", 9, 2, "00 is no type of message"),
    ("http", b"GET / HTTP/1.0\r\n\r\nGET / HTTP/1.1\r\nHost : a\r\n", 18, 2, "octet 20: a space stands between a field's name and its colon (RFC 9112 section 5.1)"),
    ("http", b"\x16\x03\x01", 0, 1, "octet 0: the octet 16 stands where a method begins (RFC 9112 section 3)"),
    ("http", b"SSH-2.0-OpenSSH_9.2\r\n", 0, 1, "octet 19: the request line ends behind the method (RFC 9112 section 3)"),
    ("http", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", 0, 1, "the message has 100000044 bytes, more than 16777216 bytes"),
    ("http", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab", 0, 1, "octet 51: `b` stands where CR LF ends a chunk (RFC 9112 section 7.1)"),
    ("amqp", b"AMQX", 0, 1, "it begins like a protocol header, and is not AMQP"),
    ("amqp", b"AMQP\x01\x01\x00\x0a\x01", 8, 2, "its protocol header speaks of another version than 0-9-1"),
    ("amqp", b"AMQP\x00\x00\x09\x01AMQP\x00\x00\x09\x01", 8, 2, "41 is no type of frame"),
    ("amqp", b"\x04", 0, 1, "04 is no type of frame"),
    ("amqp", b"\x08\x00\x00\x00\x00\x00\x00\xcf", 0, 1, "its size does not lead to the frame end ce"),
    ("amqp", b"\x01\x00\x00\xff\xff\xff\xff", 0, 1, "the message has 4294967303 bytes, more than 16777216 bytes"),
    ("mllp", b"MSH|", 0, 1, "a block begins with 0b, and this does not"),
    ("mllp", b"\x0bMSH\x1c\x0d\x0a", 6, 2, "a block begins with 0b, and this does not"),
    ("mllp", b"\x0bxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0, 1, "the message is longer than 99 bytes"),
    ("fix", b"8=FIX.4.4\x019=5\x0135=0\x0110=000\x01", 0, 1, "its checksum says 000, its bytes have the sum 163"),
    ("fix", b"8=FIX.4.4\x019=6\x0135=0\x0110=163\x01x", 0, 1, "its BodyLength does not lead to 10=, the CheckSum"),
    ("fix", b"8=FIX.4.4\x0135=0\x01", 0, 1, "its second field is not 9=, the BodyLength"),
    ("fix", b"8=FIX.4.4\x019=5x", 0, 1, "its BodyLength is no number of at most 10 digits"),
    ("fix", b"8=FIX.4.4\x019=\x01", 0, 1, "its BodyLength is no number of at most 10 digits"),
    ("fix", b"8=FIX.4.4\x019=00000000005\x01", 0, 1, "its BodyLength is no number of at most 10 digits"),
    ("fix", b"8=FIX.4.4\x019=9999999999\x01", 0, 1, "the message has 10000000029 bytes, more than 16777216 bytes"),
    ("fix", b"GET / HTTP/1.1", 0, 1, "it does not begin with 8=FIX"),
    ("fix", b"8=FIXxxxxxxxxxxxxxxxxxxxxxx", 0, 1, "it does not begin with 8=FIX"),
    ("git", b"00zz", 0, 1, "it begins with no length of four hex digits"),
    ("git", b"0009helloGET ", 9, 2, "it begins with no length of four hex digits"),
    ("git", b"0003", 0, 1, "its length 0003 is not in use"),
    ("git", b"fff1", 0, 1, "its length says 65521, and no line has more than 65520"),
];

#[test]
fn headers_that_lie_are_faults_that_say_where() {
    for (word, bytes, offset, message, text) in FAULTS {
        let max = if text.ends_with("99 bytes") { 99 } else { MESSAGE_BYTES };
        for split in [0xff, 0x00, 0x12] {
            let got = decode(&framing(word), max, pieces(bytes, split));
            let [(at, number, fault)] = got.faults.as_slice() else {
                panic!("{word} {bytes:02x?}: {got:?}")
            };
            assert_eq!((at, number), (offset, message), "{word} {bytes:02x?}");
            assert_eq!(fault.to_string(), *text, "{word} {bytes:02x?}");
        }
    }
}

#[test]
fn wrong_magic_is_told_before_the_header_is_whole() {
    let rule = framing("len:u8@3,magic=010203");
    for (bytes, fault) in [(b"\x01".as_slice(), false), (b"\x01\x02", false), (b"\x01\x09", true)] {
        let got = decode(&rule, 9, [bytes]);
        assert_eq!(!got.faults.is_empty(), fault, "{bytes:02x?}");
    }
}

#[test]
fn an_error_says_offset_number_and_first_bytes() {
    let rule = framing("len:u32be");
    let mut decoder = Decoder::of(&rule, 99, None);
    let input = [b"\0\0\0\x01a\xff\xff\xff\xff".as_slice(), &[7; 40]].concat();
    let error = decoder.decode(&input, &mut Spans::new()).error.unwrap();
    assert_eq!(
        error.to_string(),
        "len:u32be: message 2 at byte 5 (ff ff ff ff 07 07 07 07 07 07 07 07 07 07 07 07): \
         the message has 4294967295 bytes, more than 99 bytes"
    );
}

#[test]
fn a_line_that_never_ends_is_refused_at_the_maximum_and_no_later() {
    for (word, longest) in
        [("line", 9), ("line,keep", 8), ("nul", 9), ("crlf", 10), ("crlf,keep", 8)]
    {
        // crlf: the tenth byte may be the CR of an ending that is not part of the message.
        let mut framer = framing(word).framer(9);
        let fine = framer.decode(&vec![b'x'; longest], &mut Spans::new());
        assert_eq!(fine.fault, None, "{word}");
        let over = framer.decode(&vec![b'x'; longest + 1], &mut Spans::new());
        assert_eq!(over.fault, Some(Fault::TooLong { len: None, max: 9 }), "{word}");
    }
}

#[test]
fn line_resync_goes_on_with_the_next_line_and_counts_what_it_rejected() {
    let input = b"one\nfar too long\ntwo\nlong again\n\nthree\n";
    for split in [0x00, 0x13, 0xff] {
        let got = decode(&framing("line,resync"), 5, pieces(input, split));
        let payloads: Vec<_> = got.messages.iter().map(|(payload, _)| payload.as_slice()).collect();
        assert_eq!(payloads, [b"one".as_slice(), b"two", b"", b"three"], "split {split:02x}");
        assert_eq!(got.rejected, b"far too long\nlong again\n".len(), "split {split:02x}");
        let places: Vec<_> = got.faults.iter().map(|(at, number, _)| (*at, *number)).collect();
        assert_eq!(places, [(4, 2), (21, 3)], "split {split:02x}");
    }
    let got = decode(&framing("line"), 5, [input.as_slice()]);
    assert_eq!((got.messages.len(), got.faults.len()), (1, 1), "without resync it stops");
}

/// Rule, maximum, bytes, the messages in them, how many bytes are rejected, and where the faults lie
/// with which message.
type Resync<'a> = (&'a str, usize, &'a [u8], &'a [&'a [u8]], usize, &'a [(u64, u64)]);

const RESYNCS: &[Resync<'_>] = &[
    (
        "slip,resync",
        5,
        b"\xc0one\xc0a\xdbb\xc0\xc0far too long\xdb\xdd\xc0two\xc0\xdb\xc0three\xc0",
        &[b"one", b"two", b"three"],
        4 + 15 + 2,
        &[(5, 2), (10, 2), (29, 3)],
    ),
    (
        "cobs,resync",
        5,
        b"\0\x04one\0\x09ab\0\x0dfar too long\0\0\x01\x01\x01\0\x03ab",
        &[b"one", b"\0\0"],
        4 + 14,
        &[(6, 2), (10, 2)],
    ),
    (
        "hdlc,resync",
        5,
        b"~one\xa8B~~two..~~ab}~~far}]too}^long\x10\xb1~~three\x8e\x91~",
        &[b"one", b"three"],
        27,
        &[(8, 2), (15, 2), (20, 2)],
    ),
    (
        "stx,resync",
        5,
        b"\x02one\x03\r\n\x02two\x02far too long\x03\x02three\x03?",
        &[b"one", b"three"],
        2 + 4 + 14 + 1,
        &[(5, 2), (7, 2), (11, 2), (32, 3)],
    ),
    // Behind a message that is too long its doubled bytes are still told from a beginning.
    (
        "stx,dle,resync",
        5,
        b"\x10\x02far\x10\x10too\x10\x10\x02\x10\x03\x10\x02ok\x10\x03\x10\x10\x02\x10\x02\x10\x03",
        &[b"ok", b""],
        15 + 3,
        &[(0, 1), (21, 2)],
    ),
    // Six bytes and five zeros are more than five.
    (
        "cobs,resync",
        5,
        b"\x02a\x01\x01\x01\x01\x02b\0\x02a\x01\x01\x01\x01\0",
        &[b"a\0\0\0\0"],
        9,
        &[(0, 1)],
    ),
    // The stream ends while it looks for its place: that is told already.
    ("slip,resync", 5, b"\xc0a\xdb..........", &[], 12, &[(1, 1)]),
];

#[test]
fn resync_goes_on_behind_what_was_broken_and_counts_it() {
    for (word, max, bytes, want, rejected, places) in RESYNCS {
        for split in [0x00, 0x13, 0xff] {
            let got = decode(&framing(word), *max, pieces(bytes, split));
            let payloads: Vec<_> = got.messages.iter().map(|(payload, _)| payload).collect();
            assert_eq!(payloads, *want, "{word} {bytes:02x?} split {split:02x}");
            assert_eq!(got.rejected, *rejected, "{word} {bytes:02x?} split {split:02x}");
            let faults: Vec<_> = got.faults.iter().map(|(at, n, _)| (*at, *n)).collect();
            assert_eq!(faults, *places, "{word} {bytes:02x?} split {split:02x}");
        }
        let stops = word.replace(",resync", "");
        let got = decode(&framing(&stops), *max, [*bytes]);
        assert_eq!(got.faults.len(), 1, "{word}: without resync it stops");
    }
}

/// Rule, the bytes of `a` and `b`, and what may stand there besides them.
const FLAGS: &[(&str, [&[u8]; 2], u8)] = &[
    ("slip", [b"a", b"b"], 0xc0),
    ("hdlc", [b"a\xf7\x82", b"bl\xb0"], b'~'),
    ("cobs", [b"\x02a", b"\x02b"], 0),
];

/// Payloads around the longest block, 254 bytes, and what Python's cobs 1.2.2 makes of them.
#[test]
fn the_longest_block_of_cobs_needs_no_code_behind_it() {
    let x = |n| vec![b'x'; n];
    let codes: &[(Vec<u8>, Vec<u8>)] = &[
        (x(253), [vec![0xfe], x(253)].concat()),
        (x(254), [vec![0xff], x(254)].concat()),
        (x(255), [vec![0xff], x(254), vec![2], x(1)].concat()),
        ([x(254), vec![0]].concat(), [vec![0xff], x(254), vec![1, 1]].concat()),
        ([x(253), vec![0]].concat(), [vec![0xfe], x(253), vec![1]].concat()),
        ([x(254), vec![0], x(1)].concat(), [vec![0xff], x(254), vec![1, 2], x(1)].concat()),
        (x(508), [vec![0xff], x(254), vec![0xff], x(254)].concat()),
    ];
    for (payload, blocks) in codes {
        let wire = [blocks.as_slice(), b"\0"].concat();
        let sent = [(payload.clone(), None)];
        assert_eq!(encode(&framing("cobs"), MESSAGE_BYTES, &sent).0, wire, "{}", payload.len());
        for split in [0x00, 0xff] {
            let got = decode(&framing("cobs"), MESSAGE_BYTES, pieces(&wire, split));
            assert_eq!(got.messages, sent, "{}", payload.len());
        }
    }
    // Some senders put an empty block behind a full last one. It means nothing.
    let wire = [vec![0xff], x(254), vec![1, 0]].concat();
    assert_eq!(decode(&framing("cobs"), MESSAGE_BYTES, [&*wire]).messages, [(x(254), None)]);
}

/// Section 4.2 of RFC 1662: a receiver takes any escaped byte, and one that its own map of control
/// characters would escape comes from a peer with another map.
#[test]
fn hdlc_reads_escapes_that_it_would_not_write() {
    let escaped: Vec<u8> = b"\x11}~\xc0\xc3".iter().flat_map(|byte| [b'}', byte ^ 0x20]).collect();
    let wire = [b"~".as_slice(), &escaped, b"~"].concat();
    let got = decode(&framing("hdlc"), MESSAGE_BYTES, [&*wire]);
    assert_eq!(got.messages, [(b"\x11}~".to_vec(), None)], "{:?}", got.faults);
}

#[test]
fn flags_with_nothing_between_them_are_no_messages() {
    for (word, [a, b], flag) in FLAGS {
        let flags = [*flag; 3];
        let bytes = [flags.as_slice(), a, &flags, b, &flags].concat();
        for split in [0x00, 0xff] {
            let got = decode(&framing(word), MESSAGE_BYTES, pieces(&bytes, split));
            assert_eq!(got.messages, [(b"a".to_vec(), None), (b"b".to_vec(), None)], "{word}");
            assert_eq!((got.rejected, got.consumed, got.cut), (0, bytes.len(), None), "{word}");
        }
    }
}

/// A message of escapes is twice as long on the wire; it is refused by its own length all the same,
/// and no later than that.
#[test]
fn a_stuffed_message_is_measured_without_its_escapes() {
    // The rule, an escape, and the bytes of a trailer.
    const STUFFED: &[(&str, &[u8], usize)] =
        &[("slip", b"\xdb\xdc", 0), ("hdlc", b"}^", 2), ("stx,dle", b"\x10\x10", 0)];
    for (word, escape, trailer) in STUFFED {
        let begin: &[u8] = if *word == "stx,dle" { b"\x10\x02" } else { b"" };
        let wire = |n| [begin, &escape.repeat(n + trailer)].concat();
        let mut framer = framing(word).framer(9);
        let fine = framer.decode(&wire(9), &mut Spans::new());
        assert_eq!((fine.consumed, fine.fault), (0, None), "{word}");
        let over = framer.decode(&wire(10), &mut Spans::new());
        assert_eq!(over.fault, Some(Fault::TooLong { len: None, max: 9 }), "{word}");
    }
}

#[test]
fn a_payload_that_would_be_read_otherwise_is_refused() {
    use EncodeError::{DoesNotFit, Empty, WouldSplit, WrongLength};
    let lacks = |text: &str| EncodeError::Lacks(text.into());
    let long = vec![b'x'; 256];
    let table: &[(&str, &[u8], EncodeError)] = &[
        ("line", b"a\nb", WouldSplit { at: 1 }),
        ("line", b"a\n", WouldSplit { at: 1 }),
        ("line,keep", b"a\nb\n", WouldSplit { at: 1 }),
        ("line,keep", b"ab", lacks("it does not end in LF, as `keep` asks")),
        ("crlf", b"a\r\nb", WouldSplit { at: 1 }),
        ("crlf,keep", b"a\r\nb\r\n", WouldSplit { at: 1 }),
        ("crlf,keep", b"ab\r", lacks("it does not end in the marker, as `keep` asks")),
        ("nul", b"\0", WouldSplit { at: 0 }),
        // The payload's end and the marker's beginning would make a marker together.
        ("delim:aa", b"ba", WouldSplit { at: 1 }),
        ("delim:abab", b"-ab", WouldSplit { at: 1 }),
        ("delim:aaaa", b"-aaa", WouldSplit { at: 1 }),
        ("delim:aaaa", b"-aa", WouldSplit { at: 1 }),
        ("delim:ab,any", b"-b", WouldSplit { at: 1 }),
        ("len:u8", &long, DoesNotFit { len: 256, max: 255 }),
        ("len:u8,head=3,counts=total,tail=00", &long[..252], DoesNotFit { len: 252, max: 251 }),
        ("len:u8,max=2", b"abc", DoesNotFit { len: 3, max: 2 }),
        ("len:u16be,keep", b"\0\x03ab", lacks("its header speaks of 5 bytes and it has 4")),
        ("len:u16be,keep", b"\0\x01ab", WouldSplit { at: 3 }),
        (
            "len:u16be,keep",
            b"\0",
            lacks("its 1 bytes are less than the header that `keep` asks for"),
        ),
        ("len:u8@1,magic=07,keep", b"\x08\x01a", lacks("it does not begin with the magic 07")),
        ("len:u8,tail=0a,keep", b"\x01a\x0b", lacks("its length does not lead to the trailer 0a")),
        ("len:varint,keep", b"\x80\x00", lacks("its length is a varint longer than it need be")),
        (
            "struct,keep",
            b"........\0\0\0\x02a",
            lacks("its header speaks of 14 bytes and it has 13"),
        ),
        ("struct,keep", b"........\0\0\0\x01ab", WouldSplit { at: 13 }),
        (
            "struct,keep",
            b"abc",
            lacks("it has 3 bytes and must bring its header of 12, as `keep` asks"),
        ),
        ("fixed:3", b"ab", WrongLength { len: 2, want: 3 }),
        ("slip", b"", Empty),
        ("hdlc", b"", Empty),
        ("gap:1s", b"", Empty),
        ("stx", b"a\x03", WouldSplit { at: 1 }),
        ("stx", b"a\x02b", WouldSplit { at: 1 }),
        ("stx,keep", b"\x02a\x03b\x03", WouldSplit { at: 2 }),
        ("stx,keep", b"\x02", lacks("it does not begin in 02 and end in 03, as `keep` asks")),
        ("netstring,keep", b"2:ab,x", WouldSplit { at: 5 }),
        ("netstring,keep", b"3:ab,", lacks("its length speaks of 6 bytes and it has 5")),
        ("netstring,keep", b"2:ab;", lacks("its 2 bytes are not followed by a comma")),
        ("netstring,keep", b"02:ab,", lacks("its length begins with a zero")),
        ("netstring,keep", b"12", lacks("it does not bring its length and colon, as `keep` asks")),
        ("fixed:3", b"", WrongLength { len: 0, want: 3 }),
        ("mqtt", b"\x30\x05ab", lacks("its header speaks of 7 bytes and it has 4")),
        ("modbus", &long, lacks("the message has 30846 bytes, more than 260 bytes")),
        ("mllp", b"a\x1c\rb", WouldSplit { at: 1 }),
        ("git", b"hello", lacks("it begins with no length of four hex digits")),
        ("git", b"", lacks("it must bring its length of four hex digits")),
        ("git", b"0006hello", WouldSplit { at: 6 }),
        ("git", b"000ahello", lacks("its header speaks of 10 bytes and it has 9")),
        ("fix", b"8=FIX.4.4\x019=5\x0135=0\x0110=000\x01", lacks(FIX_SUM)),
        ("fix", b"8=FIX", lacks("it must begin with 8=FIX…|9=length|")),
        ("amqp", b"AMQP", lacks("it must be a whole frame: type, channel, size, payload, ce")),
        ("amqp", b"\x01\0\0\0\0\0\0\0", lacks("its size does not lead to the frame end ce")),
        ("postgres", b"Q", lacks("it must be a whole message, its length included")),
        ("postgres", b"Q\0\0\0\x09abc", lacks("its header speaks of 10 bytes and it has 8")),
        ("postgres", b"Q\0\0\0\x04abc", WouldSplit { at: 5 }),
    ];
    for (word, payload, want) in table {
        let message = Outbound { payload, time_ns: None, index: 0, cut: false };
        let mut out = Outgoing::new();
        let got = framing(word).framer(MESSAGE_BYTES).encode(message, &Context::at(0), &mut out);
        assert_eq!(got.as_ref(), Err(want), "{word} {payload:02x?}");
        assert!(out.is_empty(), "{word} {payload:02x?} leaves bytes");
    }
}

#[test]
fn bytes_that_a_rule_does_not_know_are_written_as_zero() {
    let rule = framing("len:u16be@3,head=7,tail=ff,magic=aa");
    let message = Outbound { payload: b"hi", time_ns: None, index: 0, cut: false };
    let mut out = Outgoing::new();
    rule.framer(9).encode(message, &Context::at(0), &mut out).unwrap();
    assert_eq!(out.buf().as_slice(), b"\xaa\0\0\0\x02\0\0hi\xff");
}

#[test]
fn a_mysql_packet_that_continues_is_told_as_it_stands_and_needs_a_larger_maximum() {
    let full = [b"\xff\xff\xff\x00".as_slice(), &vec![b'x'; 0xff_ffff]].concat();
    let rest = b"\x02\0\0\x01yz";
    let wire = [full.as_slice(), rest].concat();
    let got = decode(&framing("mysql"), 17 << 20, [wire.as_slice()]);
    let lengths: Vec<usize> = got.messages.iter().map(|(message, _)| message.len()).collect();
    assert_eq!((lengths, got.faults, got.cut), (vec![4 + 0xff_ffff, 6], vec![], None));
    // With its header it is four bytes longer than the default maximum less one.
    assert_eq!(decode(&framing("mysql"), MESSAGE_BYTES, [wire.as_slice()]).messages.len(), 0);
}

#[test]
fn a_quic_varint_is_written_in_its_shortest_form() {
    for (len, head) in [
        (63, b"\x3f".as_slice()),
        (64, b"\x40\x40"),
        (16_383, b"\x7f\xff"),
        (16_384, b"\x80\x00\x40\x00"),
    ] {
        let payload = vec![0; len];
        let message = Outbound { payload: &payload, time_ns: None, index: 0, cut: false };
        let mut out = Outgoing::new();
        framing("len:qvarint")
            .framer(MESSAGE_BYTES)
            .encode(message, &Context::at(0), &mut out)
            .unwrap();
        assert!(out.buf().starts_with(head), "{len}");
        assert_eq!(out.len(), head.len() + len);
    }
}
