//! What follows from the evidence of the group sticky: counts, bytes and content, never times.

use crate::evidence::{Evidence, Verdict};
use crate::lang::say;

/// Counts alone: the receiver that read late saw fewer recvs than there were sends, and one send
/// took several recvs. The fast receiver is told, not judged: on a busy machine it may keep up.
pub(super) fn sticky(seen: &Evidence) -> Verdict {
    for run in ["at_once", "nagle", "corked", "fast", "split", "large"] {
        let (sent, received) = (
            seen.count(&format!("{run}_sent_bytes")),
            seen.count(&format!("{run}_received_bytes")),
        );
        if sent != received {
            return Verdict::NotShown(say!(
                "{run}: {sent} bytes were sent and {received} received",
                "{run}：发送了 {sent} 字节，收到 {received} 字节"
            ));
        }
    }
    for run in ["at_once", "nagle", "corked"] {
        let (sends, recvs) =
            (seen.count(&format!("{run}_sends")), seen.count(&format!("{run}_recvs")));
        if recvs >= sends {
            return Verdict::NotShown(say!(
                "{run}: {sends} sends took {recvs} recvs, nothing merged",
                "{run}：{sends} 次 send 用了 {recvs} 次 recv，没有粘在一起"
            ));
        }
    }
    for run in ["split", "large"] {
        let (sends, recvs) =
            (seen.count(&format!("{run}_sends")), seen.count(&format!("{run}_recvs")));
        if recvs <= sends {
            return Verdict::NotShown(say!(
                "{run}: {sends} send took {recvs} recv, nothing was split",
                "{run}：{sends} 次 send 用了 {recvs} 次 recv，没有被拆开"
            ));
        }
    }
    let (sends, recvs) = (seen.count("at_once_sends"), seen.count("at_once_recvs"));
    let (one, pieces) = (seen.count("split_sends"), seen.count("split_recvs"));
    Verdict::Shown(say!(
        "{sends} sends, {recvs} recv; {one} send, {pieces} recvs",
        "{sends} 次 send，{recvs} 次 recv；{one} 次 send，{pieces} 次 recv"
    ))
}

/// Whole without the marker, wrong with it, whole again once it is escaped.
pub(super) fn cure_marker(seen: &Evidence) -> Verdict {
    if seen.list("plain_found") != seen.list("plain_given") {
        return Verdict::NotShown(say!(
            "payloads without the marker did not come back as they were sent",
            "不含标志的消息没有原样收到"
        ));
    }
    let (bare_given, bare_found) = (seen.list("bare_given").len(), seen.list("bare_found").len());
    if seen.list("bare_found") == seen.list("bare_given") {
        return Verdict::NotShown(say!(
            "a payload that holds the marker came back whole without being escaped",
            "含有标志的消息没有转义，却完整收到了"
        ));
    }
    if seen.list("escaped_found") != seen.list("escaped_given") {
        return Verdict::NotShown(say!(
            "payloads with the marker did not come back although it was escaped",
            "标志已转义，消息却没有原样收到"
        ));
    }
    let whole = seen.list("escaped_found").len();
    Verdict::Shown(say!(
        "bare: {bare_given} sent, {bare_found} found; escaped: {whole} found",
        "不转义：发 {bare_given} 条得 {bare_found} 条；转义：得 {whole} 条"
    ))
}

/// All messages whole, and two layouts of the same head that differ.
pub(super) fn cure_struct(seen: &Evidence) -> Verdict {
    if seen.list("found") != seen.list("given") {
        return Verdict::NotShown(say!(
            "the messages did not come back as they were sent",
            "消息没有原样收到"
        ));
    }
    let (network, native) = (seen.word("network_head"), seen.word("native_head"));
    if network == native {
        return Verdict::NotShown(say!(
            "this machine's C layout is the same as !QI",
            "这台机器的 C 结构布局与 !QI 相同"
        ));
    }
    let (messages, recvs) = (seen.list("found").len(), seen.count("recvs"));
    let (bytes, native) = (seen.count("head_bytes"), seen.count("native_head_bytes"));
    Verdict::Shown(say!(
        "{messages} whole in {recvs} recvs; head {bytes} B, in C {native} B",
        "{recvs} 次 recv，{messages} 条完整；头 {bytes}，C 里 {native} 字节"
    ))
}

/// The late receiver decides. The prompt one is told, not judged: a busy machine makes it late too.
pub(super) fn cure_delay(seen: &Evidence) -> Verdict {
    for run in ["prompt", "unpaused", "late"] {
        let (sent, received) = (
            seen.count(&format!("{run}_sent_bytes")),
            seen.count(&format!("{run}_received_bytes")),
        );
        if sent != received {
            return Verdict::NotShown(say!(
                "{run}: {sent} bytes were sent and {received} received",
                "{run}：发送了 {sent} 字节，收到 {received} 字节"
            ));
        }
    }
    let (sends, late) = (seen.count("late_sends"), seen.count("late_recvs"));
    let (prompt, pause) = (seen.count("prompt_recvs"), seen.count("pause_ms"));
    if late >= sends {
        return Verdict::NotShown(say!(
            "{sends} sends took {late} recvs even of a late receiver",
            "接收端晚读，{sends} 次 send 仍用了 {late} 次 recv"
        ));
    }
    Verdict::Shown(say!(
        "{sends} sends {pause} ms apart: {prompt} recvs, read late {late}",
        "{sends} 次 send 各隔 {pause} 毫秒：及时读 {prompt} 次，晚读 {late} 次"
    ))
}

/// The same content from many sends, and an end that only the end of the stream told.
pub(super) fn whole(seen: &Evidence) -> Verdict {
    let (sends, recvs) = (seen.count("sends"), seen.count("recvs"));
    let (before, end) = (seen.word("before_end"), seen.count("end"));
    if !seen.flag("same_content") {
        let (sent, received) = (seen.count("sent_bytes"), seen.count("received_bytes"));
        return Verdict::NotShown(say!(
            "the file that arrived ({received} B) is not the file that was sent ({sent} B)",
            "收到的文件（{received} 字节）与发送的文件（{sent} 字节）不同"
        ));
    }
    if sends < 2 {
        return Verdict::NotShown(say!(
            "the file was sent in {sends} send, nothing could merge",
            "文件只用了 {sends} 次 send，谈不上粘包"
        ));
    }
    if before != "EAGAIN" || end != 0 {
        return Verdict::NotShown(say!(
            "before the end recv gave {before}, after it {end}",
            "结束前 recv 得到 {before}，结束后得到 {end}"
        ));
    }
    Verdict::Shown(say!(
        "{sends} sends, {recvs} recvs, same content, then {end}",
        "{sends} 次 send，{recvs} 次 recv，相同，最后 {end}"
    ))
}
