//! What follows from the evidence of the group send: what the calls returned, in which order, and
//! where the bytes were.

use crate::evidence::{Evidence, Verdict};
use crate::lang::say;
use crate::watch::{ASLEEP, NOT_TOLD};

/// The first send accepted and the second refused after a clean close; the error at once, and once,
/// after a reset; a C program killed by the signal.
pub(super) fn send_broken_pipe(seen: &Evidence) -> Verdict {
    let (first, second) = (seen.word("clean_first"), seen.word("clean_second"));
    let between = seen.word("clean_recv_between");
    let given = seen.count("clean_given_bytes").to_string();
    if (first, between, second) != (given.as_str(), "0", "EPIPE") {
        return Verdict::NotShown(say!(
            "after a clean close send gave {first}, recv {between}, send {second}",
            "正常关闭之后，send 得到 {first}，recv 得到 {between}，再 send 得到 {second}"
        ));
    }
    for name in ["unread_sends", "unread_recv"] {
        let results = seen.list(name);
        if results != ["ECONNRESET", "EPIPE"] {
            let results = results.join(" ");
            return Verdict::NotShown(say!(
                "after a close with unread data the calls gave {results}",
                "留有未读数据就关闭之后，两次调用得到 {results}"
            ));
        }
    }
    let (default, ignored) = (seen.word("signal_default"), seen.word("signal_ignored"));
    let tried = [(super::KILLED, super::LIVED_ON), (super::NOT_TRIED, super::NOT_TRIED)];
    if !tried.contains(&(default, ignored)) {
        return Verdict::NotShown(say!(
            "a C program: {default}; one that ignores SIGPIPE: {ignored}",
            "C 程序：{default}；忽略 SIGPIPE 的：{ignored}"
        ));
    }
    let own = seen.word("own_sigpipe");
    if own == "not ignored" {
        return Verdict::NotShown(say!(
            "this program, in Rust, does not ignore SIGPIPE",
            "这个程序（Rust）没有忽略 SIGPIPE"
        ));
    }
    let results = seen.list("unread_sends").join(", ");
    Verdict::Shown(say!(
        "clean: {first}, {second}; unread data: {results}",
        "正常关闭：{first}，{second}；有未读：{results}"
    ))
}

/// Full: every byte taken lies in one of the two buffers, the next send would wait, and one that may
/// waits until the receiver reads.
pub(super) fn send_blocks(seen: &Evidence) -> Verdict {
    for run in ["default", "small"] {
        let of = |what: &str| seen.count(&format!("{run}_{what}"));
        let word = |what: &str| seen.word(&format!("{run}_{what}"));
        let (taken, kept, unread) = (of("taken_bytes"), of("kept_bytes"), of("unread_bytes"));
        if word("next") != "EAGAIN" || taken == 0 || kept.saturating_add(unread) != taken {
            let next = word("next");
            return Verdict::NotShown(say!(
                "{run}: {taken} B taken, {kept} and {unread} B in the buffers, then {next}",
                "{run}：收下 {taken} 字节，两个缓冲区里有 {kept} 和 {unread}，然后 {next}"
            ));
        }
        let (begun, read, back) = (of("begun_us"), of("read_us"), of("returned_us"));
        if begun >= read || read > back || ![ASLEEP, NOT_TOLD].contains(&word("thread")) {
            return Verdict::NotShown(say!(
                "{run}: send did not wait: begun {begun}, read {read}, back {back} us",
                "{run}：send 没有等：{begun} 微秒开始，{read} 开始读，{back} 返回"
            ));
        }
        let (more, got, received) = (of("more_bytes"), word("more"), of("received_bytes"));
        if got != more.to_string() || received != taken.saturating_add(more) {
            return Verdict::NotShown(say!(
                "{run}: the send that waited gave {got}; {received} of {taken} + {more} B came",
                "{run}：等待的 send 得到 {got}；{taken} + {more} 字节，收到 {received}"
            ));
        }
    }
    let taken = seen.count("default_taken_bytes");
    let (kept, unread) = (seen.count("default_kept_bytes"), seen.count("default_unread_bytes"));
    Verdict::Shown(say!(
        "full after {taken} B ({kept} + {unread})",
        "{taken} 字节后满（{kept} + {unread}）"
    ))
}

/// All of a few bytes, a part of many; the part is in the buffers, and the rest can be sent again.
pub(super) fn send_count(seen: &Evidence) -> Verdict {
    let (small, small_taken) = (seen.count("small_given_bytes"), seen.count("small_taken_bytes"));
    if small != small_taken {
        return Verdict::NotShown(say!(
            "there was room, and of {small} B send took {small_taken}",
            "缓冲区有空间，{small} 字节 send 却只收下 {small_taken}"
        ));
    }
    let (given, once) = (seen.count("given_bytes"), seen.count("once_taken_bytes"));
    let timed = seen.count("timed_taken_bytes");
    if once == 0 || once >= given || timed == 0 || timed >= given {
        return Verdict::NotShown(say!(
            "of {given} B the sends took {once} and {timed}: not a part",
            "{given} 字节，两次 send 收下 {once} 和 {timed}：不是一部分"
        ));
    }
    let (kept, unread) = (seen.count("once_kept_bytes"), seen.count("once_unread_bytes"));
    if kept.saturating_add(unread) != once.saturating_add(small_taken) {
        return Verdict::NotShown(say!(
            "send said {once}, the buffers hold {kept} and {unread} B",
            "send 返回 {once}，缓冲区里却是 {kept} 和 {unread} 字节"
        ));
    }
    let received = seen.count("received_bytes");
    if received != given || !seen.flag("same_content") {
        return Verdict::NotShown(say!(
            "the rest was sent again, and of {given} B {received} came, or others",
            "余下的又发了，{given} 字节却收到 {received}，或者内容不同"
        ));
    }
    let limit = seen.count("timed_limit_ms");
    Verdict::Shown(say!(
        "of {given} B: {once} at once, {timed} in {limit} ms",
        "{given} 字节：立即收下 {once}，{limit} 毫秒内 {timed}"
    ))
}

/// Nothing to say where all was taken; an error, and bytes lost behind what was taken, where not.
pub(super) fn send_all(seen: &Evidence) -> Verdict {
    let (given, result) = (seen.count("given_bytes"), seen.word("whole_result"));
    let received = seen.count("whole_received_bytes");
    if result != "None" || received != given || !seen.flag("whole_same_content") {
        return Verdict::NotShown(say!(
            "sendall of {given} B gave {result}, and {received} B came",
            "sendall {given} 字节得到 {result}，收到 {received} 字节"
        ));
    }
    let sends = seen.count("whole_sends");
    if sends < 2 {
        return Verdict::NotShown(say!(
            "sendall needed {sends} send, so it did as send",
            "sendall 只用了 {sends} 次 send，看不出差别"
        ));
    }
    let (error, taken) = (seen.word("failed_result"), seen.count("failed_taken_bytes"));
    let read = seen.count("failed_read_bytes");
    if !["ECONNRESET", "EPIPE"].contains(&error) || taken >= given || read >= taken {
        return Verdict::NotShown(say!(
            "of {given} B {taken} were taken, {read} read, and sendall gave {error}",
            "{given} 字节，收下 {taken}，读走 {read}，sendall 得到 {error}"
        ));
    }
    Verdict::Shown(say!(
        "{sends} sends; failing: {taken} taken, {read} read",
        "{sends} 次 send；失败：收下 {taken}，读走 {read}"
    ))
}

/// All was sent and in the other kernel before anybody accepted, and was read later, from no disk.
pub(super) fn buffers(seen: &Evidence) -> Verdict {
    let (sent, there) = (seen.count("sent_bytes"), seen.count("unread_at_accept"));
    let (kept, state) = (seen.count("kept_before_accept"), seen.word("state_before_accept"));
    if sent == 0 || there != sent || kept != 0 || state != "ESTABLISHED" {
        return Verdict::NotShown(say!(
            "of {sent} B {kept} were kept back and {there} there at accept ({state})",
            "{sent} 字节，发送端还留着 {kept}，accept 时对面有 {there}（{state}）"
        ));
    }
    let (last, accepted) = (seen.count("sent_us"), seen.count("accepted_us"));
    let received = seen.count("received_bytes");
    if last > accepted || received != sent || seen.count("end") != 0 {
        return Verdict::NotShown(say!(
            "sent by {last} us, accepted at {accepted}; {received} of {sent} B were read",
            "{last} 微秒发完，{accepted} 才 accept；{sent} 字节读到 {received}"
        ));
    }
    let disk = seen.word("disk_bytes");
    if !["0", NOT_TOLD].contains(&disk) {
        return Verdict::NotShown(say!(
            "meanwhile the disk read or wrote {disk} B for this thread",
            "这期间磁盘为这个线程读写了 {disk} 字节"
        ));
    }
    let sends = seen.count("sends");
    Verdict::Shown(say!(
        "{sends} sends, {there} B there before accept; disk {disk} B",
        "{sends} 次 send，accept 前已到 {there} 字节；磁盘 {disk}"
    ))
}
