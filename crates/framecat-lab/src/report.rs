//! A law in one line, as JSON, and a whole run as a page to hand in.

use serde_json::{Value, json};

use crate::evidence::Verdict;
use crate::lang::{Lang, Text};
use crate::law::{Outcome, groups};
use crate::page::{columns, pad, preface, tell, verdict_word, wrap};

/// The law in one line of at most `width` columns, without LF: verdict, name, finding or reason.
/// What does not fit ends in "..".
pub fn summary_line(outcome: &Outcome, lang: Lang, width: usize) -> String {
    let word = verdict_word(&outcome.result).in_lang(lang);
    let line = format!(
        "{}  {}  {}",
        pad(word, 9),
        pad(outcome.law.id, 20),
        outcome.result.why().in_lang(lang)
    );
    if columns(&line) <= width {
        return line;
    }
    let mut kept = String::new();
    for letter in line.chars() {
        if columns(&kept) + columns(letter.encode_utf8(&mut [0; 4])) + 2 > width {
            break;
        }
        kept.push(letter);
    }
    kept + ".."
}

/// The outcome as one JSON object without LF: `law`, `shown`, `evidence`, `millis`, and where it was
/// not shown `why`, or `skipped` with the reason.
pub fn json_line(outcome: &Outcome) -> String {
    let mut object = json!({
        "law": outcome.law.id,
        "shown": outcome.result.is_shown(),
        "evidence": outcome.evidence,
        "millis": outcome.millis,
    });
    let (key, why) = match &outcome.result {
        Verdict::Shown(_) => return object.to_string(),
        Verdict::NotShown(why) => ("why", why),
        Verdict::Skipped(why) => ("skipped", why),
    };
    object[key] = Value::from(why.en.as_str());
    object.to_string()
}

/// The run as a Markdown page: the machine (`machine`, a line or more that the program gives: kernel
/// and options), a table of findings, then each law told in full with its figures.
pub fn report_markdown(outcomes: &[Outcome], lang: Lang, machine: &str) -> String {
    let say = |en, zh| Text::new(en, zh).in_lang(lang);
    let mut page = format!("# {}\n\n", say("The laws of sockets, shown", "套接字的规律：实验报告"));
    page.push_str(&format!(
        "{}\n\n```\n{}\n```\n\n",
        say("The machine:", "机器："),
        machine.trim()
    ));
    let count = |wanted: &str| {
        outcomes.iter().filter(|outcome| verdict_word(&outcome.result).en == wanted).count()
    };
    for (en, zh) in [("shown", "已证实"), ("not shown", "未证实"), ("skipped", "已跳过")] {
        page.push_str(&format!("- {}: {}\n", say(en, zh), count(en)));
    }
    page.push_str(&format!(
        "\n| {} | {} | {} | ms |\n| --- | --- | --- | ---: |\n",
        say("law", "规律"),
        say("verdict", "结论"),
        say("finding", "所见")
    ));
    for outcome in outcomes {
        page.push_str(&format!(
            "| `{}` | {} | {} | {:.1} |\n",
            outcome.law.id,
            verdict_word(&outcome.result).in_lang(lang),
            outcome.result.why().in_lang(lang).replace('|', "\\|"),
            outcome.millis
        ));
    }
    page.push_str(&format!("\n```text\n{}```\n", preface(&[], lang, 80)));
    for group in groups() {
        let told: Vec<_> =
            outcomes.iter().filter(|outcome| outcome.law.group == group.name).collect();
        if told.is_empty() {
            continue;
        }
        page.push_str(&format!("\n## {}: {}\n", group.name, group.title.in_lang(lang)));
        for outcome in told {
            page.push_str(&format!("\n### {}\n\n", outcome.law.id));
            page.push_str(&format!("```text\n{}```\n", tell(outcome, lang, 80, false)));
            page.push_str(&format!("\n{}\n\n```text\n", say("Figures:", "数据：")));
            for (name, value) in &outcome.evidence {
                for (i, line) in wrap(&value.to_string(), 50).iter().enumerate() {
                    page.push_str(&format!("{:24}  {line}\n", if i == 0 { name } else { "" }));
                }
            }
            page.push_str("```\n");
        }
    }
    page
}
