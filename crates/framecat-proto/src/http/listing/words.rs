//! English and Chinese, and whom to show which.

use crate::http::accept::weighed;

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// For whoever asks for nothing else.
    English,
    /// In simplified characters.
    Chinese,
}

impl Language {
    /// What the values of `Accept-Language` (RFC 9110 section 12.5.4) like better; among equals what is
    /// named first, and English where neither is wanted.
    pub fn accepted<'v>(values: impl Iterator<Item = &'v [u8]>) -> Language {
        let mut best = (0, Language::English);
        let ranges = values.flat_map(|value| value.split(|byte| *byte == b','));
        for (tag, weight) in ranges.filter_map(weighed) {
            let primary = tag.split(|byte| *byte == b'-').next().unwrap_or_default();
            let language = if primary.eq_ignore_ascii_case(b"zh") {
                Language::Chinese
            } else if primary.eq_ignore_ascii_case(b"en") || primary == b"*" {
                Language::English
            } else {
                continue;
            };
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }

    pub(super) fn words(self) -> &'static Words {
        match self {
            Language::English => &ENGLISH,
            Language::Chinese => &CHINESE,
        }
    }
}

/// What the page says; what its script says stands in words.en.js and words.zh.js.
#[derive(Debug)]
pub(super) struct Words {
    /// The value of `lang`.
    pub tag: &'static str,
    /// The root of what is served.
    pub root: &'static str,
    pub way: &'static str,
    pub up: &'static str,
    pub name: &'static str,
    pub size: &'static str,
    pub time: &'static str,
    pub filter: &'static str,
    pub empty: &'static str,
    pub bytes: (&'static str, &'static str),
    pub folders: (&'static str, &'static str),
    pub files: (&'static str, &'static str),
    pub comma: &'static str,
    pub pack: &'static str,
    pub bring: &'static str,
    pub saved: &'static str,
    pub files_to: &'static str,
    /// The page of who may send and not read.
    pub inbox: &'static str,
    pub unseen: &'static str,
    pub json: &'static str,
    pub keys: &'static str,
    /// The names of a file that tells what the folder is, the best first.
    pub readme: &'static [&'static str],
}

static ENGLISH: Words = Words {
    tag: "en",
    root: "Files",
    way: "Folders above",
    up: "Folder above",
    name: "Name",
    size: "Size",
    time: "Changed",
    filter: "Filter",
    empty: "This folder is empty.",
    bytes: (" byte", " bytes"),
    folders: (" folder", " folders"),
    files: (" file", " files"),
    comma: ", ",
    pack: "Download all:",
    bring: "Upload",
    saved: "Saved.",
    files_to: "Files to upload",
    inbox: "Send files",
    unseen: "Nobody who opens this page sees what is sent here.",
    json: "As JSON",
    keys: "<kbd>/</kbd> filter <kbd>↑</kbd> <kbd>↓</kbd> <kbd>Enter</kbd> open <kbd>?</kbd> all keys",
    readme: &["readme.md", "readme.markdown", "readme.txt", "readme", "readme.zh-cn.md"],
};

static CHINESE: Words = Words {
    tag: "zh-CN",
    root: "文件",
    way: "上级文件夹",
    up: "上级文件夹",
    name: "名称",
    size: "大小",
    time: "修改时间",
    filter: "筛选",
    empty: "这个文件夹是空的。",
    bytes: (" 字节", " 字节"),
    folders: (" 个文件夹", " 个文件夹"),
    files: (" 个文件", " 个文件"),
    comma: "，",
    pack: "全部下载：",
    bring: "上传",
    saved: "已保存。",
    files_to: "要上传的文件",
    inbox: "发送文件",
    unseen: "打开此页的人看不到发送到这里的内容。",
    json: "JSON 格式",
    keys: "<kbd>/</kbd> 筛选 <kbd>↑</kbd> <kbd>↓</kbd> <kbd>Enter</kbd> 打开 <kbd>?</kbd> 所有快捷键",
    readme: &[
        "readme.zh-cn.md",
        "readme_zh-cn.md",
        "readme.zh.md",
        "readme_zh.md",
        "readme_cn.md",
        "readme.md",
        "readme.markdown",
        "readme.txt",
        "readme",
    ],
};
