//! What follows from the evidence of the group receive: what the calls returned, and in which order.

use crate::evidence::{Evidence, Verdict};
use crate::lang::say;
use crate::watch::{ASLEEP, NOT_TOLD};

/// A recv that slept in the kernel until the close, then 0 for ever; an error once for a reset, then
/// 0; and no return at all for silence.
pub(super) fn recv_eof(seen: &Evidence) -> Verdict {
    let (begun, closed) = (seen.count("clean_begun_us"), seen.count("clean_closed_us"));
    let back = seen.count("clean_returned_us");
    let thread = seen.word("clean_thread");
    if begun >= closed || closed > back || ![ASLEEP, NOT_TOLD].contains(&thread) {
        return Verdict::NotShown(say!(
            "recv did not wait for the close: begun {begun}, closed {closed}, back {back} us",
            "recv 没有一直等到关闭：{begun} 微秒开始，{closed} 关闭，{back} 返回"
        ));
    }
    let clean = seen.list("clean_recvs");
    if clean != ["0", "0", "0"] {
        let clean = clean.join(" ");
        return Verdict::NotShown(say!(
            "after a clean close the recvs gave {clean}",
            "正常关闭之后，几次 recv 得到 {clean}"
        ));
    }
    let reset = seen.list("unread_recvs");
    if reset != ["ECONNRESET", "0", "0"] {
        let reset = reset.join(" ");
        return Verdict::NotShown(say!(
            "after a close with unread data the recvs gave {reset}",
            "留有未读数据就关闭之后，几次 recv 得到 {reset}"
        ));
    }
    let silence = seen.word("silent_recv");
    if silence != "EAGAIN" {
        return Verdict::NotShown(say!(
            "a silent peer ended recv with {silence}",
            "对端只是沉默，recv 却得到 {silence}"
        ));
    }
    let (clean, first, then) = (clean[0], reset[0], reset[1]);
    Verdict::Shown(say!(
        "clean close: {clean}; unread data: {first}, then {then}",
        "正常关闭：{clean}；有未读：{first}，然后 {then}"
    ))
}

/// Asleep from its call until the sender's send, and back at once where anything was there.
pub(super) fn recv_blocks(seen: &Evidence) -> Verdict {
    let (begun, sent, back) =
        (seen.count("begun_us"), seen.count("sent_us"), seen.count("returned_us"));
    let (waited, delay) = (seen.count("waited_us"), seen.count("delay_us"));
    let thread = seen.word("thread");
    if begun >= sent
        || sent > back
        || waited < delay
        || ![ASLEEP, NOT_TOLD].contains(&thread)
        || seen.count("received_bytes") != seen.count("sent_bytes")
    {
        return Verdict::NotShown(say!(
            "recv waited {waited} us for a sender that was {delay} us late",
            "发送端晚了 {delay} 微秒，recv 等了 {waited} 微秒"
        ));
    }
    let (there, asked) = (seen.count("there_bytes"), seen.count("asked_bytes"));
    let (got, empty) = (seen.word("there_recv"), seen.word("empty_dontwait"));
    if there >= asked || got != there.to_string() {
        return Verdict::NotShown(say!(
            "{there} bytes were there, {asked} asked for: recv gave {got}",
            "缓冲区里有 {there} 字节，要 {asked} 字节：recv 得到 {got}"
        ));
    }
    if empty != "EAGAIN" {
        return Verdict::NotShown(say!(
            "recv of an empty buffer would not have waited: {empty}",
            "缓冲区为空，recv 却不需要等：{empty}"
        ));
    }
    let (waited, delay) = (millis(waited), millis(delay));
    Verdict::Shown(say!(
        "late {delay} ms, waited {waited}; {there} B there: at once",
        "晚 {delay} 毫秒，等了 {waited}；有 {there} 字节：不等"
    ))
}

/// Microseconds as milliseconds.
pub(super) fn millis(us: u64) -> String {
    format!("{:.1}", us as f64 / 1e3)
}

/// The same bytes, in as many recvs as it takes, each time less left.
pub(super) fn recv_leftover(seen: &Evidence) -> Verdict {
    let (sent, asked) = (seen.count("sent_bytes"), seen.count("asked_bytes"));
    let recvs = seen.count("recvs");
    if seen.word("received") != seen.word("sent") {
        let (given, got) = (seen.word("sent"), seen.word("received"));
        return Verdict::NotShown(say!("{given} arrived as {got}", "发送 {given}，收到 {got}"));
    }
    let number = |word: &&str| word.parse::<u64>().unwrap_or(u64::MAX);
    let taken: Vec<u64> = seen.list("taken").iter().map(number).collect();
    let left: Vec<u64> = seen.list("left").iter().map(number).collect();
    // Each recv leaves what was there before it less what it took.
    let steady = left.len() == taken.len() + 1
        && left
            .windows(2)
            .zip(&taken)
            .all(|(pair, taken)| pair[0] == pair[1].saturating_add(*taken))
        && left.last() == Some(&0);
    if recvs < 2 || asked >= sent || taken.iter().any(|bytes| *bytes > asked) || !steady {
        let (taken, left) = (seen.list("taken").join(" "), seen.list("left").join(" "));
        return Verdict::NotShown(say!(
            "recvs took {taken} and left {left}",
            "各次 recv 取走 {taken}，剩下 {left}"
        ));
    }
    let taken = seen.list("taken").join("+");
    Verdict::Shown(say!(
        "{sent} B, {asked} a recv at most: {taken}, none lost",
        "{sent} 字节，每次最多取 {asked}：{taken}，一个不少"
    ))
}

/// A cut character is no text, the whole is the text again, and another encoding reads another text.
pub(super) fn bytes(seen: &Evidence) -> Verdict {
    let (text, whole) = (seen.word("text"), seen.word("whole_decoded"));
    if text != whole {
        return Verdict::NotShown(say!("{text} came back as {whole}", "{text} 变成了 {whole}"));
    }
    let pieces = seen.list("pieces_decoded");
    let failed = pieces.iter().filter(|piece| **piece == super::NOT_UTF8).count();
    if failed == 0 {
        return Verdict::NotShown(say!(
            "every piece could be decoded alone: no character was cut",
            "每一段都能单独解码：没有字符被切开"
        ));
    }
    let (characters, sent) = (seen.count("characters"), seen.count("sent_bytes"));
    let latin = seen.word("as_latin1");
    if latin == text || characters >= sent {
        return Verdict::NotShown(say!(
            "characters and bytes are the same thing here",
            "这里看不出字符和字节的区别"
        ));
    }
    let recvs = seen.count("recvs");
    Verdict::Shown(say!(
        "{characters} characters, {sent} B; cut: {failed} of {recvs} pieces invalid",
        "{characters} 个字，{sent} 字节；切成 {recvs} 段，{failed} 段解不出"
    ))
}
