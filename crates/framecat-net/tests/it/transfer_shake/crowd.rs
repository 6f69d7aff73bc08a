//! Many who come: they say nothing, or junk, or stall, or guess; and the right one gets in.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use framecat_net::error::Unmet;
use framecat_net::transfer::{Bounds, Guard, Role};
use framecat_proto::transfer::code::words;
use rustix::net::sockopt::set_socket_linger;

use super::model::{LABEL, Peer, Wire, client, hello, said, start};
use super::{
    CODE, ROLES, Told, beside, bounds, can_talk, comes, dial, guard, is_guess,
    lets_the_right_one_in, listening, other, serves, told, unmet,
};
use crate::sockets::{Dice, within};

/// What people and their programs say to a port that is open.
fn junk() -> Vec<(&'static str, Vec<u8>)> {
    let mut dice = Dice::new(7);
    vec![
        ("http", b"GET / HTTP/1.1\r\nHost: here\r\n\r\n".to_vec()),
        ("ssh", b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()),
        ("tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("a greeting in capitals", b"FC\x01s\0\0\0\0".to_vec()),
        ("another letter", b"fc\x01x\0\0\0\0".to_vec()),
        ("a length", b"fc\x01s\0\0\0\x01".to_vec()),
        ("text", b"fcxxxxxx".to_vec()),
        ("zeros", vec![0; 4096]),
        ("a flood", vec![b'x'; 1 << 20]),
        ("dice", dice.letters(8)),
    ]
}

#[tokio::test]
async fn junk_gets_no_word_and_is_no_guess() {
    for role in ROLES {
        for guard in [guard(CODE, 1), Guard::Plain] {
            let listens = listening(role, guard.clone(), bounds()).await;
            for (what, bytes) in junk() {
                let heard = comes(&listens, move |mut wire| {
                    let _ = wire.write_all(&bytes);
                    wire.rest()
                });
                // All but the versions of others begin unlike any greeting.
                let heard = heard.await;
                let version = what == "text";
                assert_eq!(heard.is_empty(), !version, "{what}: {heard:?}");
            }
            assert!(listens.told().iter().all(|told| !is_guess(told)));
            let Told::NotMet { why: Unmet::Stranger { said }, count: 1 } = &listens.told()[0]
            else {
                panic!("{:?}", listens.told());
            };
            assert!("GET / HTTP/1.1".starts_with(said.as_str()) && said.len() >= 2, "{said}");
            let dials = dial(&listens.at, other(role), guard).await.unwrap().unwrap();
            can_talk(&listens.met().await, &dials).await;
        }
    }
}

#[tokio::test]
async fn another_version_is_told_on_both_sides() {
    for role in ROLES {
        let listens = listening(role, guard(CODE, 1), bounds()).await;
        let heard = comes(&listens, move |mut wire| {
            let mut theirs = hello(other(role), false);
            theirs[2] = 2;
            // What is behind the version may be anything.
            theirs[4..].fill(0xff);
            wire.write_all(&theirs).unwrap();
            wire.rest()
        });
        assert_eq!(heard.await, hello(role, false));
        let why = Unmet::Version { theirs: 2, ours: 1 };
        assert_eq!(told(&listens, 1).await, Told::NotMet { why: why.clone(), count: 1 });
        let (at, _served) = serves(move |mut wire| {
            let mut first = [0; 8];
            wire.read_exact(&mut first).unwrap();
            first[2] = 2;
            wire.write_all(&first).unwrap();
            wire.rest();
        });
        assert_eq!(unmet(dial(&at, role, guard(CODE, 1)).await), why);
    }
}

#[tokio::test]
async fn what_answers_and_is_no_transfer_is_quoted() {
    for (answer, quoted) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "HTTP/1.1"),
        (b"220 mail ESMTP\r\n", "220 mail"),
        (b"\x15\x03\x01\x00\x02\x02\x16", r"\x15\x03\x01\0\x02\x02\x16"),
        (b"-ERR\r\n", r"-ERR\r\n"),
    ] {
        let (at, _served) = serves(move |mut wire| {
            wire.write_all(answer).unwrap();
            wire.rest();
        });
        match unmet(dial(&at, Role::Send, guard(CODE, 3)).await) {
            Unmet::Stranger { said } => assert!(quoted.starts_with(&said), "{said}: {quoted}"),
            other => panic!("{other:?}"),
        }
    }
    let (at, _served) = serves(drop::<Wire>);
    let left = unmet(dial(&at, Role::Send, guard(CODE, 3)).await);
    assert!(matches!(left, Unmet::Left { .. }), "{left:?}");
}

#[tokio::test]
async fn a_hundred_who_say_nothing_keep_nobody_out() {
    for role in ROLES {
        for guard in [guard(CODE, 1), Guard::Plain] {
            let listens = listening(role, guard.clone(), bounds()).await;
            let at = listens.at.clone();
            let crowd = beside(move || (0..100).map(|_| Wire::dial(&at)).collect::<Vec<_>>()).await;
            let dials = dial(&listens.at, other(role), guard).await.unwrap().unwrap();
            can_talk(&listens.met().await, &dials).await;
            drop(crowd);
        }
    }
}

#[tokio::test]
async fn a_hundred_who_begin_and_stall_keep_nobody_out_for_long() {
    for role in ROLES {
        let turn = Bounds { turn: Duration::from_millis(20), ..bounds() };
        let listens = listening(role, guard(CODE, 1), turn).await;
        let at = listens.at.clone();
        let crowd = beside(move || {
            let come = |_| {
                let mut wire = Wire::dial(&at);
                wire.write_all(&hello(other(role), false)).unwrap();
                wire
            };
            (0..100).map(come).collect::<Vec<_>>()
        });
        let crowd = crowd.await;
        let dials = dial(&listens.at, other(role), guard(CODE, 3)).await.unwrap().unwrap();
        assert!(listens.told().iter().all(|told| !is_guess(told)));
        can_talk(&listens.met().await, &dials).await;
        drop(crowd);
    }
}

/// A place is given up for another only behind its turn, and never in the middle of a guess: that would make it
/// a wrong one.
#[tokio::test]
async fn who_has_its_turn_is_not_given_up_for_another() {
    let long = Duration::from_secs(60);
    for (place, silent, turn) in
        [(0, long, Duration::ZERO), (1, Duration::ZERO, long), (2, Duration::ZERO, Duration::ZERO)]
    {
        let one = Bounds { meeting: 1, silent, turn, ..bounds() };
        let listens = listening(Role::Receive, guard(CODE, 1), one).await;
        let at = listens.at.clone();
        let right = beside(move || {
            let mut wire = Wire::dial(&at);
            // Somebody else comes, and there is time to make room for him.
            let comes = || {
                let other = Wire::dial(&at);
                std::thread::sleep(Duration::from_millis(100));
                other
            };
            let mut others = vec![];
            if place == 0 {
                others.push(comes());
            }
            wire.greet(Role::Send).unwrap();
            if place == 1 {
                others.push(comes());
            }
            let mut peer = Peer::secure(wire, Role::Send, &[LABEL]).unwrap();
            let proofs = peer.exchange(CODE).unwrap();
            assert!(peer.hear().unwrap() == proofs.receivers);
            if place == 2 {
                others.push(comes());
            }
            peer.say(&proofs.senders).unwrap();
            let done = peer.hear().unwrap() == said(2);
            drop(others);
            done
        });
        assert!(right.await, "{place}");
        listens.met().await;
    }
}

/// Where many come from one address, it is they who make room, and not somebody from another.
#[tokio::test]
async fn a_crowd_from_one_address_makes_room_itself() {
    let few = Bounds { meeting: 4, silent: Duration::ZERO, turn: Duration::ZERO, ..bounds() };
    let listens = listening(Role::Receive, guard(CODE, 1), few).await;
    let at = listens.at.clone();
    let right = beside(move || {
        let mut right = Wire::dial(&at);
        right.greet(Role::Send).unwrap();
        let crowd: Vec<Wire> = (0..20)
            .map(|_| {
                let mut wire = Wire::dial_from(&at, "127.0.0.2");
                wire.greet(Role::Send).unwrap();
                wire
            })
            .collect();
        let right = Peer::secure(right, Role::Send, &[LABEL]).unwrap().shake(CODE).unwrap();
        drop(crowd);
        right
    });
    assert!(right.await);
    listens.met().await;
}

/// Who comes behind a crowd does not wait for as many turns as there are in it.
#[tokio::test]
async fn a_crowd_that_stalls_is_through_before_who_waits_behind_it_gives_up() {
    let few = Bounds { meeting: 4, turn: Duration::from_secs(16), ..bounds() };
    let listens = listening(Role::Receive, guard(CODE, 1), few).await;
    let at = listens.at.clone();
    let right = beside(move || {
        let crowd: Vec<Wire> = (0..4)
            .map(|_| {
                let mut wire = Wire::dial_from(&at, "127.0.0.2");
                wire.greet(Role::Send).unwrap();
                wire
            })
            .collect();
        let queue: Vec<Wire> = (0..4)
            .map(|_| {
                let mut wire = Wire::dial_from(&at, "127.0.0.2");
                wire.write_all(&hello(Role::Send, false)).unwrap();
                wire
            })
            .collect();
        let mut right = Wire::dial(&at);
        right.greet(Role::Send).unwrap();
        let right = Peer::secure(right, Role::Send, &[LABEL]).unwrap().shake(CODE).unwrap();
        drop((crowd, queue));
        right
    });
    let patience = Duration::from_secs(12);
    assert!(tokio::time::timeout(patience, right).await.expect("it waited for their turns"));
    listens.met().await;
}

/// Who has said what it is does not lose its place to silent ones that come behind it.
#[tokio::test]
async fn who_speaks_among_silent_ones_is_heard() {
    for role in ROLES {
        let listens = listening(role, guard(CODE, 1), bounds()).await;
        // Without an await: all of them are there when the first is taken in.
        let before: Vec<_> = (0..50).map(|_| Wire::dial(&listens.at)).collect();
        let mut right = Wire::dial(&listens.at);
        right.write_all(&hello(other(role), false)).unwrap();
        let behind: Vec<_> = (0..50).map(|_| Wire::dial(&listens.at)).collect();
        let met = beside(move || {
            let mut theirs = [0; 8];
            right.read_exact(&mut theirs).unwrap();
            Peer::secure(right, other(role), &[LABEL]).unwrap().shake(CODE).unwrap()
        });
        assert!(met.await);
        listens.met().await;
        drop((before, behind));
    }
}

/// A connection that resets when it is dropped.
fn resets(wire: &Wire) {
    set_socket_linger(&wire.tcp, Some(Duration::ZERO)).unwrap();
}

#[tokio::test]
async fn who_resets_at_whatever_place_harms_nobody() {
    for role in ROLES {
        let listens = listening(role, guard(CODE, 1), bounds()).await;
        for place in 0..4 {
            comes(&listens, move |mut wire| {
                resets(&wire);
                match place {
                    0 => {}
                    1 => wire.write_all(b"fc").unwrap(),
                    2 => wire.greet(other(role)).unwrap(),
                    _ => drop(Peer::meet(wire, other(role)).unwrap()),
                }
            })
            .await;
        }
        told(&listens, 2).await;
        assert!(listens.told().iter().all(|told| !is_guess(told)));
        lets_the_right_one_in(listens, role).await;
    }
}

/// Goes as far as it may send, then says nothing more and stays. Whether it has seen the receiver's proof, and
/// whether it came to its end.
fn stalls(mut wire: Wire, role: Role, may_send: usize) -> (bool, bool) {
    wire.may_send = may_send;
    // The socket stays open when the model has given up.
    let mut stays = Wire::new(wire.tcp.try_clone().unwrap());
    let mut saw = false;
    let goes = || -> std::io::Result<()> {
        let mut peer = Peer::meet(wire, role)?;
        let proofs = peer.exchange(WRONG)?;
        match role {
            Role::Send => {
                peer.hear()?;
                saw = true;
                peer.say(&proofs.senders)
            }
            Role::Receive => peer.say(&proofs.receivers),
        }
    };
    let whole = goes().is_ok();
    stays.rest();
    (saw, whole)
}

const WRONG: &str = "417-blaze-otter-quill";

/// The time is for all of it: whoever stops at whatever byte is closed, and only who saw the proof has guessed.
#[tokio::test]
async fn who_stalls_at_any_byte_is_given_up_and_counts_only_behind_our_proof() {
    let short = Bounds { time: Duration::from_secs(2), ..bounds() };
    let mut all = tokio::task::JoinSet::new();
    // Each byte of the greeting; then TLS's some hundreds, and two records behind them.
    for may_send in (0..8).chain((8..900).step_by(19)) {
        for role in ROLES {
            all.spawn(async move {
                let listens = listening(role, guard(CODE, 2), short).await;
                let (saw, whole) =
                    comes(&listens, move |wire| stalls(wire, other(role), may_send)).await;
                let told = told(&listens, 1).await;
                // Who has proved wrongly has guessed too, whichever side it is.
                let place = format!("{may_send} bytes as {:?}: {told:?}", other(role));
                assert_eq!(is_guess(&told), saw || whole, "{place}");
                listens.done.abort();
                (saw, whole)
            });
        }
    }
    let ended: Vec<_> = all.join_all().await;
    for way in [(false, false), (true, false), (false, true), (true, true)] {
        assert!(
            ended.contains(&way),
            "nobody saw the proof, {}, and came to the end, {}",
            way.0,
            way.1
        );
    }
}

#[tokio::test]
async fn who_drips_its_bytes_has_no_more_time_for_them() {
    let short = Bounds { time: Duration::from_millis(300), ..bounds() };
    let listens = listening(Role::Receive, guard(CODE, 1), short).await;
    let said = comes(&listens, |mut wire| {
        let mut said = 0;
        for byte in hello(Role::Send, false) {
            // The pace of the peer is what is tested here.
            std::thread::sleep(Duration::from_millis(100));
            said += usize::from(wire.write_all(&[byte]).is_ok());
        }
        (said, wire.rest())
    });
    assert_eq!(said.await.1, b"", "it never said all of it in time");
    assert_eq!(told(&listens, 1).await, Told::NotMet { why: Unmet::Late(short.time), count: 1 });
}

#[tokio::test]
async fn tls_is_of_this_version_and_for_this_protocol_or_not_at_all() {
    let tls12 = || {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(super::model::Anybody))
            .with_no_client_auth();
        config.alpn_protocols = vec![LABEL.to_vec()];
        config
    };
    let other_exchange = || {
        let ring = rustls::crypto::ring::default_provider();
        let kx_groups = vec![rustls::crypto::ring::kx_group::SECP256R1];
        let provider = rustls::crypto::CryptoProvider { kx_groups, ..ring };
        let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(super::model::Anybody))
            .with_no_client_auth();
        config.alpn_protocols = vec![LABEL.to_vec()];
        config
    };
    let cases: [(&str, rustls::ClientConfig); 5] = [
        ("another exchange of keys", other_exchange()),
        ("TLS 1.2", tls12()),
        ("no protocol", client(&[])),
        ("another protocol", client(&[b"http/1.1"])),
        ("the next version", client(&[b"framecat-transfer/2"])),
    ];
    let listens = listening(Role::Receive, guard(CODE, 1), bounds()).await;
    for (what, config) in cases {
        comes(&listens, move |mut wire| {
            wire.greet(Role::Send).unwrap();
            if let Ok(mut peer) = Peer::sender(wire, config) {
                let _ = peer.say(&start(Role::Send, CODE).1);
                assert_eq!(peer.rest(), b"", "{what}");
            }
        })
        .await;
    }
    told(&listens, 2).await;
    assert!(listens.told().iter().all(|told| !is_guess(told)), "{:?}", listens.told());
    // No ticket is given, so that no session can be taken up again.
    let config = client(&[LABEL]);
    let (kinds, tickets) = comes(&listens, move |mut wire| {
        wire.greet(Role::Send).unwrap();
        let Peer::Sender(mut stream) = Peer::sender(wire, config).unwrap() else { unreachable!() };
        stream.write_all(&start(Role::Send, WRONG).1).unwrap();
        let mut theirs = [0; 33];
        stream.read_exact(&mut theirs).unwrap();
        (stream.conn.handshake_kind(), stream.conn.tls13_tickets_received())
    })
    .await;
    assert_eq!((kinds, tickets), (Some(rustls::HandshakeKind::Full), 0));
}

/// Words drawn from a seed, and never the right ones.
fn wrong_codes() -> impl Iterator<Item = String> {
    let mut dice = Dice::new(10_000);
    std::iter::repeat_with(move || {
        let mut word = || words()[dice.below(words().len())];
        format!("417-{}-{}-{}", word(), word(), word())
    })
    .filter(|code| code != CODE)
}

/// Ten thousand guesses through all of the handshake, five at a time or one after the other, at listeners as
/// they are but for the pause between guesses.
#[tokio::test]
async fn ten_thousand_guesses_let_nobody_in() {
    let codes: Vec<String> = wrong_codes().take(10_000).collect();
    let mut all = tokio::task::JoinSet::new();
    for (n, codes) in codes.chunks(1_000).enumerate() {
        let codes = codes.to_vec();
        all.spawn(async move {
            for (m, codes) in codes.chunks(5).enumerate() {
                let role = ROLES[(n + m) % 2];
                let listens = listening(role, guard(CODE, 5), bounds()).await;
                let mut guesses = tokio::task::JoinSet::new();
                for code in codes {
                    let (at, code) = (listens.at.clone(), code.clone());
                    guesses.spawn_blocking(move || {
                        Peer::meet(Wire::dial(&at), other(role)).unwrap().shake(&code).unwrap()
                    });
                    if m % 2 == 0 {
                        assert!(!within(guesses.join_next()).await.unwrap().unwrap());
                    }
                }
                assert!(!within(guesses.join_all()).await.contains(&true));
                let ear = listens.ear.clone();
                assert_eq!(listens.unmet().await, Unmet::Burned { guesses: 5 });
                let told = ear.told.lock().unwrap();
                assert_eq!(told.len(), 5, "each is told: {told:?}");
                assert!(told.iter().all(is_guess));
            }
        });
    }
    all.join_all().await;
}

/// Whoever comes when the code is void finds nobody: a thousand at one listener get three guesses together.
#[tokio::test]
async fn a_thousand_at_one_listener_have_three_guesses_together() {
    for role in ROLES {
        let listens = listening(role, guard(CODE, 3), bounds()).await;
        let (at, codes) = (listens.at.clone(), wrong_codes().take(500).collect::<Vec<_>>());
        let guesses = beside(move || {
            let guess = |code: &String| {
                let tcp =
                    std::net::TcpStream::connect(at.to_string().strip_prefix("tcp://")?).ok()?;
                let mut peer = Peer::meet(Wire::new(tcp), other(role)).ok()?;
                Some(peer.shake(code).unwrap_or(false))
            };
            codes.iter().filter_map(guess).collect::<Vec<_>>()
        });
        assert!(!guesses.await.contains(&true));
        assert_eq!(listens.unmet().await, Unmet::Burned { guesses: 3 });
    }
}
