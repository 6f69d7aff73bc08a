//! What a file is, told by its name: Content-Type, and what follows from it.

/// What is known of a file by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The value of Content-Type.
    pub content_type: &'static str,
    /// It is worth being kept compressed, so a `.br`, `.zst` or `.gz` beside it is looked for.
    pub compressible: bool,
    /// A browser that opens it runs what it says: HTML, SVG and any other XML.
    pub active: bool,
}

/// Of what is not known nothing is said but that it is bytes; a browser saves it and, told not to sniff,
/// does not take it for a page.
const UNKNOWN: Kind =
    Kind { content_type: "application/octet-stream", compressible: false, active: false };

/// Sorted by name, in lower case. Registered types (IANA) where there is one; source code that has none
/// is plain text, so that a browser shows it.
const BY_ENDING: &[(&str, &str)] = &[
    ("3g2", "video/3gpp2"),
    ("3gp", "video/3gpp"),
    ("7z", "application/x-7z-compressed"),
    ("aac", "audio/aac"),
    ("apk", "application/vnd.android.package-archive"),
    ("apng", "image/apng"),
    ("asc", "text/plain; charset=utf-8"),
    ("atom", "application/atom+xml"),
    ("avi", "video/x-msvideo"),
    ("avif", "image/avif"),
    ("awk", "text/plain; charset=utf-8"),
    ("bash", "text/plain; charset=utf-8"),
    ("bib", "text/plain; charset=utf-8"),
    ("bin", "application/octet-stream"),
    ("bmp", "image/bmp"),
    ("bz2", "application/x-bzip2"),
    ("c", "text/plain; charset=utf-8"),
    ("cbz", "application/vnd.comicbook+zip"),
    ("cc", "text/plain; charset=utf-8"),
    ("cer", "application/pkix-cert"),
    ("cfg", "text/plain; charset=utf-8"),
    ("conf", "text/plain; charset=utf-8"),
    ("cpp", "text/plain; charset=utf-8"),
    ("cs", "text/plain; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("cxx", "text/plain; charset=utf-8"),
    ("deb", "application/vnd.debian.binary-package"),
    ("diff", "text/plain; charset=utf-8"),
    ("djvu", "image/vnd.djvu"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("eml", "message/rfc822"),
    ("eot", "application/vnd.ms-fontobject"),
    ("epub", "application/epub+zip"),
    ("flac", "audio/flac"),
    ("geojson", "application/geo+json"),
    ("gif", "image/gif"),
    ("go", "text/plain; charset=utf-8"),
    ("gz", "application/gzip"),
    ("h", "text/plain; charset=utf-8"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("hpp", "text/plain; charset=utf-8"),
    ("htm", "text/html; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/vnd.microsoft.icon"),
    ("ics", "text/calendar; charset=utf-8"),
    ("ini", "text/plain; charset=utf-8"),
    ("iso", "application/vnd.efi.iso"),
    ("jar", "application/java-archive"),
    ("java", "text/plain; charset=utf-8"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("jsonl", "text/plain; charset=utf-8"),
    ("jsonld", "application/ld+json"),
    ("jxl", "image/jxl"),
    ("kt", "text/plain; charset=utf-8"),
    ("log", "text/plain; charset=utf-8"),
    ("lua", "text/plain; charset=utf-8"),
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("m4a", "audio/mp4"),
    ("m4v", "video/mp4"),
    ("map", "application/json"),
    ("markdown", "text/markdown; charset=utf-8"),
    ("md", "text/markdown; charset=utf-8"),
    ("mid", "audio/midi"),
    ("midi", "audio/midi"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("mka", "audio/matroska"),
    ("mkv", "video/matroska"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("mpd", "application/dash+xml"),
    ("mpeg", "video/mpeg"),
    ("mpg", "video/mpeg"),
    ("ndjson", "text/plain; charset=utf-8"),
    ("odp", "application/vnd.oasis.opendocument.presentation"),
    ("ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("ogv", "video/ogg"),
    ("opus", "audio/ogg"),
    ("otf", "font/otf"),
    ("patch", "text/plain; charset=utf-8"),
    ("pcap", "application/vnd.tcpdump.pcap"),
    ("pdf", "application/pdf"),
    ("pem", "text/plain; charset=utf-8"),
    ("php", "text/plain; charset=utf-8"),
    ("pl", "text/plain; charset=utf-8"),
    ("png", "image/png"),
    ("ppt", "application/vnd.ms-powerpoint"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("ps", "application/postscript"),
    ("py", "text/plain; charset=utf-8"),
    ("rar", "application/vnd.rar"),
    ("rb", "text/plain; charset=utf-8"),
    ("rs", "text/plain; charset=utf-8"),
    ("rss", "application/rss+xml"),
    ("rst", "text/plain; charset=utf-8"),
    ("rtf", "application/rtf"),
    ("sh", "text/plain; charset=utf-8"),
    ("sql", "application/sql"),
    ("srt", "text/plain; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("swift", "text/plain; charset=utf-8"),
    ("tar", "application/x-tar"),
    ("tex", "text/plain; charset=utf-8"),
    ("text", "text/plain; charset=utf-8"),
    ("tgz", "application/gzip"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("toml", "application/toml"),
    ("torrent", "application/x-bittorrent"),
    ("ts", "video/mp2t"),
    ("tsv", "text/tab-separated-values; charset=utf-8"),
    ("ttf", "font/ttf"),
    ("txt", "text/plain; charset=utf-8"),
    ("vcf", "text/vcard; charset=utf-8"),
    ("vtt", "text/vtt; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("wav", "audio/wav"),
    ("weba", "audio/webm"),
    ("webm", "video/webm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xht", "application/xhtml+xml"),
    ("xhtml", "application/xhtml+xml"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("xml", "text/xml; charset=utf-8"),
    ("xsl", "text/xml; charset=utf-8"),
    ("xz", "application/x-xz"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("zip", "application/zip"),
    ("zst", "application/zstd"),
];

/// Files that go by their whole name.
const BY_NAME: &[&str] = &[
    "AUTHORS",
    "CHANGELOG",
    "CHANGES",
    "CONTRIBUTING",
    "COPYING",
    "Dockerfile",
    "INSTALL",
    "LICENSE",
    "Makefile",
    "NEWS",
    "NOTICE",
    "README",
    "TODO",
    "justfile",
];

/// The longest ending of the table.
const ENDING_BYTES: usize = 11;

/// What `name`, the last component of a path, says of its file.
pub fn of(name: &[u8]) -> Kind {
    let Some(dot) = name.iter().rposition(|byte| *byte == b'.') else {
        let text = BY_NAME.iter().any(|known| known.as_bytes() == name);
        return if text { kind("text/plain; charset=utf-8") } else { UNKNOWN };
    };
    let ending = &name[dot + 1..];
    let mut lower = [0; ENDING_BYTES];
    let Some(lower) = lower.get_mut(..ending.len()) else { return UNKNOWN };
    lower.copy_from_slice(ending);
    lower.make_ascii_lowercase();
    let found = BY_ENDING.binary_search_by(|(known, _)| known.as_bytes().cmp(lower));
    found.map_or(UNKNOWN, |at| kind(BY_ENDING[at].1))
}

fn kind(content_type: &'static str) -> Kind {
    // Whatever is XML may have elements of XHTML in it, and browsers differ in what of it they show (HTML, "XML
    // MIME type").
    let active = content_type.ends_with("+xml")
        || matches!(content_type, "text/html; charset=utf-8" | "text/xml; charset=utf-8");
    let compressible = content_type.starts_with("text/")
        || content_type.ends_with("+xml")
        || content_type.ends_with("json")
        || matches!(
            content_type,
            "application/wasm"
                | "application/sql"
                | "application/toml"
                | "application/yaml"
                | "application/vnd.ms-fontobject"
                | "font/ttf"
                | "font/otf"
                | "image/bmp"
                | "image/vnd.microsoft.icon"
        );
    Kind { content_type, compressible, active }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_searched() {
        assert!(BY_ENDING.is_sorted_by(|(a, _), (b, _)| a < b));
        let longest = BY_ENDING.iter().map(|(ending, _)| ending.len()).max();
        assert_eq!(longest, Some(ENDING_BYTES));
        for (ending, content_type) in BY_ENDING {
            assert_eq!(of(format!("x.{ending}").as_bytes()).content_type, *content_type);
            // Text that does not say in which characters it is written would be guessed at.
            assert_eq!(
                content_type.starts_with("text/"),
                content_type.ends_with("; charset=utf-8")
            );
        }
    }

    #[test]
    fn a_name_tells_the_type_by_its_last_ending_in_any_case() {
        for (name, content_type) in [
            ("a.HTML", "text/html; charset=utf-8"),
            ("a.tar.gz", "application/gzip"),
            ("新 建.txt", "text/plain; charset=utf-8"),
            ("README", "text/plain; charset=utf-8"),
            ("readme.", "application/octet-stream"),
            (".html", "text/html; charset=utf-8"),
            ("", "application/octet-stream"),
            (".", "application/octet-stream"),
            ("a.webmanifestx", "application/octet-stream"),
            ("a.html ", "application/octet-stream"),
            ("a.html\r\nX: y", "application/octet-stream"),
        ] {
            assert_eq!(of(name.as_bytes()).content_type, content_type, "{name:?}");
        }
        assert!(of(b"x.svg").active && of(b"x.svg").compressible);
        for active in ["x.html", "x.xml", "x.xsl", "x.rss", "x.atom", "x.mpd", "x.xht"] {
            assert!(of(active.as_bytes()).active, "{active}");
        }
        assert!(!of(b"x.png").active && !of(b"x.png").compressible);
    }
}
