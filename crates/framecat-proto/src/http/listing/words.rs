//! English and Chinese, and whom to show which.

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
        for range in ranges {
            let mut parts = range.split(|byte| *byte == b';');
            let tag = parts.next().unwrap_or_default().trim_ascii();
            let primary = tag.split(|byte| *byte == b'-').next().unwrap_or_default();
            let language = if primary.eq_ignore_ascii_case(b"zh") {
                Language::Chinese
            } else if primary.eq_ignore_ascii_case(b"en") || primary == b"*" {
                Language::English
            } else {
                continue;
            };
            let weight = parts.next().map_or(Some(1_000), weight).unwrap_or(0);
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

/// `q=0.8` in thousandths (RFC 9110 section 12.4.2).
fn weight(parameter: &[u8]) -> Option<u32> {
    let parameter = parameter.trim_ascii();
    let value = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q="))?;
    let (whole, decimals) = value.split_first()?;
    let decimals = match decimals {
        [] => &[][..],
        [b'.', decimals @ ..] if decimals.len() <= 3 => decimals,
        _ => return None,
    };
    let mut weight = u32::from(*whole == b'1') * 1_000;
    if !matches!(whole, b'0' | b'1') {
        return None;
    }
    for (digit, worth) in decimals.iter().zip([100, 10, 1]) {
        weight += u32::from(digit.is_ascii_digit().then(|| digit - b'0')?) * worth;
    }
    (weight <= 1_000).then_some(weight)
}

/// What the page says; what its script says stands in the script.
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
    json: "As JSON",
    keys: "<kbd>/</kbd> filter <kbd>↑</kbd> <kbd>↓</kbd> choose <kbd>Enter</kbd> open",
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
    json: "JSON 格式",
    keys: "<kbd>/</kbd> 筛选 <kbd>↑</kbd> <kbd>↓</kbd> 选择 <kbd>Enter</kbd> 打开",
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
