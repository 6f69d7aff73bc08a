use framecat_proto::http::head;

use super::*;

/// `printf secret | argon2 somesalt -id -t 2 -k 64 -p 1 -e` of Debian's argon2: of another password each,
/// and cheap.
const ADA: &str =
    "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$NwLSKyqrGIiZOR0o1xAodvQbqYvoClGXx5cYXiW9kDY";
const BOB: &str =
    "$argon2id$v=19$m=64,t=2,p=4$c29tZXNhbHQ$PpJQoakInxorswdvxGwP8k9Kml9BZpT5SJFpkxi3UdU";

fn guard(accounts: Vec<Account>) -> Guard {
    Guard::new(&Passwords { accounts, open_read: false, made: None }).unwrap()
}

fn hashed() -> Guard {
    guard(vec![
        Account::hashed("ada", ADA.parse().unwrap()),
        Account::hashed("bob", BOB.parse().unwrap()),
    ])
}

fn client(ip: &str) -> Shown {
    Shown::of(Some(ip.parse().unwrap()))
}

/// What becomes of a request with this user and password, as the status of its reply; 200, it is let in. A
/// look is done at once.
fn asks(guard: &Guard, client: &mut Shown, (user, password): (&str, &str), now: u32) -> u16 {
    let value = auth::basic(user, password);
    let text = format!("GET / HTTP/1.1\r\nHost: box\r\nAuthorization: {value}\r\n\r\n");
    let request = head::request(text.as_bytes()).unwrap().unwrap();
    for _ in 0..2 {
        match guard.judge(&request, client, now) {
            Judged::In => return 200,
            Judged::Out(reply) => return reply.status,
            Judged::Look(attempt) => client.learn(guard.look(&attempt, || now)),
        }
    }
    panic!("a second look at one request")
}

#[test]
fn argon2_makes_what_others_make() {
    for (hash, password) in [(ADA, "secret"), (BOB, "other")] {
        let hash: Hash = hash.parse().unwrap();
        assert_eq!(argon2(password.as_bytes(), &hash).unwrap(), hash.output);
        assert_ne!(argon2(b"Secret", &hash).unwrap(), hash.output);
    }
    let (one, two) = (hash_password(b"secret").unwrap(), hash_password(b"secret").unwrap());
    assert_ne!(one.output, two.output, "each has a salt of its own");
    assert_eq!(argon2(b"secret", &one).unwrap(), one.output);
}

#[test]
fn only_the_right_password_of_the_right_user_is_let_in() {
    for guard in
        [hashed(), guard(vec![Account::known("ada", "secret"), Account::known("bob", "other")])]
    {
        let mut now = 1_000;
        let mut client = client("192.0.2.7");
        for (pair, status) in [
            (("ada", "secret"), 200),
            (("ada", "other"), 401),
            (("bob", "secret"), 401),
            (("bob", "other"), 200),
            (("nobody", "secret"), 401),
            (("ada", ""), 401),
            (("", ""), 401),
            (("ada", "secret "), 401),
            (("ada", "Secret"), 401),
            (("ad", "a:secret"), 401),
            (("ada", "secret"), 200),
        ] {
            now += AUTH_PAUSE.as_secs() as u32;
            assert_eq!(asks(&guard, &mut client, pair, now), status, "{pair:?}");
        }
    }
}

#[test]
fn a_password_is_looked_at_once_and_a_wrong_one_each_time() {
    let guard = hashed();
    let value = |password| auth::basic("ada", password);
    let ask = |value: &str, client: &mut Shown| {
        let text = format!("GET / HTTP/1.1\r\nHost: box\r\nAuthorization: {value}\r\n\r\n");
        let request = head::request(text.as_bytes()).unwrap().unwrap();
        guard.judge(&request, client, 0)
    };
    let mut first = client("192.0.2.7");
    let Judged::Look(attempt) = ask(&value("secret"), &mut first) else { panic!("not known yet") };
    let Judged::Look(same) = ask(&value("secret"), &mut client("192.0.2.8")) else {
        panic!("not known yet")
    };
    assert_eq!(guard.look(&attempt, || 0), Verdict::Right);
    assert_eq!(guard.look(&same, || 0), Verdict::Right, "found while it waited");
    assert!(matches!(ask(&value("secret"), &mut client("192.0.2.9")), Judged::In));
    for _ in 0..2 {
        let Judged::Look(wrong) = ask(&value("wrong"), &mut first) else { panic!("kept") };
        assert_eq!(guard.look(&wrong, || 0), Verdict::Wrong);
    }
    // What is told of one request is not taken for the next one's.
    first.learn(Verdict::Wrong);
    assert!(matches!(ask(&value("secret"), &mut first), Judged::Out(_)));
    assert!(matches!(ask(&value("secret"), &mut first), Judged::In));
    let shown = format!("{attempt:?} {first:?} {:?}", Account::known("ada", "secret"));
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn who_guesses_waits_longer_and_longer_and_nobody_else_does() {
    for guard in [hashed(), guard(vec![Account::known("ada", "secret")])] {
        let mut guesser = client("192.0.2.7");
        // Who has shown the password before the guesses began, on this connection, goes on.
        let mut beside = client("192.0.2.7");
        assert_eq!(asks(&guard, &mut beside, ("ada", "secret"), 0), 200);
        for n in 0..AUTH_TRIES {
            assert_eq!(asks(&guard, &mut guesser, ("ada", &format!("guess {n}")), 0), 401);
        }
        let mut now = 0;
        for pause in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            for _ in 0..3 {
                let right = asks(&guard, &mut guesser, ("ada", "secret"), now);
                assert_eq!(right, 429, "not even the right one is looked at");
            }
            assert_eq!(guard.guesses.wait(guesser.source, now), Some(pause));
            assert_eq!(asks(&guard, &mut client("192.0.2.7"), ("ada", "secret"), now), 429);
            assert_eq!(asks(&guard, &mut beside, ("ada", "secret"), now), 200);
            assert_eq!(asks(&guard, &mut client("192.0.2.8"), ("ada", "secret"), now), 200);
            now += pause - 1;
            assert_eq!(asks(&guard, &mut guesser, ("ada", "guess"), now), 429);
            now += 1;
            assert_eq!(asks(&guard, &mut guesser, ("ada", "guess"), now), 401);
        }
        now += 60;
        assert_eq!(
            asks(&guard, &mut guesser, ("ada", "secret"), now),
            200,
            "it is forgiven in time"
        );
        // A right one forgives nothing: else who has a password of his own could guess others'.
        assert_eq!(asks(&guard, &mut guesser, ("ada", "guess"), now), 401);
        assert!(guard.guesses.wait(guesser.source, now).is_some());
    }
}

#[test]
fn one_is_forgiven_for_each_minute() {
    let guesses = Guesses::default();
    for _ in 0..AUTH_TRIES + 3 {
        guesses.wrong(None, 0);
    }
    assert_eq!(guesses.wait(None, 0), Some(8));
    guesses.wrong(None, 60 * 5);
    assert_eq!(guesses.wait(None, 300), None, "ten less five and one more are no more than may be");
    assert_eq!(guesses.lock()[&None].wrong, AUTH_TRIES - 1);
}

#[test]
fn a_source_is_an_address_or_a_network_of_somebody_s_own() {
    for (a, b, same) in [
        ("192.0.2.7", "::ffff:192.0.2.7", true),
        ("192.0.2.7", "192.0.2.8", false),
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true),
        ("2001:db8::1", "2001:db8:0:1::1", false),
        ("127.0.0.1", "127.0.0.2", false),
    ] {
        assert_eq!(client(a).source == client(b).source, same, "{a} {b}");
    }
    assert_ne!(Shown::of(None).source, client("127.0.0.1").source);
}

#[test]
fn strangers_are_remembered_up_to_a_bound() {
    let guesses = Guesses::default();
    let source = |n: u32| Some(IpAddr::V4(n.into()));
    for n in 0..AUTH_SOURCES as u32 + 100 {
        guesses.wrong(source(n), n);
        assert!(guesses.lock().len() <= AUTH_SOURCES);
    }
    assert!(guesses.lock().contains_key(&source(AUTH_SOURCES as u32 + 99)));
}

#[test]
fn a_made_password_has_eighty_bits() {
    let made: Vec<String> = (0..100).map(|_| make_password().unwrap()).collect();
    for password in &made {
        let letters: Vec<char> = password.chars().filter(|c| *c != '-').collect();
        assert_eq!((password.len(), letters.len()), (19, 16), "{password}");
        assert!(letters.iter().all(|c| !"lo01".contains(*c)), "{password}");
    }
    let mut letters: Vec<char> = made.concat().chars().collect();
    letters.sort_unstable();
    letters.dedup();
    assert_eq!(letters.len(), 33, "all 32 come, and the hyphen: 1,600 of them leave none out");
    let mut different = made.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), made.len());
}

#[test]
fn what_is_read_may_be_open_and_nothing_else() {
    let accounts = vec![Account::known("ada", "secret")];
    let guard = Guard::new(&Passwords { accounts, open_read: true, made: None }).unwrap();
    for (request, open) in [
        ("GET /", true),
        ("HEAD /", true),
        ("OPTIONS *", true),
        ("PUT /a", false),
        ("BREW /", false),
    ] {
        let text = format!("{request} HTTP/1.1\r\nHost: box\r\n\r\n");
        let request = head::request(text.as_bytes()).unwrap().unwrap();
        let judged = guard.judge(&request, &mut Shown::default(), 0);
        assert_eq!(matches!(judged, Judged::In), open, "{text}");
    }
}
