//! How a transfer is told.

use framecat_net::transfer::{Offer, Offered, Role};
use framecat_proto::transfer::receiver::Summary;
use framecat_proto::transfer::record::EntryKind;

use super::*;

fn manner_of(role: Role) -> Option<Transfer> {
    let into = (role == Role::Receive).then(|| HOSTILE.to_string());
    Some(Transfer {
        role,
        code: Some("417-blaze-otter-quilt".into()),
        there: "framecat receive --from",
        into,
    })
}

fn transfer_said(role: Role, verbose: u8, peer: &str) -> String {
    let manner = Manner { verbose, transfer: manner_of(role), ..Manner::default() };
    said(manner, |voice| {
        let reach = Reach::Network(vec![format!("tcp://{peer}")]);
        voice.event(Event::Listening { endpoint: "tcp://0.0.0.0:9000", reach: &reach, pin: None });
        of_a_transfer(peer, |event| voice.event(event));
    })
}

#[test]
fn a_transfer_is_told_from_both_sides() {
    let mut text = String::new();
    for (role, verbose) in
        [(Role::Send, 0), (Role::Send, 1), (Role::Receive, 0), (Role::Receive, 1)]
    {
        text += &format!("# {role:?}, -v {verbose} times\n");
        text += &transfer_said(role, verbose, "a.txt");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_text_is_nowhere_and_what_the_sender_left_out_is_missing_at_the_receiver_too() {
    let sum = |carries, failed| Transferred {
        carries,
        committed: 1,
        had: 0,
        skipped: 0,
        failed,
        moved: 21,
        bytes: 21,
        took: Duration::from_millis(10),
    };
    let said_of = |role, verbose, sum: Transferred| {
        let manner = Manner { verbose, transfer: manner_of(role), ..Manner::default() };
        let mut missing = 0;
        let text = said(manner, |voice| {
            voice.event(Event::File { name: "text", bytes: 21, outcome: &Outcome::Committed });
            voice.event(Event::Transferred(sum));
            missing = voice.missing_of_transfer();
        });
        (text, missing)
    };
    let (text, _) = said_of(Role::Send, 0, sum(Carries::Text, 0));
    assert_eq!(text, "framecat: the text is there: 21 bytes in 0.01 s\n");
    assert_eq!(said_of(Role::Receive, 0, sum(Carries::Text, 0)).0, "");
    let (text, _) = said_of(Role::Receive, 1, sum(Carries::Text, 0));
    assert!(text.ends_with("framecat: the text is on stdout: 21 bytes in 0.01 s\n"), "{text}");
    let (text, missing) = said_of(Role::Receive, 0, sum(Carries::Files, 2));
    assert!(text.contains("2 failed") && missing == 2, "{text}");
}

#[test]
fn names_of_a_transfer_do_not_act_on_a_terminal() {
    for role in [Role::Send, Role::Receive] {
        let (hostile, plain) = (transfer_said(role, 1, HOSTILE), transfer_said(role, 1, "a.txt"));
        assert!(is_harmless(&hostile), "{hostile}");
        assert_eq!(hostile.lines().count(), plain.lines().count());
        for line in hostile.lines() {
            assert!(line.starts_with("framecat: ") || line.starts_with("          "), "{line}");
            assert!(!line.starts_with("framecat: all is well"), "{line}");
        }
    }
    let entry = |path: &str, kind, mode| {
        let (path, target) = (path.into(), HOSTILE.into());
        Offered { path, kind, size: 17, mode, target }
    };
    let carries = Carries::Files;
    let summary = Summary { carries, count: 40, bytes: 680, more: true, hidden: 9, executable: 1 };
    let entries = vec![
        entry(HOSTILE, EntryKind::File, 0o755),
        entry(".x", EntryKind::Folder, 0o755),
        entry(HOSTILE, EntryKind::Link, 0o777),
    ];
    let offer = Offer { summary, entries, room: Some(3) };
    let shown = String::from_utf8(transfer::offer(&offer, Some(HOSTILE))).unwrap();
    let question = transfer::question(&offer, Some(HOSTILE));
    assert!(is_harmless(&shown) && is_harmless(&question), "{shown}{question}");
    assert!(!question.contains('\n'), "{question}");
    assert_eq!(shown.lines().count(), 8, "{shown}");
}

#[test]
fn an_offer_shows_some_names_and_points_out_what_is_hidden_or_can_be_run() {
    let entry = |path: String, kind, size, mode| {
        let target = if kind == EntryKind::Link { "../photos".into() } else { String::new() };
        Offered { path, kind, size, mode, target }
    };
    let mut entries = vec![
        entry("photo.jpg".into(), EntryKind::File, 2_200_000, 0o644),
        entry("notes".into(), EntryKind::Folder, 0, 0o755),
        entry(".bashrc".into(), EntryKind::File, 1, 0o644),
        entry("to".into(), EntryKind::Link, 0, 0o777),
    ];
    entries.extend((0..30).map(|n| entry(format!("notes/{n}.sh"), EntryKind::File, 9, 0o755)));
    let all = |entries: &[Offered], count, more| Offer {
        summary: Summary {
            carries: Carries::Files,
            count,
            bytes: 5 << 30,
            more,
            hidden: 1,
            executable: 30,
        },
        entries: entries.to_vec(),
        room: Some(80 << 30),
    };
    let shows = |offer: &Offer, into: Option<&str>| {
        let shown = transfer::offer(offer, into);
        format!("{}{}\n\n", String::from_utf8(shown).unwrap(), transfer::question(offer, into))
    };
    let mut text = shows(&all(&entries, 5_002, false), Some("/home/x/in"));
    text += &shows(&all(&entries, 16_384, true), Some("/home/x/in"));
    let none = Summary {
        carries: Carries::Files,
        count: 1,
        bytes: 17,
        more: false,
        hidden: 0,
        executable: 0,
    };
    for (carries, one) in [
        (Carries::Files, Some(entry("a.txt".into(), EntryKind::File, 17, 0o644))),
        (Carries::Files, Some(entry("empty".into(), EntryKind::Folder, 0, 0o755))),
        (Carries::Files, Some(entry("to".into(), EntryKind::Link, 0, 0o777))),
        (Carries::Stream, Some(entry("stdin".into(), EntryKind::Stream, 0, 0o644))),
        (Carries::Stream, None),
        (Carries::Text, Some(entry("text".into(), EntryKind::Stream, 0, 0o644))),
    ] {
        let entries = one.into_iter().collect();
        let offer = Offer { summary: Summary { carries, ..none }, entries, room: Some(5) };
        text += &shows(&offer, Some("."));
    }
    let offer = Offer { summary: none, entries: vec![entries[0].clone()], room: None };
    text += &shows(&offer, None);
    insta::assert_snapshot!(text);
}

#[test]
fn of_many_files_that_are_missing_some_are_told_and_the_rest_is_counted() {
    let failed = Outcome::Failed(Cause::Full.into());
    let tells = |verbose, json: Option<Arc<Lines>>| {
        let manner = Manner { verbose, json, transfer: manner_of(Role::Send), ..Manner::default() };
        let mut missing = 0;
        let text = said(manner, |voice| {
            for n in 0..50 {
                voice.event(Event::File { name: &format!("{n}.txt"), bytes: 1, outcome: &failed });
            }
            voice.rest_of_transfer();
            voice.rest_of_transfer();
            missing = voice.missing_of_transfer();
        });
        assert_eq!(missing, 50);
        text
    };
    let text = tells(0, None);
    assert_eq!(text.matches(".txt did not arrive: there is no room for it").count(), 20, "{text}");
    assert_eq!(text.matches("make room").count(), 1, "{text}");
    assert!(text.ends_with("framecat: and 30 more\n          -v names all\n"), "{text}");
    assert_eq!(tells(1, None).matches(".txt did not arrive").count(), 50);
    let lines = Arc::new(Lines::default());
    assert_eq!(tells(0, Some(lines.clone())), "");
    assert_eq!(String::from_utf8(lines.take()).unwrap().lines().count(), 50);
}

#[test]
fn lines_about_files_wait_for_room_and_none_is_lost() {
    let lines = Arc::new(Lines::default());
    let transfer = manner_of(Role::Send);
    let manner = Manner { json: Some(lines.clone()), transfer, ..Manner::default() };
    let voice = Voice::on(manner, Box::new(Written::default()));
    lines.tell(&vec![b'\n'; TOLD_BYTES]);
    let teller = std::thread::spawn(move || {
        voice.event(Event::File { name: "a.txt", bytes: 1, outcome: &Outcome::Had });
    });
    // It may tell only when somebody took what was there.
    assert_eq!(lines.take().len(), TOLD_BYTES);
    teller.join().unwrap();
    assert!(String::from_utf8(lines.take()).unwrap().contains("a.txt"));
    lines.tell(&vec![b'\n'; TOLD_BYTES]);
    lines.hurry();
    lines.tell_in_turn(b"at the end nobody waits\n");
    assert_eq!(lines.waiting(), TOLD_BYTES + 24);
}

#[test]
fn with_v_every_file_is_named_however_slow_stderr_is() {
    let manner = Manner { verbose: 1, transfer: manner_of(Role::Send), ..Manner::default() };
    let (voice, written, go) = stuck(manner);
    let teller = std::thread::spawn({
        let voice = voice.clone();
        move || {
            for n in 0..5_000 {
                let (name, outcome) = (format!("{n}.txt"), Outcome::Committed);
                voice.event(Event::File { name: &name, bytes: 1, outcome: &outcome });
            }
        }
    });
    drop(go);
    teller.join().unwrap();
    finish(&voice);
    let text = written.text();
    assert_eq!(text.matches(".txt is there").count(), 5_000);
    assert!(!text.contains("not told"), "{text}");
    // After a signal nothing waits.
    let manner = Manner { verbose: 1, transfer: manner_of(Role::Send), ..Manner::default() };
    let (voice, written, go) = stuck(manner);
    voice.hurry();
    for _ in 0..SHOW_QUEUE + 5 {
        voice.event(Event::File { name: "a", bytes: 1, outcome: &Outcome::Had });
    }
    drop(go);
    finish(&voice);
    assert!(written.text().contains("5 events not told"), "{}", written.text());
}

#[test]
fn progress_tells_bytes_and_files_the_rate_and_the_time_left() {
    let cases = [
        (
            Moving {
                bytes: 1 << 30,
                of: 3 << 30,
                entries: 12,
                of_entries: 5_000,
                more: false,
                rate: 112 << 20,
            },
            "framecat: 33%, 1.0 GiB of 3.0 GiB, 112 MiB/s, 19 s left, 12 of 5,000 files",
        ),
        (
            Moving {
                bytes: 10,
                of: 1_000_000,
                entries: 0,
                of_entries: 16_384,
                more: true,
                rate: 100,
            },
            "framecat: 0%, 10 bytes of 977 KiB+, 100 bytes/s, 2:46 h+ left, 0 of 16,384+ files",
        ),
        (
            Moving { bytes: 5 << 20, rate: 1 << 20, ..Moving::default() },
            "framecat: 5.0 MiB, 1.0 MiB/s",
        ),
        (
            Moving { bytes: 5, of: 10, ..Moving::default() },
            "framecat: 50%, 5 bytes of 10 bytes, 0 bytes/s",
        ),
        (
            Moving { bytes: u64::MAX, of: u64::MAX, rate: u64::MAX, ..Moving::default() },
            "framecat: 100%, 16384 PiB of 16384 PiB, 16384 PiB/s, 0 s left",
        ),
        (
            Moving { bytes: 0, of: 90, rate: 1, ..Moving::default() },
            "framecat: 0%, 0 bytes of 90 bytes, 1 byte/s, 1:30 min left",
        ),
    ];
    for (moving, shown) in cases {
        assert_eq!(transfer::progress(&moving, None), shown);
    }
}

#[test]
fn a_line_of_progress_is_no_wider_than_the_terminal() {
    let line = "framecat: 33%, 1.0 GiB of 3.0 GiB".to_string();
    assert_eq!(fitting(line.clone(), 0), line);
    assert_eq!(fitting(line.clone(), 34), line);
    assert_eq!(fitting(line.clone(), 33), "framecat: 33%, 1.0 GiB of 3.0 G…");
    assert_eq!(fitting(line.clone(), 3), "f…");
    assert_eq!(fitting(line, 1), "…");
}

#[test]
fn files_that_are_stopped_on_the_way_can_be_gone_on_with_and_streams_cannot() {
    let stopped = |moving: Option<Moving>| {
        let manner = Manner { transfer: manner_of(Role::Receive), ..Manner::default() };
        said(manner, |voice| {
            moving.into_iter().for_each(|moving| voice.event(Event::Moving(moving)));
            voice.stopped();
        })
    };
    let files = Moving { bytes: 1, of: 2, ..Moving::default() };
    let told = "framecat: stopped on the way\n          the same two commands go on where it was\n";
    assert_eq!(stopped(Some(files)), told);
    assert_eq!(stopped(Some(Moving { of: 0, ..files })), "");
    assert_eq!(stopped(None), "");
}

#[test]
fn who_sends_waits_for_an_answer_before_anything_moves() {
    let moving = Moving { of: 10, ..Moving::default() };
    let told = transfer::progress(&moving, Some(Role::Send));
    assert_eq!(told, "framecat: waiting for the other side's answer");
    assert!(transfer::progress(&moving, Some(Role::Receive)).starts_with("framecat: 0%, "));
}

#[test]
fn a_name_shows_what_takes_no_room_and_keeps_what_scripts_need() {
    let cases = [
        ("plain name.txt", "plain name.txt"),
        ("\u{200b}a\u{ad}b\u{feff}", "\\u{200b}a\\u{ad}b\\u{feff}"),
        (
            "a\u{3164}\u{2800}\u{180e}\u{fff9}\u{e0041}",
            "a\\u{3164}\\u{2800}\\u{180e}\\u{fff9}\\u{e0041}",
        ),
        ("a\u{a0}b\u{3000}c\u{2003}", "a\\u{a0}b\\u{3000}c\\u{2003}"),
        ("🐈\u{200d}⬛ ❤\u{fe0f} می\u{200c}خواهم", "🐈\u{200d}⬛ ❤\u{fe0f} می\u{200c}خواهم"),
        ("e\u{301}\u{302}", "e\u{301}\u{302}"),
        ("a  b   c", "a  b  \\u{20}c"),
    ];
    for (name, shown) in cases {
        assert_eq!(transfer::shown(name), shown);
    }
    let piled = transfer::shown(&format!("e{}", "\u{301}".repeat(100)));
    assert_eq!(piled.matches('\u{301}').count(), 4, "{piled}");
    let long = transfer::shown(&format!("report.pdf{}.exe", " ".repeat(150)));
    assert!(long.starts_with("report.pdf  \\u{20}") && long.ends_with("\\u{20}.exe"), "{long}");
    assert!(long.chars().count() <= 161, "{long}");
}

#[test]
fn an_offer_with_more_behind_it_says_so_and_refused_ones_are_no_more_names() {
    let summary = Summary {
        carries: Carries::Files,
        count: 1,
        bytes: 5,
        more: true,
        hidden: 0,
        executable: 0,
    };
    let one = Offered {
        path: "notes.txt".into(),
        kind: EntryKind::File,
        size: 5,
        mode: 0o644,
        target: String::new(),
    };
    let shows = |summary, entries| {
        String::from_utf8(transfer::offer(&Offer { summary, entries, room: None }, Some(".")))
            .unwrap()
    };
    let told = shows(summary, vec![one.clone()]);
    assert!(
        told.starts_with("framecat: 1 file or folder is offered, and more that is not told yet: at least 5 bytes\n"),
        "{told}"
    );
    assert!(told.contains("notes.txt  5 bytes\n"), "{told}");
    let told = shows(Summary { count: 4, more: false, ..summary }, vec![one]);
    assert!(told.contains("4 files and folders are offered"), "{told}");
    assert!(
        told.contains("3 of them are refused here, as told") && !told.contains("… and"),
        "{told}"
    );
}

#[test]
fn where_nothing_at_all_could_be_written_that_is_what_it_ends_with() {
    let unwritable = |role, outcomes: &[Outcome]| {
        let manner = Manner { transfer: manner_of(role), ..Manner::default() };
        let mut found = None;
        said(manner, |voice| {
            for outcome in outcomes {
                voice.event(Event::File { name: "a", bytes: 1, outcome });
            }
            found = voice.unwritable().map(|(_, why)| why.cause);
        });
        found
    };
    let failed = |cause: Cause| Outcome::Failed(cause.into());
    let (full, disk) = (failed(Cause::Full), failed(Cause::Disk));
    assert_eq!(unwritable(Role::Receive, &[full.clone(), disk.clone()]), Some(Cause::Disk));
    assert_eq!(unwritable(Role::Receive, &[full.clone(), Outcome::Committed]), None);
    assert_eq!(unwritable(Role::Receive, &[full.clone(), failed(Cause::Taken)]), None);
    assert_eq!(unwritable(Role::Receive, &[]), None);
    assert_eq!(unwritable(Role::Send, &[full]), None);
}
