//! Who guesses, listens in, stands between, says what was said before, or says nothing.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use framecat_net::error::Unmet;
use framecat_net::transfer::{Bounds, Role};

use super::model::{Peer, Said, Wire, said, start};
use super::{
    CODE, ROLES, Told, beside, bounds, can_talk, comes, dial, guard, is_guess,
    lets_the_right_one_in, listening, other, serves, told, unmet,
};
use crate::sockets::{endpoint, within};

const WRONG: &str = "417-blaze-otter-quill";

#[tokio::test]
async fn another_program_that_does_as_the_page_says_meets_ours() {
    for role in ROLES {
        let listens = listening(role, guard(CODE, 3), bounds()).await;
        let right = comes(&listens, move |wire| {
            Peer::meet(wire, other(role)).unwrap().shake(CODE).unwrap()
        });
        assert!(right.await);
        listens.met().await;

        let listens = listening(role, guard(CODE, 3), bounds()).await;
        let right = comes(&listens, move |wire| {
            Peer::meet(wire, other(role)).unwrap().shake(WRONG).unwrap()
        });
        assert!(!right.await);
        assert!(is_guess(&told(&listens, 1).await));
    }
}

#[tokio::test]
async fn who_dials_gives_a_false_listener_one_guess_and_says_what_is_wrong() {
    for role in ROLES {
        let (at, served) =
            serves(move |wire| Peer::meet(wire, other(role)).unwrap().shake(CODE).unwrap());
        within(dial(&at, role, guard(CODE, 3))).await.unwrap().unwrap();
        assert!(within(served).await.unwrap());

        let (at, served) =
            serves(move |wire| Peer::meet(wire, other(role)).unwrap().shake(WRONG).unwrap());
        assert_eq!(unmet(dial(&at, role, guard(CODE, 3)).await), Unmet::WrongCode);
        assert!(!within(served).await.unwrap());
    }
}

/// What is said in the place of a proof, and what the other side makes of it. `0`: it hangs up.
#[tokio::test]
async fn what_stands_in_the_place_of_a_proof_proves_nothing() {
    let broken = |unmet: &Unmet| matches!(unmet, Unmet::Broken(_));
    for role in ROLES {
        for kind in [0, 2, 3, 4, 5, 6, 255] {
            let (at, _served) = serves(move |wire| {
                let mut peer = Peer::meet(wire, other(role)).unwrap();
                peer.exchange(CODE).unwrap();
                if kind != 0 {
                    peer.say(&said(kind)).unwrap();
                }
                let _ = peer.wire().tcp.shutdown(std::net::Shutdown::Write);
                peer.rest();
            });
            let unmet = unmet(dial(&at, role, guard(CODE, 3)).await);
            match kind {
                0 => assert!(matches!(unmet, Unmet::Left { .. } | Unmet::NoTls(_)), "{unmet:?}"),
                3 => assert_eq!(unmet, Unmet::WrongCode),
                4 => assert_eq!(unmet, Unmet::Void),
                5 => assert_eq!(unmet, Unmet::Taken),
                _ => assert!(broken(&unmet), "{kind}: {unmet:?}"),
            }
        }
        // Kinds without a proof hold zeros.
        let (at, _served) = serves(move |wire| {
            let mut peer = Peer::meet(wire, other(role)).unwrap();
            peer.exchange(CODE).unwrap();
            let mut bytes = said(3);
            bytes[32] = 1;
            peer.say(&bytes).unwrap();
            peer.rest();
        });
        assert!(broken(&unmet(dial(&at, role, guard(CODE, 3)).await)));
    }
}

#[tokio::test]
async fn who_leaves_when_it_can_check_its_guess_has_guessed() {
    let short = Bounds { time: Duration::from_secs(1), ..bounds() };
    // Also with the right code: nobody can know which it was.
    for code in [WRONG, CODE] {
        for stays in [false, true] {
            let bounds = if stays { short } else { bounds() };
            let listens = listening(Role::Receive, guard(CODE, 2), bounds).await;
            let saw = comes(&listens, move |wire| {
                let mut peer = Peer::meet(wire, Role::Send).unwrap();
                let proofs = peer.exchange(code).unwrap();
                let seen = peer.hear().unwrap();
                match stays {
                    true => assert!(peer.rest().is_empty()),
                    false => peer.close(),
                }
                seen == proofs.receivers
            });
            assert_eq!(saw.await, code == CODE, "it has checked it");
            let Told::Wrong { why, left } = told(&listens, 1).await else { panic!("no guess") };
            assert_eq!(left, 1);
            match stays {
                true => assert_eq!(why, Unmet::Late(short.time)),
                false => assert!(matches!(why, Unmet::Left { .. } | Unmet::NoTls(_)), "{why:?}"),
            }
        }
    }
}

#[tokio::test]
async fn who_leaves_before_it_can_has_not() {
    for role in ROLES {
        let listens = listening(role, guard(CODE, 1), bounds()).await;
        comes(&listens, move |wire| Peer::meet(wire, other(role)).unwrap().close()).await;
        comes(&listens, move |wire| {
            let mut peer = Peer::meet(wire, other(role)).unwrap();
            peer.say(&start(other(role), WRONG).1[..32]).unwrap();
            peer.close();
        })
        .await;
        // A sender proves nothing before the receiver has.
        if role == Role::Send {
            comes(&listens, move |wire| {
                let mut peer = Peer::meet(wire, Role::Receive).unwrap();
                peer.exchange(WRONG).unwrap();
                peer.close();
            })
            .await;
        }
        told(&listens, 2).await;
        lets_the_right_one_in(listens, role).await;
    }
}

#[tokio::test]
async fn who_knew_the_code_and_broke_off_makes_room_for_the_next() {
    let listens = listening(Role::Send, guard(CODE, 1), bounds()).await;
    comes(&listens, |wire| {
        let mut peer = Peer::meet(wire, Role::Receive).unwrap();
        let proofs = peer.exchange(CODE).unwrap();
        peer.say(&proofs.receivers).unwrap();
        assert!(peer.hear().unwrap() == proofs.senders);
        peer.close();
    })
    .await;
    assert!(!is_guess(&told(&listens, 1).await));
    lets_the_right_one_in(listens, Role::Send).await;
}

#[tokio::test]
async fn one_of_two_who_know_the_code_is_taken_and_the_other_is_told_nothing_false() {
    let listens = listening(Role::Receive, guard(CODE, 2), bounds()).await;
    let at = listens.at.clone();
    let (mut slow, proofs) = beside(move || {
        let mut peer = Peer::meet(Wire::dial(&at), Role::Send).unwrap();
        let proofs = peer.exchange(CODE).unwrap();
        assert!(peer.hear().unwrap() == proofs.receivers);
        (peer, proofs)
    })
    .await;
    let dials = dial(&listens.at, Role::Send, guard(CODE, 3)).await.unwrap().unwrap();
    assert_eq!(listens.told(), []);
    can_talk(&listens.met().await, &dials).await;
    let heard = beside(move || {
        let _ = slow.say(&proofs.senders);
        slow.rest()
    });
    assert_ne!(heard.await.first(), Some(&2), "it is not told that it was taken");
}

/// Passes what comes on one side to the other, and back, until both have ended.
fn pass(from: Peer, to: Peer) {
    fn plain(peer: Peer) -> (Box<dyn ReadWrite>, std::net::TcpStream) {
        match peer {
            Peer::Sender(stream) => {
                let tcp = stream.sock.tcp.try_clone().unwrap();
                (Box::new(*stream), tcp)
            }
            Peer::Receiver(stream) => {
                let tcp = stream.sock.tcp.try_clone().unwrap();
                (Box::new(*stream), tcp)
            }
        }
    }
    trait ReadWrite: Read + Write {}
    impl<T: Read + Write> ReadWrite for T {}
    // What is said is 33 bytes each time, by turns: shares of both, then who sends what is settled.
    let ((mut a, a_tcp), (mut b, b_tcp)) = (plain(from), plain(to));
    for tcp in [&a_tcp, &b_tcp] {
        tcp.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    }
    let mut open = [true, true];
    while open[0] || open[1] {
        for side in [0, 1] {
            let (from, to) = if side == 0 { (&mut a, &mut b) } else { (&mut b, &mut a) };
            let mut bytes = [0; 64];
            match from.read(&mut bytes) {
                Ok(0) => open[side] = false,
                Ok(read) => {
                    let _ = to.write_all(&bytes[..read]).and_then(|()| to.flush());
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    ) => {}
                Err(_) => open[side] = false,
            }
        }
        if !(open[0] && open[1]) {
            break;
        }
    }
}

#[tokio::test]
async fn who_ends_tls_on_both_sides_and_passes_all_on_fails_on_both() {
    for role in ROLES {
        let listens = listening(role, guard(CODE, 3), bounds()).await;
        let to = listens.at.clone();
        let (at, between) = serves(move |wire| {
            // Towards each side it is what that side looks for.
            let one = Peer::meet(wire, role).unwrap();
            let other = Peer::meet(Wire::dial(&to), other(role)).unwrap();
            pass(one, other);
        });
        let dialled = unmet(dial(&at, other(role), guard(CODE, 3)).await);
        assert_eq!(dialled, Unmet::WrongCode, "{role:?}");
        within(between).await.unwrap();
        assert!(is_guess(&told(&listens, 1).await));
        lets_the_right_one_in(listens, role).await;
    }
}

/// Passes bytes as they are: what every router does.
fn relay(one: std::net::TcpStream, other: std::net::TcpStream) -> Vec<u8> {
    fn copy(mut from: std::net::TcpStream, mut to: std::net::TcpStream) -> Vec<u8> {
        let (mut seen, mut bytes) = (Vec::new(), [0; 4096]);
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            seen.extend_from_slice(&bytes[..read]);
            let _ = to.write_all(&bytes[..read]);
        }
        let _ = to.shutdown(std::net::Shutdown::Write);
        seen
    }
    let (from, to) = (other.try_clone().unwrap(), one.try_clone().unwrap());
    let back = std::thread::spawn(move || copy(from, to));
    let mut seen = copy(one, other);
    seen.extend(back.join().unwrap());
    seen
}

#[tokio::test]
async fn who_only_passes_bytes_on_sees_nothing_of_what_is_said() {
    for role in ROLES {
        let listens = listening(role, guard(CODE, 3), bounds()).await;
        let to = listens.at.clone();
        let (at, between) = serves(move |wire| relay(wire.tcp, Wire::dial(&to).tcp));
        let dials = dial(&at, other(role), guard(CODE, 3)).await.unwrap().unwrap();
        let met = listens.met().await;
        can_talk(&met, &dials).await;
        drop((met, dials));
        let seen = within(between).await.unwrap();
        for secret in ["in private", "blaze", "otter", "quilt"] {
            let found = seen.windows(secret.len()).any(|bytes| bytes == secret.as_bytes());
            assert!(!found, "{secret}");
        }
    }
}

#[tokio::test]
async fn two_who_both_dial_meet_at_a_relay() {
    let relays = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = endpoint(&format!("tcp://{}", relays.local_addr().unwrap()));
    let between = tokio::task::spawn_blocking(move || {
        let (one, other) = (relays.accept().unwrap().0, relays.accept().unwrap().0);
        relay(one, other)
    });
    let (one, other) = tokio::join!(
        dial(&at, Role::Send, guard(CODE, 3)),
        dial(&at, Role::Receive, guard(CODE, 3))
    );
    let (one, other) = (one.unwrap().unwrap(), other.unwrap().unwrap());
    can_talk(&one, &other).await;
    drop((one, other));
    within(between).await.unwrap();
}

#[tokio::test]
async fn what_was_said_once_proves_nothing_later() {
    let listens = listening(Role::Receive, guard(CODE, 3), bounds()).await;
    let (share, proof, raw) = comes(&listens, |wire| {
        let mut peer = Peer::meet(wire, Role::Send).unwrap();
        let (state, ours) = start(Role::Send, CODE);
        peer.say(&ours).unwrap();
        let theirs = peer.hear().unwrap();
        let proofs = peer.proofs(&state.finish(&theirs).unwrap(), &ours, &theirs);
        assert!(peer.hear().unwrap() == proofs.receivers);
        peer.say(&proofs.senders).unwrap();
        assert!(peer.hear().unwrap() == said(2));
        (ours, proofs.senders, peer.wire().sent.clone())
    })
    .await;
    listens.met().await;

    // The same code again: all that was inside TLS, and all that was on the wire.
    let listens = listening(Role::Receive, guard(CODE, 3), bounds()).await;
    let answer = comes(&listens, move |wire| {
        let mut peer = Peer::meet(wire, Role::Send).unwrap();
        peer.say(&share).unwrap();
        peer.say(&proof).unwrap();
        peer.rest()
    });
    assert_eq!(answer.await[66..], said(3), "after a share and a proof: wrong");
    assert!(is_guess(&told(&listens, 1).await));
    comes(&listens, move |mut wire| {
        wire.write_all(&raw).unwrap();
        wire.rest()
    })
    .await;
    assert!(!is_guess(&told(&listens, 2).await));
    lets_the_right_one_in(listens, Role::Receive).await;
}

#[tokio::test]
async fn our_own_messages_sent_back_to_us_prove_nothing() {
    for role in ROLES {
        // As it is: it has the letter of the wrong side. With the other letter: a key nobody knows.
        for letter in [false, true] {
            let listens = listening(role, guard(CODE, 5), bounds()).await;
            comes(&listens, move |wire| {
                let mut peer = Peer::meet(wire, other(role)).unwrap();
                let mut share = peer.hear().unwrap();
                if letter {
                    share[0] ^= b'A' ^ b'B';
                }
                peer.say(&share).unwrap();
                // The receiver proves first: its proof comes back to it. A sender gets its share for one.
                let mut proof =
                    if role == Role::Receive { peer.hear().unwrap_or(share) } else { share };
                proof[0] = 1;
                let _ = peer.say(&proof);
                let rest = peer.rest();
                assert!(!rest.starts_with(&said(2)) && !rest.starts_with(&[1]), "{rest:?}");
            })
            .await;
            assert_eq!(is_guess(&told(&listens, 1).await), letter);
            lets_the_right_one_in(listens, role).await;
        }
    }
}

#[tokio::test]
async fn a_share_of_the_other_role_is_none() {
    for role in ROLES {
        let listens = listening(role, guard(CODE, 1), bounds()).await;
        comes(&listens, move |wire| {
            let mut peer = Peer::meet(wire, other(role)).unwrap();
            peer.say(&start(role, CODE).1).unwrap();
            peer.rest();
        })
        .await;
        let why = Unmet::Broken("its key share is none");
        assert_eq!(told(&listens, 1).await, Told::NotMet { why, count: 1 });
        lets_the_right_one_in(listens, role).await;
    }
}

/// Points of edwards25519 that are no use to an honest side, and bytes that are no point.
fn strange_points() -> Vec<[u8; 32]> {
    let from = |hex: &str| -> [u8; 32] {
        std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
    };
    let mut points: Vec<[u8; 32]> = [
        // Of order 4, 1, 2 and 8, with either sign, and the same written beyond the prime.
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        // The generator, and SPAKE2's M and N.
        "5866666666666666666666666666666666666666666666666666666666666666",
        "15cfd18e385952982b6a8f8c7854963b58e34388c8e6dae891db756481a02312",
        "f04f2e7eb734b2a8f8b472eaf9c3c632576ac64aea650b496a8a20ff00e583c3",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ]
    .map(from)
    .to_vec();
    // Half of all numbers are no point's.
    points.extend((2..12).map(|y| std::array::from_fn(|at| if at == 0 { y } else { 0 })));
    points
}

#[tokio::test]
async fn no_strange_point_gets_anybody_in() {
    for role in ROLES {
        let mut guesses = 0;
        for point in strange_points() {
            let listens = listening(role, guard(CODE, 1), bounds()).await;
            comes(&listens, move |wire| {
                let mut peer = Peer::meet(wire, other(role)).unwrap();
                let theirs = peer.hear().unwrap();
                let mut share: Said = [if role == Role::Send { b'B' } else { b'A' }; 33];
                share[1..].copy_from_slice(&point);
                peer.say(&share).unwrap();
                // What would be shared if the key were the neutral element, and zeros.
                let proofs = peer.proofs(&[0; 32], &share, &theirs);
                let proof = match other(role) {
                    Role::Send => proofs.senders,
                    Role::Receive => proofs.receivers,
                };
                let _ = peer.say(&proof);
                let rest = peer.rest();
                assert!(rest.last() != Some(&2) && !rest.ends_with(&said(2)), "{rest:?}");
            })
            .await;
            match told(&listens, 1).await {
                Told::Wrong { left: 0, .. } => {
                    guesses += 1;
                    assert_eq!(listens.unmet().await, Unmet::Burned { guesses: 1 });
                }
                Told::NotMet { why, .. } => assert_eq!(why, Unmet::Broken("its key share is none")),
                told => panic!("{told:?}"),
            }
        }
        assert!(guesses > 10, "{guesses}: most of them are points");
    }
}
