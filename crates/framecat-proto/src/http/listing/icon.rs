//! What a file is by its name: which icon it has, and whether the page can show it.

use super::entries::{Kind, Row};

/// The class of a row's link; the page's script shows pictures, videos, sounds and texts in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Icon {
    Folder,
    Picture,
    Video,
    Sound,
    Text,
    Web,
    Document,
    Archive,
    Other,
}

impl Icon {
    pub(super) fn of(row: &Row<'_>) -> Icon {
        if row.kind == Kind::Folder {
            return Icon::Folder;
        }
        let name = row.name.to_ascii_lowercase();
        let name = String::from_utf8_lossy(&name);
        let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
        match ending {
            // What browsers show in <img>, <video> and <audio>.
            "avif" | "bmp" | "gif" | "ico" | "jpeg" | "jpg" | "jfif" | "png" | "svg" | "webp" => {
                Icon::Picture
            }
            "m4v" | "mkv" | "mov" | "mp4" | "ogv" | "webm" => Icon::Video,
            "aac" | "flac" | "m4a" | "mp3" | "oga" | "ogg" | "opus" | "wav" => Icon::Sound,
            "htm" | "html" | "xhtml" => Icon::Web,
            "doc" | "docx" | "epub" | "odp" | "ods" | "odt" | "pdf" | "ppt" | "pptx" | "rtf"
            | "xls" | "xlsx" => Icon::Document,
            "7z" | "apk" | "br" | "bz2" | "deb" | "gz" | "iso" | "jar" | "rar" | "rpm" | "tar"
            | "tgz" | "txz" | "xz" | "zip" | "zst" => Icon::Archive,
            "asc" | "awk" | "bash" | "bat" | "c" | "cc" | "cfg" | "conf" | "cpp" | "cs" | "css"
            | "csv" | "cxx" | "diff" | "dockerfile" | "env" | "fish" | "go" | "gradle" | "h"
            | "hh" | "hpp" | "hs" | "ics" | "ini" | "java" | "js" | "json" | "jsonl" | "jsx"
            | "kt" | "less" | "lock" | "log" | "lua" | "markdown" | "md" | "mjs" | "mk"
            | "ndjson" | "patch" | "php" | "pl" | "properties" | "proto" | "ps1" | "py" | "r"
            | "rb" | "rs" | "rst" | "scala" | "scss" | "sh" | "snap" | "sql" | "srt" | "svelte"
            | "swift" | "tex" | "text" | "toml" | "ts" | "tsv" | "tsx" | "txt" | "vim" | "vtt"
            | "vue" | "xml" | "yaml" | "yml" | "zig" | "zsh" => Icon::Text,
            // .gitignore and its like, and what has no ending.
            _ if stem.is_empty() => Icon::Text,
            "" => match stem {
                "authors" | "changelog" | "changes" | "contributing" | "copying" | "dockerfile"
                | "install" | "justfile" | "license" | "makefile" | "news" | "notice"
                | "readme" | "todo" => Icon::Text,
                _ => Icon::Other,
            },
            _ => Icon::Other,
        }
    }

    /// The letter in the page's style and script.
    pub(super) fn class(self) -> &'static str {
        match self {
            Icon::Folder => "d",
            Icon::Picture => "p",
            Icon::Video => "v",
            Icon::Sound => "s",
            Icon::Text => "t",
            Icon::Web => "w",
            Icon::Document => "o",
            Icon::Archive => "a",
            Icon::Other => "f",
        }
    }
}
