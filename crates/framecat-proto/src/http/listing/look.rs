//! What the page brings with it: its style, and of its script the parts that its reader may use, in the
//! reader's language; and the field that lets the browser run just these.

use std::sync::OnceLock;

use super::{Language, compact, policy};
use crate::http::write::Rights;

const STYLE: &str = include_str!("page.css");
const BASE: &str = include_str!("base.js");
/// The table, texts, the viewer.
const READING: [&str; 3] =
    [include_str!("list.js"), include_str!("text.js"), include_str!("view.js")];
const UPLOAD: &str = include_str!("upload.js");
const CHANGE: &str = include_str!("change.js");

/// A page's look and behaviour.
#[derive(Debug)]
pub(super) struct Look {
    pub style: &'static str,
    pub script: String,
    /// The value of Content-Security-Policy.
    pub policy: String,
}

/// The look of the page for those who read this language and may do this much.
pub(super) fn look(language: Language, rights: Rights) -> &'static Look {
    static LOOKS: [OnceLock<Look>; 6] = [const { OnceLock::new() }; 6];
    let (words, second) = match language {
        Language::English => (include_str!("words.en.js"), 0),
        Language::Chinese => (include_str!("words.zh.js"), 1),
    };
    let (parts, nth): (&[&str], _) = match (rights.read, rights.writes()) {
        (true, false) => (&READING, 0),
        (true, true) => (&[READING[0], READING[1], READING[2], UPLOAD, CHANGE], 1),
        (false, _) => (&[UPLOAD], 2),
    };
    LOOKS[2 * nth + second].get_or_init(|| {
        // A block of its own: no name in it is one of the window's.
        let text = ["\"use strict\";\n{\n", words, BASE, &parts.concat(), "}\n"].concat();
        static LEAN: OnceLock<String> = OnceLock::new();
        let style = LEAN.get_or_init(|| compact::style(STYLE));
        let script = compact::script(&text);
        let policy = policy::of(style, &script);
        Look { style, script, policy }
    })
}
