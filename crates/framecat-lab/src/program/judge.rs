//! What follows from the evidence of the group program: lists, texts, counts and checksums.

use std::net::SocketAddr;

use crate::evidence::{Evidence, Verdict};
use crate::lang::say;

/// The shell's list, the rule's list and the list that no shell split.
pub(super) fn argv(seen: &Evidence) -> Verdict {
    let (shell, rule) = (seen.list("by_shell"), seen.list("by_rule"));
    if shell != rule {
        return Verdict::NotShown(say!(
            "the shell made {shell:?} of it, the rule {rule:?}",
            "shell 拆成 {shell:?}，规则拆成 {rule:?}"
        ));
    }
    let line = seen.word("line");
    if shell.first() != line.split(' ').next().as_ref() || !shell.contains(&"two words") {
        return Verdict::NotShown(say!(
            "item 0 is not the program, or the quotes did not join: {shell:?}",
            "第 0 项不是程序名，或者引号没有起作用：{shell:?}"
        ));
    }
    let whole = seen.list("by_kernel");
    if whole.len() != 3 || !whole[2].contains(' ') {
        return Verdict::NotShown(say!(
            "without a shell the list was split too: {whole:?}",
            "没有 shell，列表也被拆开了：{whole:?}"
        ));
    }
    let good = seen.word("good");
    let asked = seen.word("good_line").split(' ').nth(1);
    let bound = good.parse::<SocketAddr>().ok().map(|address| address.ip().to_string());
    if bound.is_none() || bound.as_deref() != asked {
        return Verdict::NotShown(say!(
            "HOST and PORT of the list gave {good}",
            "用列表里的 HOST 和 PORT 得到的是 {good}"
        ));
    }
    for name in ["short", "word"] {
        let said = seen.word(name);
        if !said.starts_with("usage: ") {
            return Verdict::NotShown(say!(
                "a command line that will not do gave {said}",
                "不合用的命令行得到的是 {said}"
            ));
        }
    }
    let (items, kept) = (shell.len(), whole.len());
    Verdict::Shown(say!(
        "{items} items by the shell and by the rule",
        "shell 拆成 {items} 项，规则也是；不经 shell {kept} 项"
    ))
}

/// The notes' three results, a word with a space, and no text where a word is missing.
pub(super) fn format(seen: &Evidence) -> Verdict {
    for (name, want) in [
        ("in_order", "TOm is a boy"),
        ("by_index", "boy is a TOm"),
        ("by_name", "boy is a TOm"),
        ("quoted", "TOm Sawyer is a boy"),
    ] {
        let got = seen.word(name);
        if got != want {
            return Verdict::NotShown(say!(
                "{name}: the text is {got}, not {want}",
                "{name}：得到 {got}，不是 {want}"
            ));
        }
    }
    let missing = seen.word("too_few");
    if !missing.starts_with("error: ") {
        return Verdict::NotShown(say!(
            "a message with too few words gave {missing}",
            "词不够的消息得到 {missing}"
        ));
    }
    let (first, second) = (seen.word("in_order"), seen.word("by_index"));
    Verdict::Shown(say!("{first}; {second}", "{first}；{second}"))
}

/// Both files whole by count and checksum, and a cut one known for it.
pub(super) fn file_transfer(seen: &Evidence) -> Verdict {
    for name in ["text", "picture"] {
        let figure = |what: &str| seen.count(&format!("{name}_{what}"));
        let (sent, promised) = (figure("bytes"), figure("promised_bytes"));
        let arrived = figure("arrived_bytes");
        if sent != promised || sent != arrived {
            return Verdict::NotShown(say!(
                "{name}: {sent} bytes, {promised} promised, {arrived} arrived",
                "{name}：{sent} 字节，声明 {promised}，到达 {arrived}"
            ));
        }
        let crc = |what: &str| seen.word(&format!("{name}_{what}_crc"));
        let (sent, arrived) = (crc("sent"), crc("arrived"));
        if sent != arrived {
            return Verdict::NotShown(say!(
                "{name}: checksum {sent} sent, {arrived} arrived",
                "{name}：发出的校验和 {sent}，收到的 {arrived}"
            ));
        }
    }
    if !seen.flag("text_is_utf8") || seen.flag("picture_is_utf8") {
        return Verdict::NotShown(say!(
            "the text is no text, or the picture is one",
            "文本不是文本，或者图片也是文本"
        ));
    }
    let (cut, promised) = (seen.count("cut_arrived_bytes"), seen.count("cut_promised_bytes"));
    if cut >= promised {
        return Verdict::NotShown(say!(
            "of a file that was cut {cut} of {promised} bytes arrived",
            "中断的文件到了 {cut} 字节，声明的是 {promised}"
        ));
    }
    let (text, picture) = (seen.count("text_bytes"), seen.count("picture_bytes"));
    Verdict::Shown(say!(
        "{text} B up, {picture} B down, same checksums",
        "上传 {text}，下载 {picture} 字节，校验和相同"
    ))
}
