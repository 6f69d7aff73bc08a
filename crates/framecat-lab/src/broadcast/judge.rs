//! What follows from the evidence of the group broadcast: who heard what, and errors; no times.

use crate::evidence::{Evidence, Verdict};
use crate::lang::say;

/// Those on any address and on the broadcast address heard it; those on one address of a host did not.
pub(super) fn broadcast_one_many(seen: &Evidence) -> Verdict {
    let heard = seen.list("heard");
    let all = heard.iter().filter(|got| **got == "\"to all\"").count();
    let receivers = heard.len();
    if all != receivers || receivers < 2 || seen.count("sends") != 1 {
        return Verdict::NotShown(say!(
            "{all} of {receivers} heard it",
            "{receivers} 个接收端里只有 {all} 个收到"
        ));
    }
    let alone = seen.list("heard_alone");
    let none = alone.iter().filter(|got| **got == "\"to you\"").count();
    if none != alone.len() || none == 0 {
        let got = alone.join(" ");
        return Verdict::NotShown(say!(
            "a socket bound to one address of the host heard {got}",
            "只绑定本机某个地址的套接字收到了 {got}"
        ));
    }
    let without = seen.word("without_reuseaddr");
    if without != "EADDRINUSE" {
        return Verdict::NotShown(say!(
            "a port was shared without SO_REUSEADDR: {without}",
            "没有 SO_REUSEADDR 也能共用端口：{without}"
        ));
    }
    let sends = seen.count("sends");
    Verdict::Shown(say!(
        "{sends} sendto, {all} heard it, {none} on one address did not",
        "sendto {sends} 次，{all} 个收到，绑单个地址的 {none} 个没有"
    ))
}

/// Both broadcast addresses need the permission and reach all; one that only looks so does neither.
pub(super) fn broadcast_address(seen: &Evidence) -> Verdict {
    let receivers = seen.count("receivers");
    for name in ["highest", "limited"] {
        let (ip, asks) = (seen.word(name), seen.word(&format!("{name}_asks")));
        let heard = seen.count(&format!("{name}_heard"));
        if asks != "EACCES" || heard != receivers || receivers < 2 {
            return Verdict::NotShown(say!(
                "{ip} is no broadcast address here: {asks}, {heard} of {receivers} heard it",
                "{ip} 在这里不是广播地址：{asks}，{receivers} 个里收到 {heard} 个"
            ));
        }
    }
    for name in ["below", "lookalike"] {
        let (ip, asks) = (seen.word(name), seen.word(&format!("{name}_asks")));
        if asks != "0" {
            return Verdict::NotShown(say!(
                "{ip} is not the highest and yet connect gave {asks}",
                "{ip} 不是最大的地址，connect 却得到 {asks}"
            ));
        }
    }
    let (ip, heard) = (seen.word("lookalike"), seen.count("lookalike_heard"));
    if heard >= receivers {
        return Verdict::NotShown(say!(
            "{ip} reached {heard} of {receivers} too",
            "{ip} 也让 {receivers} 个里的 {heard} 个收到"
        ));
    }
    let (highest, prefix, limited) =
        (seen.word("highest"), seen.count("prefix"), seen.word("limited"));
    Verdict::Shown(say!(
        "/{prefix}: {highest}; limited: {limited}",
        "/{prefix} 是 {highest}；受限 {limited}"
    ))
}

/// Refused without, taken with, refused again; heard with and without.
pub(super) fn broadcast_permission(seen: &Evidence) -> Verdict {
    let (without, with, back) = (seen.word("without"), seen.word("with"), seen.word("taken_back"));
    if seen.flag("sender_at_first") || without != "EACCES" || back != "EACCES" {
        return Verdict::NotShown(say!(
            "sendto without SO_BROADCAST gave {without}, after it was taken back {back}",
            "没有 SO_BROADCAST 时 sendto 得到 {without}，取消后得到 {back}"
        ));
    }
    if with.parse::<u64>().is_err() {
        return Verdict::NotShown(say!("with it {with}", "设置后得到 {with}"));
    }
    let (off, on) = (seen.word("heard_without"), seen.word("heard_with"));
    if off != "\"hello\"" || on != off || seen.flag("receiver_has_it") {
        return Verdict::NotShown(say!(
            "the receiver without it heard {off}, the one with it {on}",
            "没有它的接收端得到 {off}，有它的得到 {on}"
        ));
    }
    if !seen.flag("other_receiver_has_it") {
        return Verdict::NotShown(say!(
            "the option could not be set on a receiver",
            "接收端没能设置这个选项"
        ));
    }
    Verdict::Shown(say!(
        "without it: send {without}, receive {off}",
        "没有它：发送 {without}；接收照样 {off}"
    ))
}
