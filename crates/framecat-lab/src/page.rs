//! A law told in full: sentences wrapped to the width, both ends of a conversation side by side with
//! time running down, counts in tables. Widths are terminal columns: a Chinese character takes two.

use crate::evidence::{Scene, Verdict};
use crate::lang::{Lang, Say, Text, say};
use crate::law::{Law, Outcome};

/// A piece of what was done.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// A paragraph.
    Say(Say),
    /// The calls of both ends, with the kernel between them.
    Calls(Scene),
    /// Counts beside each other: the heads of the columns, then rows of a label and a cell a column.
    Counts(Vec<Text>, Vec<(Say, Vec<String>)>),
    /// Labelled lines that are never wrapped between their groups: bytes in hex.
    Bytes(Vec<(Say, String)>),
}

/// Columns narrower than this cannot hold two ends side by side.
const WIDTH_MIN: usize = 60;
/// Lines of prose longer than this are hard to read.
const PROSE_MAX: usize = 100;
/// Two ends further apart than this are hard to follow.
const CALLS_MAX: usize = 120;

/// The whole telling of one law, `width` columns wide (at least 60), each line ending in LF.
/// With `colour` headings are bold and the verdict is green, red or yellow, by ANSI sequences.
pub fn tell(outcome: &Outcome, lang: Lang, width: usize, colour: bool) -> String {
    let width = width.max(WIDTH_MIN);
    let mut page = Page { out: String::new(), lang, width, colour };
    let law = outcome.law;
    page.title(outcome);
    page.prose(law.law.in_lang(lang), 0);
    page.heading(&match lang {
        Lang::En if law.from == "we add" => "What the notes say (we add this law)".into(),
        Lang::En => format!("What the notes say ({}), and is it so?", law.from),
        Lang::Zh if law.from == "we add" => "笔记怎么说（没有提到，由我们补充）".into(),
        Lang::Zh => format!("笔记怎么说（{}），对不对", law.from),
    });
    page.prose(law.notes.in_lang(lang), 2);
    if !outcome.done.is_empty() {
        page.heading(Text::new("What was done", "做了什么").in_lang(lang));
        for (i, part) in outcome.done.iter().enumerate() {
            if i > 0 {
                page.out.push('\n');
            }
            page.part(part);
        }
    }
    page.heading(Text::new("The finding", "结果").in_lang(lang));
    page.verdict(&outcome.result);
    // What a law means is only said where it was seen to hold.
    if outcome.result.is_shown() {
        page.heading(Text::new("What it means for a program", "对程序意味着什么").in_lang(lang));
        page.prose(law.means.in_lang(lang), 2);
        page.heading(Text::new("How framecat deals with it", "framecat 怎么处理").in_lang(lang));
        page.prose(law.framecat.in_lang(lang), 2);
        if !law.commands.is_empty() {
            page.out.push('\n');
        }
        for command in law.commands {
            page.line(4, command);
        }
    }
    page.out
}

/// What stands once above laws told in full: which notes they check, which laws follow, and how a
/// drawing is read; `width` columns wide (at least 60), each line ending in LF.
pub fn preface(laws: &[&Law], lang: Lang, width: usize) -> String {
    let width = width.max(WIDTH_MIN);
    let mut page = Page { out: String::new(), lang, width, colour: false };
    let names = laws.iter().map(|law| law.id).collect::<Vec<_>>();
    let (number, names_en, names_zh) = (names.len(), names.join(", "), names.join("、"));
    let follow = match number {
        0 | 1 => Say::default(),
        _ => say!(" {number} laws follow: {names_en}.", "下面依次是 {number} 条规律：{names_zh}。"),
    };
    let (en, zh) = (follow.en, follow.zh);
    let notes = say!(
        "A law is a sentence about sockets, tried out on this machine's kernel; \"shown\" is said of the \
         law. \"The notes\" are the course notes that the lab checks, which are not always right: five \
         sets, S0 to S4; S3:35 is line 35 of set S3.{en}",
        "规律是关于套接字的一句话，当场在本机内核上试；「已证实」说的是规律。「笔记」指这里所检验的\
         课堂笔记，不一定都对，共五份，从 S0 到 S4；S3:35 是 S3 的第 35 行。{zh}"
    );
    page.prose(notes.in_lang(lang), 0);
    page.out.push('\n');
    page.prose(HOW_TO_READ.in_lang(lang), 0);
    page.out
}

/// What every drawing has in common.
const HOW_TO_READ: Text = Text::new(
    "In the drawings time runs down, in milliseconds; each has a clock of its own. recv(64) = 5 \
     \"hello\" says: recv, with room for 64 bytes, gave 5, the count, and these bytes. (Python's \
     recv gives the bytes alone, b'hello'; b'' is the count 0.) recv(64) ... has not returned yet. A \
     name in capitals instead of a count is an error (in Python an exception); EAGAIN is the one that \
     says: nothing now, and the call was told not to wait (MSG_DONTWAIT), or its time was up. An empty cell in the middle was not looked at; where \
     there was nothing it says 0. A segment is one packet of TCP.",
    "看图时，时间从上往下走，单位毫秒，每张图各自从零计时。recv(64) = 5 \"hello\" 表示：最多要 64 字节，\
     recv 返回 5，这是字节数，后面是内容。（Python 的 recv 只返回内容 b'hello'；字节数是 0 时返回 \
     b''。）recv(64) ... 表示还没有返回。等号后面是大写名字的，是出错了（Python 里是异常）；其中 EAGAIN 的意思是：\
     现在没有，而这次调用说好了不等（MSG_DONTWAIT），或者已经等到了时限。中间空着的格子是没有去看；\
     看了，但什么都没有，就写 0。报文段是 TCP 的一个包。",
);

/// The word for a verdict.
pub(crate) fn verdict_word(verdict: &Verdict) -> Text {
    match verdict {
        Verdict::Shown(_) => Text::new("shown", "已证实"),
        Verdict::NotShown(_) => Text::new("not shown", "未证实"),
        Verdict::Skipped(_) => Text::new("skipped", "已跳过"),
    }
}

struct Page {
    out: String,
    lang: Lang,
    width: usize,
    colour: bool,
}

impl Page {
    fn line(&mut self, indent: usize, text: &str) {
        if !text.trim_end().is_empty() {
            self.out.extend(std::iter::repeat_n(' ', indent));
            self.out.push_str(text.trim_end());
        }
        self.out.push('\n');
    }

    fn prose(&mut self, text: &str, indent: usize) {
        for line in wrap(text, self.width.min(PROSE_MAX) - indent) {
            self.line(indent, &line);
        }
    }

    fn painted(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into() }
    }

    fn heading(&mut self, text: &str) {
        self.out.push('\n');
        for line in wrap(text, self.width) {
            let line = self.painted("1", &line);
            self.line(0, &line);
        }
    }

    fn title(&mut self, outcome: &Outcome) {
        let (law, lang) = (outcome.law, self.lang);
        // What was shown is the law, which is not always what the notes say.
        let word = match (lang, verdict_word(&outcome.result)) {
            (Lang::En, word) => format!("law {}", word.en),
            (Lang::Zh, word) => format!("规律{}", word.zh),
        };
        let word = word.as_str();
        let rest = self.width.saturating_sub(law.id.len() + 2 + columns(word) + 2);
        let title = wrap(law.title.in_lang(lang), rest).swap_remove(0);
        let gap = rest - columns(&title) + 2;
        let code = match outcome.result {
            Verdict::Shown(_) => "32",
            Verdict::NotShown(_) => "31",
            Verdict::Skipped(_) => "33",
        };
        let (id, word) = (self.painted("1", law.id), self.painted(code, word));
        self.line(0, &format!("{id}  {title}{:gap$}{word}", ""));
        self.line(0, &"─".repeat(self.width));
    }

    fn verdict(&mut self, verdict: &Verdict) {
        let word = verdict_word(verdict);
        let text = match self.lang {
            Lang::En => format!("The law is {}: {}.", word.en, verdict.why().en),
            Lang::Zh => format!("规律{}：{}。", word.zh, verdict.why().zh),
        };
        self.prose(&text, 2);
    }

    fn part(&mut self, part: &Part) {
        match part {
            Part::Say(say) => self.prose(say.in_lang(self.lang), 2),
            Part::Calls(scene) => self.calls(scene),
            Part::Counts(heads, rows) => self.counts(heads, rows),
            Part::Bytes(rows) => self.bytes(rows),
        }
    }

    /// `ms  LEFT │ KERNEL… │ RIGHT`, the calls wrapped inside their columns.
    fn calls(&mut self, scene: &Scene) {
        let lang = self.lang;
        let times: Vec<String> =
            scene.rows.iter().map(|row| format!("{:.2}", row.at_us as f64 / 1e3)).collect();
        let time = widest(times.iter().map(String::as_str)).max(4);
        let kernel: Vec<usize> = (0..scene.kernel.len())
            .map(|i| {
                let cells = scene.rows.iter().filter_map(|row| row.kernel.get(i));
                widest(cells.map(String::as_str)).max(columns(scene.kernel[i].in_lang(lang)))
            })
            .collect();
        let between = kernel.iter().map(|width| width + 2).sum::<usize>().saturating_sub(2);
        let bars = if kernel.is_empty() { 3 } else { 6 };
        let room = self.width.min(CALLS_MAX) - (2 + time + 2 + between + bars);
        let heads = (scene.left.in_lang(lang), scene.right.in_lang(lang));
        let left =
            widest(scene.rows.iter().map(|row| row.left.in_lang(lang))).max(columns(heads.0));
        let right =
            widest(scene.rows.iter().map(|row| row.right.in_lang(lang))).max(columns(heads.1));
        let (left, right) = share(room, left, right);
        let widths = Widths { time, left, kernel, right };
        let titles: Vec<String> =
            scene.kernel.iter().map(|head| head.in_lang(lang).to_string()).collect();
        self.calls_row(&widths, "ms", heads.0, &titles, heads.1);
        let rule = |width: usize| "─".repeat(width);
        let mut line = format!("{}┼", rule(time + 2 + left + 1));
        if !widths.kernel.is_empty() {
            line.push_str(&format!("{}┼", rule(between + 2)));
        }
        line.push_str(&rule(right + 1));
        self.line(2, &line);
        for (row, time) in scene.rows.iter().zip(&times) {
            let (left, right) = (row.left.in_lang(lang), row.right.in_lang(lang));
            self.calls_row(&widths, time, left, &row.kernel, right);
        }
    }

    fn calls_row(
        &mut self,
        widths: &Widths,
        time: &str,
        left: &str,
        kernel: &[String],
        right: &str,
    ) {
        let (lefts, rights) = (wrap(left, widths.left), wrap(right, widths.right));
        for i in 0..lefts.len().max(rights.len()) {
            let of = |lines: &[String]| lines.get(i).cloned().unwrap_or_default();
            let time = if i == 0 { time } else { "" };
            let mut line =
                format!("{}  {}", pad_left(time, widths.time), pad(&of(&lefts), widths.left));
            if !widths.kernel.is_empty() {
                let cells = widths.kernel.iter().enumerate().map(|(column, width)| {
                    let cell = kernel.get(column).filter(|_| i == 0);
                    pad(cell.map_or("", String::as_str), *width)
                });
                line.push_str(&format!(" │ {}", cells.collect::<Vec<_>>().join("  ")));
            }
            line.push_str(&format!(" │ {}", of(&rights)));
            self.line(2, &line);
        }
    }

    fn counts(&mut self, heads: &[Text], rows: &[(Say, Vec<String>)]) {
        let lang = self.lang;
        let heads: Vec<&str> = heads.iter().map(|head| head.in_lang(lang)).collect();
        let widths: Vec<usize> = (0..heads.len())
            .map(|i| widest(rows.iter().map(|row| row.1[i].as_str())).max(columns(heads[i])))
            .collect();
        let numbers = widths.iter().map(|width| width + 2).sum::<usize>();
        let label = widest(rows.iter().map(|row| row.0.in_lang(lang)))
            .min(self.width.min(CALLS_MAX) - 2 - numbers);
        let line = |name: &str, cells: &[&str]| {
            let cells = cells.iter().zip(&widths);
            let cells: String =
                cells.map(|(cell, width)| format!("  {}", pad_left(cell, *width))).collect();
            format!("{}{cells}", pad(name, label))
        };
        self.line(2, &line("", &heads));
        self.line(2, &"─".repeat(label + numbers));
        for (name, cells) in rows {
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            // Spaces that line names up are kept where the name fits.
            let name = name.in_lang(lang);
            let names = match columns(name) <= label {
                true => vec![name.to_string()],
                false => wrap(name, label),
            };
            for (i, name) in names.iter().enumerate() {
                if i == 0 {
                    self.line(2, &line(name, &cells));
                } else {
                    self.line(4, name);
                }
            }
        }
    }

    fn bytes(&mut self, rows: &[(Say, String)]) {
        let label = widest(rows.iter().map(|row| row.0.in_lang(self.lang)));
        for (name, bytes) in rows {
            let room = self.width - 2 - label - 2;
            for (i, line) in wrap(bytes, room).iter().enumerate() {
                let name = if i == 0 { name.in_lang(self.lang) } else { "" };
                self.line(2, &format!("{}  {line}", pad(name, label)));
            }
        }
    }
}

struct Widths {
    time: usize,
    left: usize,
    kernel: Vec<usize>,
    right: usize,
}

/// Splits `room` between two columns: each what it needs, or up to two thirds where both do not fit,
/// or half where both need more.
fn share(room: usize, left: usize, right: usize) -> (usize, usize) {
    let most = room * 2 / 3;
    if left + right <= room {
        (left, right)
    } else if left <= most.min(right) {
        (left, room - left)
    } else if right <= most {
        (room - right, right)
    } else {
        (room / 2, room - room / 2)
    }
}

fn widest<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(columns).max().unwrap_or(0)
}

/// How many terminal columns a text takes.
pub fn columns(text: &str) -> usize {
    text.chars().map(|letter| if is_wide(letter) { 2 } else { 1 }).sum()
}

/// Whether a character takes two columns: the wide and full-width ranges of Unicode's
/// EastAsianWidth.txt that Chinese text uses.
fn is_wide(letter: char) -> bool {
    matches!(letter,
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{303e}' | '\u{3041}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{20000}'..='\u{3fffd}')
}

/// Text with spaces after it up to a width.
pub(crate) fn pad(text: &str, width: usize) -> String {
    format!("{text}{:gap$}", "", gap = width.saturating_sub(columns(text)))
}

fn pad_left(text: &str, width: usize) -> String {
    format!("{:gap$}{text}", "", gap = width.saturating_sub(columns(text)))
}

/// Lines of at most `width` columns, at least one. Breaks at spaces and between Chinese characters,
/// never before closing punctuation nor after an opening one; a word longer than a line is cut.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for (spaced, atom) in atoms(text) {
        let gap = usize::from(spaced && !line.is_empty());
        if columns(&line) + gap + columns(&atom) <= width {
            line.push_str(if gap == 1 { " " } else { "" });
            line.push_str(&atom);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for letter in atom.chars() {
            if columns(&line) + columns(letter.encode_utf8(&mut [0; 4])) > width && !line.is_empty()
            {
                lines.push(std::mem::take(&mut line));
            }
            line.push(letter);
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// The smallest pieces that a line may begin with, each with whether a space stood before it.
fn atoms(text: &str) -> Vec<(bool, String)> {
    let mut atoms: Vec<(bool, String)> = Vec::new();
    let mut spaced = false;
    let mut before = None;
    for letter in text.chars() {
        if letter == ' ' {
            spaced = true;
            before = None;
            continue;
        }
        let glued = match before {
            None => false,
            Some(last) => {
                matches!(last, '（' | '「' | '《')
                    || matches!(
                        letter,
                        '，' | '。' | '、' | '；' | '：' | '！' | '？' | '）' | '」' | '》'
                    )
                    || !(is_wide(last) || is_wide(letter))
            }
        };
        match atoms.last_mut() {
            Some((_, atom)) if glued => atom.push(letter),
            _ => atoms.push((spaced, letter.into())),
        }
        (spaced, before) = (false, Some(letter));
    }
    atoms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chinese_character_takes_two_columns() {
        assert_eq!(columns("recv 返回 0，"), 13);
        assert_eq!(columns("─│→"), 3);
    }

    #[test]
    fn no_line_is_wider_than_asked_and_nothing_is_lost() {
        let texts = [
            "one send arrives in several pieces, and several sends arrive in one piece",
            "字节流没有边界：多次 send 可能被一次 recv 收到（粘包），一次 send 也可能被拆开。",
            "a_word_longer_than_any_line_that_is_asked_for",
            "",
        ];
        for text in texts {
            for width in 4..80 {
                let lines = wrap(text, width);
                assert!(lines.iter().all(|line| columns(line) <= width), "{width}: {lines:?}");
                let bare = |text: &str| text.replace(' ', "");
                assert_eq!(bare(&lines.concat()), bare(text), "{width}");
            }
        }
    }

    #[test]
    fn a_line_never_begins_with_closing_punctuation() {
        let text = "消息之间没有边界，也就没有「第几条」；（除非程序自己约定）。";
        for width in 8..40 {
            for line in wrap(text, width) {
                let (first, last) = (line.chars().next().unwrap(), line.chars().last().unwrap());
                assert!(!"，。、；：」）".contains(first), "{width}: {line}");
                assert!(!"「（".contains(last), "{width}: {line}");
            }
        }
    }
}
