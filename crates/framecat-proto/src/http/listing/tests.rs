use serde_json::Value;

use super::super::ListingForm;
use super::*;

const HOSTILE: &[&[u8]] = &[
    b"<script>alert(1)<script>",
    b"\" onmouseover=alert(1) x=\"",
    b"' onmouseover='alert(1)",
    b"<title><script>alert(1)",
    b"<img src=x onerror=alert(1)>",
    b"<!--",
    b"]]>",
    b"javascript:alert(1)",
    b"data:text,x",
    b"%2e%2e",
    b"%",
    b"%00",
    b"..%2f..%2fetc",
    b"...",
    b"a?b#c&d=e;f",
    b"?json",
    b"#top",
    b"a+b c",
    b" ",
    b" lead and trail ",
    b"a\"b'.png",
    b"back\\slash",
    b"new\nline.txt",
    b"cr\r\nSet-Cookie: x",
    b"tab\tbell\x07esc\x1b[31m\x7f",
    b"&lt;b&gt;&amp;",
    b"caf\xe9.txt",
    b"\xff\xfe",
    b"cut \xe6\x96",
    "新 建.txt".as_bytes(),
    "evil\u{202e}gpj.exe".as_bytes(),
    "zero\u{200b}width\u{feff}\u{2028}\u{85}".as_bytes(),
    "\u{1f600} e\u{301}.md".as_bytes(),
    b"http:",
    b"mailto:x@y",
    b"~root",
    b"-rf",
    b".hidden",
];

fn entries(names: &[&[u8]]) -> Entries {
    let mut entries = Entries::default();
    for (n, name) in names.iter().enumerate() {
        let (size, mtime) = (n as u64, 1_700_000_000 + n as i64);
        entries.push(name, Kind::File, size, mtime).unwrap();
    }
    entries
}

fn whole(mut listing: Listing) -> Vec<u8> {
    let mut out = Vec::new();
    while listing.write(out.len() + 1, &mut out) {}
    out
}

fn page(path: &[u8], sort: Sort, language: Language, entries: Entries) -> String {
    let listing = Listing::new(ListingForm::Html, path, language, sort, entries, Rights::READ);
    String::from_utf8(whole(listing)).unwrap()
}

fn english(entries: Entries) -> String {
    page(b"", Sort::USUAL, Language::English, entries)
}

/// The part of a page that is about names: without style and script.
fn body(page: &str) -> &str {
    page.split("</style>").nth(1).unwrap().split("<script>").next().unwrap()
}

/// The values of an attribute `href` in the table's rows.
fn hrefs(page: &str) -> Vec<&str> {
    let rows = page.split("<tbody>").nth(1).unwrap().split("</table>").next().unwrap();
    rows.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

fn decoded(href: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = href.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        bytes.push(if first == b'%' {
            let hex = std::str::from_utf8(&behind[..2]).unwrap();
            rest = &behind[2..];
            u8::from_str_radix(hex, 16).unwrap()
        } else {
            first
        });
    }
    bytes
}

fn order(sort: Sort, files: &[(&str, Kind, u64, i64)]) -> Vec<String> {
    let mut entries = Entries::default();
    for (name, kind, size, mtime) in files {
        entries.push(name.as_bytes(), *kind, *size, *mtime).unwrap();
    }
    entries.sort(sort);
    (0..entries.len()).map(|n| String::from_utf8_lossy(entries.row(n).name).into_owned()).collect()
}

#[test]
fn any_name_is_text_and_a_link_that_leads_to_it() {
    let mut all: Vec<Vec<u8>> = HOSTILE.iter().map(|name| name.to_vec()).collect();
    all.push(vec![b'x'; 255]);
    all.push("名".repeat(85).into_bytes());
    // Every byte that a name may have, by itself and between letters.
    for byte in (1..=255_u8).filter(|byte| *byte != b'/') {
        if byte != b'.' {
            all.push(vec![byte]);
        }
        all.push(vec![b'q', byte, b'q']);
    }
    for name in &all {
        let page = english(entries(&[name]));
        let [href] = hrefs(&page)[..] else { panic!("{name:?}: one link") };
        assert_eq!(decoded(href), *name, "{href}");
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
        assert!(href.bytes().all(safe), "{href}");
        // The page has the elements of a page with a harmless name and no other, and no control.
        let marks = page.matches("<i>").count();
        let plain = english(entries(&[if href.ends_with(".md") { b"a.md" } else { b"a" }]));
        let tags = |page: &str| page.matches('<').count();
        assert_eq!(tags(&page), tags(&plain) + 2 * marks, "{name:?}");
        let quotes = |page: &str| body(page).matches(['"', '\'']).count();
        assert_eq!(quotes(&page), quotes(&plain), "{name:?}");
        let control =
            |c: char| c.is_control() && c != '\n' || "\u{202e}\u{200b}\u{feff}".contains(c);
        assert!(!body(&page).contains(control), "{name:?}");
    }
}

#[test]
fn what_cannot_be_seen_is_written_out() {
    for (name, want) in [
        (&b"new\nline"[..], "new<i>\\n</i>line"),
        (b"\x1b[2J\x7f", "<i>\\x1B</i>[2J<i>\\x7F</i>"),
        (b"caf\xe9", "caf<i>\\xE9</i>"),
        ("\u{202e}gpj".as_bytes(), "<i>U+202E</i>gpj"),
        ("a\u{85}\u{2028}".as_bytes(), "a<i>U+0085</i><i>U+2028</i>"),
        (b"a&b<c>\"d'", "a&amp;b&lt;c&gt;&#34;d&#39;"),
        // What belongs to writing stays: joiners of scripts and emoji, marks, right-to-left letters.
        ("👩\u{200d}👩 e\u{301} ש".as_bytes(), "👩\u{200d}👩 e\u{301} ש"),
    ] {
        let mut out = Vec::new();
        show::put_html(name, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), want);
    }
}

#[test]
fn a_folder_s_path_is_a_way_back() {
    let files = || entries(&[b"a"]);
    let root = english(files());
    assert!(body(&root).contains("<nav aria-label=\"Folders above\"><h1>Files</h1></nav>"));
    assert!(!root.contains("id=up"), "there is nothing above the root");
    let path = "a b/<i>/新".as_bytes();
    let newest = Sort { by: Order::Time, down: true };
    let deep = page(path, newest, Language::English, files());
    assert!(
        body(&deep).contains(
            "<a href=\"../../../?sort=-time\">Files</a><b>/</b>\
             <a href=\"../../?sort=-time\">a b</a><b>/</b>\
             <a href=\"../?sort=-time\">&lt;i&gt;</a><b>/</b><h1>新</h1>"
        ),
        "{}",
        body(&deep)
    );
    assert!(deep.contains("<title>新</title>"));
    assert!(deep.contains("<tbody id=up><tr><td><a class=u href=\"../?sort=-time\">"));
    // The slashes around a path are no names.
    assert_eq!(
        page(b"/x/", Sort::USUAL, Language::English, files()).matches("<b>/</b>").count(),
        1
    );
}

#[test]
fn names_stand_as_people_order_them() {
    use Kind::{File, Folder};
    let names =
        ["file10", "File2", "file1", "b", "a", "file02", "Ä", "ä", "10", "9", "新", "_", "file1a"];
    let files: Vec<_> = names.map(|name| (name, File, 0, 0)).to_vec();
    let want =
        ["9", "10", "_", "a", "b", "file1", "file1a", "File2", "file02", "file10", "Ä", "ä", "新"];
    assert_eq!(order(Sort::USUAL, &files), want);
    let mut turned = want;
    turned.reverse();
    assert_eq!(order(Sort { by: Order::Name, down: true }, &files), turned);

    let mixed = [
        ("old", File, 5, 10),
        ("new", File, 1, 30),
        ("big", File, 9, 20),
        ("also5", File, 5, 20),
        ("z", Folder, 0, 5),
        ("y", Folder, 0, 40),
    ];
    for (query, want) in [
        (None, "y z also5 big new old"),
        (Some("sort=-name"), "z y old new big also5"),
        (Some("sort=size"), "y z new also5 old big"),
        (Some("sort=-size"), "y z big also5 old new"),
        (Some("sort=time"), "z y old also5 big new"),
        (Some("x=1&sort=-time&y"), "y z new also5 big old"),
        (Some("sort=weight"), "y z also5 big new old"),
        (Some("sort=--name&sort=size"), "y z also5 big new old"),
        (Some("sort="), "y z also5 big new old"),
    ] {
        assert_eq!(order(Sort::of_query(query), &mixed).join(" "), want, "{query:?}");
    }
    // No run of digits is too long to be a number.
    let long = ["9".repeat(255), "1".to_owned() + &"0".repeat(254)];
    let files: Vec<_> = long.iter().map(|name| (name.as_str(), File, 0, 0)).collect();
    assert_eq!(order(Sort::USUAL, &files), [long[1].clone(), long[0].clone()]);
}

#[test]
fn the_columns_lead_to_other_orders_and_back() {
    let by = |by, down| page(b"", Sort { by, down }, Language::English, entries(&[b"a"]));
    let name = by(Order::Name, false);
    assert!(name.contains("<th scope=col aria-sort=ascending><a href=\"?sort=-name\">Name</a>"));
    assert!(name.contains("<th scope=col><a href=\"?sort=-size\">Size</a>"));
    let size = by(Order::Size, true);
    assert!(size.contains("<th scope=col><a href=\"?sort=name\">Name</a>"));
    assert!(size.contains("<th scope=col aria-sort=descending><a href=\"?sort=size\">Size</a>"));
    let time = by(Order::Time, false);
    assert!(
        time.contains("aria-sort=ascending><a href=\"?sort=-time\">Changed <small>UTC</small></a>")
    );
}

#[test]
fn sizes_are_told_to_people_and_exactly() {
    for (bytes, want, exact) in [
        (0, "0 B", "0"),
        (999, "999 B", "999"),
        (1_000, "1.0 kB", "1,000"),
        (1_049, "1.0 kB", "1,049"),
        (1_050, "1.1 kB", "1,050"),
        (9_949, "9.9 kB", "9,949"),
        (9_950, "10 kB", "9,950"),
        (999_499, "999 kB", "999,499"),
        (999_500, "1.0 MB", "999,500"),
        (1_234_567, "1.2 MB", "1,234,567"),
        (u64::MAX, "18 EB", "18,446,744,073,709,551,615"),
    ] {
        let (mut size, mut grouped) = (Vec::new(), Vec::new());
        show::put_size(bytes, &mut size);
        show::put_grouped(bytes, &mut grouped);
        assert_eq!(String::from_utf8(size).unwrap(), want, "{bytes}");
        assert_eq!(String::from_utf8(grouped).unwrap(), exact);
    }
    let one = english(entries(&[b"a", b"b"]));
    assert!(
        one.contains("<td title=\"0 bytes\">0 B<td>")
            && one.contains("<td title=\"1 byte\">1 B<td>")
    );
}

#[test]
fn times_are_those_of_the_calendar() {
    for (at, want) in [
        (0, "1970-01-01T00:00:00Z>1970-01-01 00:00"),
        (-1, "1969-12-31T23:59:59Z>1969-12-31 23:59"),
        (951_782_399, "2000-02-28T23:59:59Z>2000-02-28 23:59"),
        (951_868_799, "2000-02-29T23:59:59Z>2000-02-29 23:59"),
        (4_107_542_400, "2100-03-01T00:00:00Z>2100-03-01 00:00"),
        (1_764_087_529, "2025-11-25T16:18:49Z>2025-11-25 16:18"),
        (253_402_300_800, "+010000-01-01T00:00:00Z>+010000-01-01 00:00"),
        (-62_135_596_801, "0000-12-31T23:59:59Z>0000-12-31 23:59"),
        (-62_167_219_201, "-000001-12-31T23:59:59Z>-000001-12-31 23:59"),
        (i64::MAX, "+275760-09-13T00:00:00Z>+275760-09-13 00:00"),
        (i64::MIN, "-271821-04-20T00:00:00Z>-271821-04-20 00:00"),
    ] {
        let mut out = Vec::new();
        show::put_time(at, &mut out);
        let want = format!("<time datetime={want}</time>");
        assert_eq!(String::from_utf8(out).unwrap(), want, "{at}");
    }
}

#[test]
fn the_language_is_what_the_reader_likes_better() {
    use Language::{Chinese, English};
    for (values, want) in [
        (&[][..], English),
        (&["zh-CN,zh;q=0.9,en;q=0.8"], Chinese),
        (&["en-US,en;q=0.9,zh-CN;q=0.8"], English),
        (&["zh"], Chinese),
        (&["ZH-hant-TW"], Chinese),
        (&["fr, zh;q=0.5"], Chinese),
        (&["fr"], English),
        (&["*"], English),
        (&["en;q=0.5, zh;q=0.501"], Chinese),
        (&["en;q=0.5, zh;q=0.5"], English),
        (&["zh;q=0"], English),
        (&["en;q=0, zh;q=0.001"], Chinese),
        (&["fr", "zh ; q=1.000"], Chinese),
        (&["zhuang, en;q=0.1"], English),
        (&["zh;q=2"], English),
        (&["zh;q=0.1234"], English),
        (&["zh;q=1.001"], English),
        (&["zh;q=-1"], English),
        (&["zh;q=,"], English),
        (&["zh;level=1"], English),
        (&[",,;,;q=1"], English),
    ] {
        let accepted = Language::accepted(values.iter().map(|value| value.as_bytes()));
        assert_eq!(accepted, want, "{values:?}");
    }
    let mut noise = vec![b','; 30_000];
    noise.extend_from_slice(b"zh");
    assert_eq!(Language::accepted([&noise[..]].into_iter()), Chinese);
}

#[test]
fn the_page_speaks_both_languages() {
    let mut of = Entries::default();
    of.push(b"sub", Kind::Folder, 4_096, 0).unwrap();
    of.push(b"README.md", Kind::File, 1_500, 0).unwrap();
    of.push(b"readme.zh-CN.md", Kind::File, 500, 0).unwrap();
    let chinese = page(b"", Sort::USUAL, Language::Chinese, of);
    assert!(chinese.contains("<html lang=zh-CN "));
    assert!(chinese.contains("1 个文件夹，2 个文件，2.0 kB"), "{chinese}");
    assert!(chinese.contains("<h2><a class=t href=\"readme.zh-CN.md\">"));
    let english = english(entries(&[b"readme", b"README.txt", b"readme.rs"]));
    assert!(english.contains("<html lang=en ") && english.contains(">3 files, 3 B<"));
    assert!(english.contains("<h2><a class=t href=\"README.txt\">"));
}

#[test]
fn an_empty_folder_says_so() {
    let page = english(Entries::default());
    assert!(
        page.contains("<p class=none>This folder is empty.</p>") && page.contains("<p id=sum></p>")
    );
    let listing = Listing::new(
        ListingForm::Json,
        b"",
        Language::English,
        Sort::USUAL,
        Entries::default(),
        Rights::READ,
    );
    assert_eq!(whole(listing), b"[\n]\n");
}

#[test]
fn json_is_an_array_of_all_that_is_known() {
    let mut all = entries(HOSTILE);
    all.push(b"sub folder", Kind::Folder, 4_096, -5).unwrap();
    let listing =
        Listing::new(ListingForm::Json, b"x", Language::English, Sort::USUAL, all, Rights::READ);
    let out = whole(listing);
    assert!(!out.iter().any(|byte| byte.is_ascii_control() && *byte != b'\n'));
    let value: Value = serde_json::from_slice(&out).unwrap();
    let items = value.as_array().unwrap();
    assert_eq!(items.len(), HOSTILE.len() + 1);
    assert_eq!(
        items[0],
        serde_json::json!({
            "name": "sub folder", "href": "sub%20folder/", "kind": "folder", "mtime": -5
        })
    );
    for item in &items[1..] {
        let name = match item.get("name") {
            Some(name) => name.as_str().unwrap().as_bytes().to_vec(),
            None => STANDARD.decode(item["name_base64"].as_str().unwrap()).unwrap(),
        };
        assert_eq!(decoded(item["href"].as_str().unwrap()), name);
        let n = HOSTILE.iter().position(|known| *known == name).unwrap();
        assert_eq!(item["size"], n);
        assert_eq!(item["mtime"], 1_700_000_000 + n);
        assert_eq!(item["kind"], "file");
    }
}

#[test]
fn a_large_folder_goes_out_in_small_pieces() {
    let mut all = Entries::default();
    for n in 0..10_000_u64 {
        all.push(format!("file {n:09}.txt").as_bytes(), Kind::File, n, 0).unwrap();
    }
    let mut listing =
        Listing::new(ListingForm::Html, b"", Language::English, Sort::USUAL, all, Rights::READ);
    let (mut out, mut rows, mut groups, mut pieces) = (Vec::new(), 0, 0, 0);
    loop {
        out.clear();
        let more = listing.write(16 << 10, &mut out);
        assert!(out.len() < 80 << 10, "{} bytes at once", out.len());
        let text = String::from_utf8_lossy(&out);
        rows += text.matches("class=t").count();
        groups += text.matches("<tbody>").count();
        pieces += 1;
        if !more {
            break;
        }
        assert!(out.len() >= 16 << 10);
    }
    assert_eq!(rows, 10_000);
    assert_eq!(groups, 10_000 / GROUP);
    assert!(pieces > 50);
    out.clear();
    assert!(!listing.write(1, &mut out) && out.is_empty(), "what is whole stays so");
}

#[test]
fn a_folder_of_too_many_names_is_told() {
    let mut all = Entries::default();
    for _ in 0..crate::limits::LISTING_NAMES {
        all.push(b"", Kind::File, u64::MAX, 0).unwrap();
    }
    assert_eq!(all.push(b"x", Kind::File, 0, 0), Err(Full));
    assert!(Full.to_string().contains("1000000 names"));
}

/// Every look that a page can have.
fn looks() -> impl Iterator<Item = (Language, Rights)> {
    let all =
        Rights { read: true, upload: true, replace: true, make: true, rename: true, delete: true };
    let inbox = Rights { read: false, ..Rights::UPLOAD };
    let rights = [Rights::READ, Rights::UPLOAD, all, inbox];
    let languages = [Language::English, Language::Chinese];
    languages.into_iter().flat_map(move |language| rights.map(|rights| (language, rights)))
}

fn empty(language: Language, rights: Rights) -> String {
    let none = Entries::default();
    let listing = Listing::new(ListingForm::Html, b"", language, Sort::USUAL, none, rights);
    String::from_utf8(whole(listing)).unwrap()
}

#[test]
fn the_page_is_small_and_fetches_nothing_from_elsewhere() {
    for (language, rights) in looks() {
        let page = empty(language, rights);
        assert!(page.len() < 60_000, "{} bytes for {rights:?}", page.len());
        // The namespace of SVG is a name and no address.
        let page = page.replace("http://www.w3.org/2000/svg", "");
        assert!(
            !page.contains("://") && !page.contains("\"//") && !page.contains("'//"),
            "an address"
        );
        let look::Look { style, script, .. } = look(language, rights);
        for text in [*style, script.as_str()] {
            assert!(!text.contains("@import"));
            // What would end the element that it stands in.
            assert!(!text.contains("</"));
        }
        for word in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "on=\""]
        {
            assert!(!script.contains(word), "{word}");
        }
    }
}

#[test]
fn the_script_knows_how_rows_are_grouped() {
    for (language, rights) in looks().filter(|(_, rights)| rights.read) {
        let (_, number) = look(language, rights).script.split_once("GROUP=").unwrap();
        assert_eq!(number.split([',', ';']).next(), Some(&*GROUP.to_string()));
    }
}

#[test]
fn the_policy_names_this_style_and_this_script() {
    for (language, rights) in looks() {
        let policy = policy(language, rights);
        assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"));
        assert_eq!(policy.matches("'sha256-").count(), 2);
        assert!(!policy.contains("unsafe") && !policy.contains(['\r', '\n', '*']));
        let page = empty(language, rights);
        let inside = |tag: &str| {
            let (_, rest) = page.split_once(&format!("<{tag}>")).unwrap();
            rest.split_once(&format!("</{tag}>")).unwrap().0
        };
        let look::Look { style, script, .. } = look(language, rights);
        assert_eq!((inside("style"), inside("script")), (*style, script.as_str()));
    }
}
