//! The judges are given false evidence; the experiments run on this machine's kernel; the tellings
//! fit their width and hold no number that the evidence does not.

use serde_json::{Value, json};

use crate::evidence::Evidence;
use crate::lang::Lang;
use crate::law::{laws, run, select};
use crate::page::{columns, preface, tell};
use crate::proof::{self, evidence, law};
use crate::report::{json_line, report_markdown, summary_line};

/// Evidence as a true run gives it, without the scenes.
fn true_figures(id: &str) -> Value {
    match id {
        "sticky" => {
            let mut figures = json!({
                "fast_merged_recvs": 5, "fast_largest_bytes": 64, "fast_each_bytes": 16,
                "fast_largest_messages": 4, "at_once_read": "\"ab\"", "nagle_waited_ms": 40, "split_room_bytes": 4,
            });
            for (run, sends, segments, recvs) in [
                ("at_once", 3, 3, 1),
                ("nagle", 3, 2, 1),
                ("corked", 3, 1, 1),
                ("fast", 2000, 1990, 400),
                ("split", 1, 1, 3),
                ("large", 1, 70, 60),
            ] {
                figures[format!("{run}_sends")] = json!(sends);
                figures[format!("{run}_segments")] = json!(segments);
                figures[format!("{run}_recvs")] = json!(recvs);
                figures[format!("{run}_sent_bytes")] = json!(11);
                figures[format!("{run}_received_bytes")] = json!(11);
            }
            figures["large_first_bytes"] = json!(7);
            figures
        }
        "cure-marker" => json!({
            "marker": ";", "escaped_marker": "%3B", "escaped_percent": "%25",
            "plain_given": ["a", "b"], "plain_found": ["a", "b"],
            "bare_given": ["a;b", "c"], "bare_found": ["a", "b", "c"],
            "escaped_given": ["a;b", "c"], "escaped_found": ["a;b", "c"],
        }),
        "cure-struct" => json!({
            "given": ["a", ""], "found": ["a", ""], "sends": 2, "recvs": 3, "head_bytes": 12,
            "time_bytes": 8, "length_bytes": 4, "network_head": "00 01", "native_head": "01 00", "native_head_bytes": 16,
            "native_read_bytes": 12, "native_length_sent": 1, "native_length_read": 16777216,
        }),
        "cure-delay" => {
            let mut figures = json!({"pause_ms": 20});
            for (run, recvs) in [("prompt", 5), ("unpaused", 4), ("late", 1)] {
                figures[format!("{run}_sends")] = json!(5);
                figures[format!("{run}_recvs")] = json!(recvs);
                figures[format!("{run}_sent_bytes")] = json!(10);
                figures[format!("{run}_received_bytes")] = json!(10);
                figures[format!("{run}_us")] = json!(80_100);
            }
            figures
        }
        "whole" => json!({
            "sends": 263, "recvs": 17, "sent_bytes": 262144, "received_bytes": 262144,
            "before_end": "EAGAIN", "end": 0, "same_content": true,
            "room_bytes": 65536, "least_bytes": 1000, "most_bytes": 65536,
        }),
        _ => panic!("no evidence for {id}"),
    }
}

fn every_lie_is_not_shown(id: &str, lies: &[(&str, Value)]) {
    proof::every_lie_is_not_shown(id, &true_figures(id), lies);
}

#[test]
fn sticky_is_not_shown_where_nothing_merged_or_nothing_split() {
    every_lie_is_not_shown(
        "sticky",
        &[
            ("at_once_recvs", json!(3)),
            ("nagle_recvs", json!(3)),
            ("corked_recvs", json!(3)),
            ("split_recvs", json!(1)),
            ("large_recvs", json!(1)),
            ("at_once_received_bytes", json!(10)),
            ("fast_received_bytes", json!(10)),
            ("large_received_bytes", json!(12)),
        ],
    );
}

#[test]
fn a_fast_receiver_that_keeps_up_changes_no_verdict() {
    let mut evidence = evidence(true_figures("sticky"));
    evidence.set("fast_recvs", 2000);
    evidence.set("fast_merged_recvs", 0);
    assert!((law("sticky").judge)(&evidence).is_shown());
}

#[test]
fn the_marker_is_not_shown_where_escaping_makes_no_difference() {
    every_lie_is_not_shown(
        "cure-marker",
        &[
            ("plain_found", json!(["ab"])),
            ("bare_found", json!(["a;b", "c"])),
            ("escaped_found", json!(["a", "b", "c"])),
        ],
    );
}

#[test]
fn the_structure_is_not_shown_where_a_message_is_lost_or_the_layouts_agree() {
    every_lie_is_not_shown(
        "cure-struct",
        &[("found", json!(["a"])), ("native_head", json!("00 01"))],
    );
}

#[test]
fn the_delay_is_not_shown_where_a_late_receiver_merges_nothing() {
    every_lie_is_not_shown(
        "cure-delay",
        &[("late_recvs", json!(5)), ("late_received_bytes", json!(8))],
    );
}

#[test]
fn the_whole_is_not_shown_where_content_differs_or_the_end_is_unclear() {
    every_lie_is_not_shown(
        "whole",
        &[
            ("same_content", json!(false)),
            ("sends", json!(1)),
            ("before_end", json!("0")),
            ("end", json!(5)),
        ],
    );
}

#[test]
fn escaping_leaves_no_marker_and_is_undone() {
    let payloads: [&[u8]; 5] = [b"", b";", b"%", b"%3B;%", b"a\0\xff"];
    for payload in payloads {
        let wire = super::cures::escape(payload);
        assert!(!wire.contains(&super::cures::MARKER), "{payload:?}");
        assert_eq!(super::cures::unescape(&wire), payload);
    }
}

#[test]
fn every_law_is_shown_on_this_machine_twenty_times_in_a_row() {
    proof::shown_twenty_times("sticky");
}

#[test]
fn the_tellings_fit_the_width_in_both_languages() {
    for law in laws() {
        let outcome = run(law);
        for lang in [Lang::En, Lang::Zh] {
            for width in [60, 80, 132] {
                let preface = preface(&[law, law], lang, width);
                for line in preface.lines().chain(tell(&outcome, lang, width, false).lines()) {
                    assert!(columns(line) <= width, "{} {width}: {line}", law.id);
                    assert_eq!(line, line.trim_end(), "{}", law.id);
                }
            }
            let line = summary_line(&outcome, lang, 80);
            assert!(columns(&line) <= 80 && !line.ends_with(".."), "{line}");
            assert!(columns(&summary_line(&outcome, lang, 30)) <= 30);
        }
    }
}

#[test]
fn every_number_of_a_telling_comes_from_the_evidence() {
    for law in select(&["sticky".into()]).unwrap() {
        let figures = true_figures(law.id);
        proof::the_run_notes_these_figures(law.id, &figures);
        let made = |number: &str, seen: &Evidence| is_made_from_figures(law.id, number, seen);
        proof::every_number_is_a_figure(law.id, &figures, NAMES_WITH_DIGITS, made);
        let done = format!("{:?}", (law.done)(&evidence(figures.clone())));
        for (name, value) in figures.as_object().unwrap() {
            let told = !name.ends_with("recvs") || done.contains(&value.to_string());
            assert!(told, "{}: {name} is not told", law.id);
        }
    }
}

/// The C declaration is a name, not a figure.
const NAMES_WITH_DIGITS: &[&str] = &["uint64_t time; uint32_t length;"];

/// Lengths of lists, a difference that is told, and microseconds told as milliseconds.
fn is_made_from_figures(id: &str, number: &str, evidence: &Evidence) -> bool {
    let lists = evidence.figures.values().filter_map(Value::as_array).map(Vec::len);
    let padding = || {
        let of = |name| evidence.count(name);
        of("native_head_bytes").saturating_sub(of("native_read_bytes")).to_string()
    };
    let millis = || {
        let mut spans = evidence.figures.iter().filter(|(name, _)| name.ends_with("_us"));
        spans.any(|(_, us)| {
            let us = us.as_u64().expect("microseconds are a count");
            format!("{:.2}", us as f64 / 1e3).split('.').any(|part| part == number)
        })
    };
    lists.into_iter().any(|len| len.to_string() == number)
        || (id == "cure-struct" && padding() == number)
        || (id == "cure-delay" && millis())
}

#[test]
fn the_preface_names_the_laws_that_follow_where_there_are_several() {
    let group = select(&["sticky".into()]).unwrap();
    for lang in [Lang::En, Lang::Zh] {
        let text = preface(&group, lang, 80).replace('\n', " ");
        assert!(group.iter().all(|law| text.contains(law.id)), "{text}");
        assert!(text.contains(&format!("{} ", group.len())), "{text}");
        assert!(!preface(&group[..1], lang, 80).contains(group[0].id));
    }
}

#[test]
fn what_was_not_shown_says_why_and_teaches_nothing() {
    let mut outcome = run(law("whole"));
    outcome.result = crate::Verdict::NotShown(crate::lang::say!("the reason", "原因"));
    let text = tell(&outcome, Lang::En, 80, false);
    assert!(text.contains("not shown: the reason."), "{text}");
    assert!(!text.contains("What it means"), "{text}");
    let line: Value = serde_json::from_str(&json_line(&outcome)).unwrap();
    assert_eq!((&line["shown"], &line["why"]), (&json!(false), &json!("the reason")));
    outcome.result = crate::Verdict::Skipped(crate::lang::say!("no loopback", "没有回环"));
    let line: Value = serde_json::from_str(&json_line(&outcome)).unwrap();
    assert_eq!((&line["shown"], &line["skipped"]), (&json!(false), &json!("no loopback")));
}

#[test]
fn colour_adds_only_colour() {
    let outcome = run(law("whole"));
    for lang in [Lang::En, Lang::Zh] {
        let coloured = tell(&outcome, lang, 80, true);
        assert!(coloured.contains("\x1b[32m"));
        let codes = ["\x1b[1m", "\x1b[32m", "\x1b[0m"];
        let bare = codes.iter().fold(coloured, |text, code| text.replace(code, ""));
        assert_eq!(bare, tell(&outcome, lang, 80, false));
    }
}

#[test]
fn json_lines_and_the_report_hold_the_figures() {
    let outcomes: Vec<_> = laws().iter().map(run).collect();
    for outcome in &outcomes {
        let text = json_line(outcome);
        let line: Value = serde_json::from_str(&text).unwrap();
        assert!(!text.contains('\n'));
        assert_eq!((&line["law"], &line["shown"]), (&json!(outcome.law.id), &json!(true)));
        assert_eq!(line["evidence"], Value::Object(outcome.evidence.clone()));
        assert!(line["millis"].as_f64().unwrap() > 0.0);
    }
    let page = report_markdown(&outcomes, Lang::Zh, "Linux 6.1");
    assert!(page.contains("Linux 6.1") && page.contains("| `sticky` | 已证实 |"), "{page}");
    for outcome in &outcomes {
        assert!(outcome.evidence.keys().all(|name| page.contains(name.as_str())));
    }
}
