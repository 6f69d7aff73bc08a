//! How the laws of the group program are told. Every number here comes from their evidence.

use crate::evidence::Evidence;
use crate::lang::{Say, Text, say};
use crate::law::Law;
use crate::page::Part;

/// See `program.rs`, `fn argv`.
pub(crate) const ARGV: Law = Law {
    id: "argv",
    group: "program",
    title: Text::new("the command line is a list", "命令行参数是一个列表"),
    from: "S0:62 S4:48",
    law: Text::new(
        "A program gets its command line as a list of strings; the shell splits it at spaces, and \
         what stands in quotes stays together. Item 0 is the program as it was typed.",
        "程序拿到的命令行是一个字符串列表：shell 按空格拆开，引号里的算一个整体，第 0 项是程序名。",
    ),
    notes: Text::new(
        "sys.argv is a list, split at spaces, quotes join, everything a string. True; we add who \
         splits: the shell. The kernel hands a list over as it is, and a program started without a \
         shell gets spaces unsplit. The sample's bare `raise` after its usage message raises \
         RuntimeError (nothing to raise again); sys.exit(2) is meant.",
        "「以空格作为每一项分隔，如果一项中有空格则用引号表示一个整体」「命令行内容均作为字符串传入」。对。\
         补充：拆分的是 shell，不是内核；不经过 shell 启动的程序，空格不会被拆开。另外，\
         例子打印用法之后单独写 raise，会变成 RuntimeError（没有可以再抛的异常），应写 sys.exit(2)。",
    ),
    means: Text::new(
        "Check how many items there are before taking one, and print how to call the program, to \
         stderr, with exit code 2. Make numbers of strings where they come in, and say which item \
         was wrong. Start other programs with a list; a line for the shell turns somebody's file \
         name into commands.",
        "取参数之前先看够不够；不够就把用法写到标准错误，以 2 退出。字符串在入口处转成数字，转不了要说明是哪一项。\
         启动别的程序要给列表；拼成一行交给 shell，别人的文件名就可能变成命令。",
    ),
    framecat: Text::new(
        "exec: and templates split words by the very rule shown here, without a shell; too few or \
         wrong words end with the usage and exit code 2.",
        "exec: 和模板按这里的同一条规则拆词，不经过 shell；参数不够或不对，给出用法，退出码 2。",
    ),
    commands: &["framecat listen :9000 --exec 'sed -u \"s/^/> /\"'"],
    observe: super::argv,
    judge: super::judge::argv,
    done: done_argv,
};

fn done_argv(seen: &Evidence) -> Vec<Part> {
    let line = |figure: &str| seen.word(figure).to_string();
    let list = |figure: &str| {
        let items = seen.list(figure);
        items.iter().map(|item| format!("{item:?}")).collect::<Vec<_>>().join("  ")
    };
    let row = |label: Text, content: String| (Say::from(label), content);
    vec![
        Part::Say(
            Text::new(
                "cat printed the list that it was started with: by a shell, and by nobody but the \
                 kernel. The rule is framecat's own.",
                "让 cat 打印自己得到的列表：一次由 shell 启动，一次直接由内核启动。「规则」是 framecat 自己的拆法。",
            )
            .into(),
        ),
        Part::Bytes(vec![
            row(Text::new("typed", "输入"), line("line")),
            row(Text::new("by the shell", "shell 拆"), list("by_shell")),
            row(Text::new("by the rule", "规则拆"), list("by_rule")),
            row(Text::new("no shell", "不经 shell"), list("by_kernel")),
        ]),
        Part::Say(
            Text::new(
                "The notes' program takes HOST and PORT from the list and binds to them:",
                "笔记里的程序，从列表里取 HOST 和 PORT 去绑定：",
            )
            .into(),
        ),
        Part::Bytes(
            ["good", "short", "word"]
                .map(|name| {
                    let typed = line(&format!("{name}_line"));
                    (Say { en: typed.clone(), zh: typed }, line(name))
                })
                .to_vec(),
        ),
    ]
}

/// See `program.rs`, `fn format`.
pub(crate) const FORMAT: Law = Law {
    id: "format",
    group: "program",
    title: Text::new("text from a template", "format()：用模板合成字符串"),
    from: "S1 S4:103",
    law: Text::new(
        "A template with {} {0} {b} takes the words of a message in order, by index or by name, and \
         makes a text of them.",
        "模板里的 {}、{0}、{b} 分别按顺序、按序号、按名字取词，合成一段文本。",
    ),
    notes: Text::new(
        "format() puts its arguments into {}, {1} is a {0}, {b} is a {a}. True, and the three \
         results are the same here, where the words come from a message.",
        "「format() 功能：通过参数合成字符串」，三个例子 {}、{1} is a {0}、{b} is a {a}。对。\
         这里的词来自收到的消息，三个结果相同。",
    ),
    means: Text::new(
        "The template is the program's and the words are somebody else's: never take a template from \
         a message (in Python, {0.__class__} reaches into the program). Decide what happens where a \
         word is missing; a text with a hole in it must not look whole.",
        "模板是自己的，词是别人的：不要把收到的内容当模板用（在 Python 里，{0.__class__} 能伸进程序内部）。\
         还要想好词不够时怎么办：缺了一块的文本不能看起来是完整的。",
    ),
    framecat: Text::new(
        "--format prints and --reply answers by such a template; a message without the word is told \
         and nothing is printed for it.",
        "--format 按模板打印，--reply 按模板回复；消息里没有要的词，就说明缺什么，不会打印半句。",
    ),
    commands: &[
        "framecat listen :9000 --format '{1} is a {0}'",
        "framecat listen :9000 --reply '{b} is a {a}'",
    ],
    observe: super::format,
    judge: super::judge::format,
    done: done_format,
};

fn done_format(seen: &Evidence) -> Vec<Part> {
    let cases = seen.count("cases");
    let missing = seen.word("too_few");
    let mut parts = vec![Part::Say(say!(
        "{cases} messages go to a server, and each comes back as the text that a template makes of \
         its words. The last has a word too few: {missing}.",
        "{cases} 条消息发给服务端，按模板用其中的词合成文本再发回来。最后一条少一个词：{missing}。",
    ))];
    parts.extend(seen.scene("format").cloned().map(Part::Calls));
    parts
}

/// See `program/transfer.rs`, `fn file_transfer`.
pub(crate) const FILE_TRANSFER: Law = Law {
    id: "file-transfer",
    group: "program",
    title: Text::new("homework: a file over TCP", "作业：用 TCP 传文件"),
    from: "S4",
    law: Text::new(
        "A file goes over TCP as its length and its bytes, the same for text and picture and in \
         either direction; the checksum shows that it is the same file.",
        "用 TCP 传文件：先发长度，再原样发字节。文本、图片一个办法，两个方向都行；用校验和确认是同一个文件。",
    ),
    notes: Text::new(
        "Homework: transfer a file over TCP, text and picture, from client to server or back. Done \
         here by hand, both ways on one connection.",
        "「使用tcp完成一个文件的传输，要求可以传输文本文件也可以传输图片，从客户端发给服务端，或者从服务端发给客户端均可」。\
         这里徒手做完，同一个连接上两个方向都传。",
    ),
    means: Text::new(
        "Open files in binary mode ('rb', 'wb') and decode nothing: a picture is no text, and text \
         mode may change the ends of lines. Send the length first; without it a sender that died \
         half way looks like the end of the file. Bound the length, read in pieces, and write under \
         a name of your own choosing, not one that came over the network.",
        "文件一律按二进制打开（'rb'、'wb'），不要解码：图片不是文本，文本模式还可能改换行符。长度先发：\
         不发长度，对方传到一半死掉，看起来就跟传完了一样。长度要设上限，分块读写；\
         保存的文件名自己定，不要用网络上传来的。",
    ),
    framecat: Text::new(
        "-f len:u64be is this very format, a length of eight bytes and the content; a file cut short \
         is an error, not a short file.",
        "-f len:u64be 就是这个格式：八字节长度加内容；中途断了会报错，不会当成一个短文件。",
    ),
    commands: &[
        "framecat listen :9000 -f len:u64be --in eof < file",
        "framecat connect :9000 -f len:u64be --out raw > copy",
    ],
    observe: super::transfer::file_transfer,
    judge: super::judge::file_transfer,
    done: done_file_transfer,
};

fn done_file_transfer(seen: &Evidence) -> Vec<Part> {
    let (text, picture) = (seen.count("text_bytes"), seen.count("picture_bytes"));
    let mut parts = vec![Part::Say(say!(
        "A text of {text} bytes goes up, then a picture of {picture} bytes comes down on the same \
         connection; each is preceded by its length. The checksums are taken from the two files.",
        "一个 {text} 字节的文本从客户端传上去，再在同一个连接上把一张 {picture} 字节的图片传下来；\
         各自前面先发长度。校验和分别从两边的文件算出。",
    ))];
    parts.extend(seen.scene("transfer").cloned().map(Part::Calls));
    let row = |label: Text, name: &str| {
        let cell = |what: &str| seen.count(&format!("{name}_{what}")).to_string();
        let crc = seen.word(&format!("{name}_arrived_crc")).to_string();
        (label.into(), vec![cell("sends"), cell("recvs"), cell("arrived_bytes"), crc])
    };
    parts.push(Part::Counts(
        vec![
            Text::new("sends", "send 次数"),
            Text::new("recvs", "recv 次数"),
            Text::new("bytes", "字节"),
            Text::new("CRC-32", "CRC-32"),
        ],
        vec![
            row(Text::new("text, to the server", "文本，传给服务端"), "text"),
            row(Text::new("picture, to the client", "图片，传给客户端"), "picture"),
        ],
    ));
    let (cut, promised) = (seen.count("cut_arrived_bytes"), seen.count("cut_promised_bytes"));
    parts.push(Part::Say(say!(
        "Then a sender that dies half way: {promised} bytes were promised and the stream ended after \
         {cut}. recv gave the same 0 as at a good end; only the length told.",
        "再来一次，发送端中途死掉：声明 {promised} 字节，收到 {cut} 字节流就结束了。recv 同样返回 0，\
         和正常结束一样；只有长度能说明没传完。",
    )));
    parts
}
