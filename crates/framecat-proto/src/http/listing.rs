//! The page of a folder, and its form for programs: names in, bytes out, piece by piece.
//!
//! | step | where |
//! | --- | --- |
//! | what is in the folder, in few bytes, in order | [`Entries`], `entries` |
//! | which language the reader has, and its words | [`Language`], `words` |
//! | a name in text and in JSON; a size; a time | `show` |
//! | a name's icon, and whether the page can show the file | `icon` |
//! | the bytes | [`Listing::write`], here |
//! | its style and script, and what the page may do: nothing but this | `look`, `compact`, [`policy`] |
//!
//! The page is one reply: its style and script are in it, so it needs no path that a file might have
//! too, works behind a proxy under any prefix, and can be saved. Without the script it is a table of
//! links that is sorted by `?sort=`. Every name is a relative reference that has only unreserved
//! characters (RFC 3986 section 2.3) and `%`: there is none that a browser takes for a scheme, a query
//! or a way up, and none that leaves its attribute.

mod compact;
mod entries;
mod icon;
mod look;
mod policy;
mod show;
#[cfg(test)]
mod tests;
mod words;

pub use entries::{Entries, Full, Kind, Order, Sort};
pub use words::Language;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::write::Rights;
use super::{ListingForm, path};
use entries::Row;
use icon::Icon;
use look::look;
use words::Words;

/// The value of the `Content-Security-Policy` field of the page.
pub fn policy(language: Language, rights: Rights) -> &'static str {
    &look(language, rights).policy
}

/// The page's icon, so that no browser asks for /favicon.ico.
const BADGE: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E\
%3Crect width='32' height='32' rx='7' fill='%230b66c3'/%3E%3Cpath d='M7 11h7l2 3h9v9H7z' fill='none' \
stroke='white' stroke-width='2.4' stroke-linejoin='round'/%3E%3C/svg%3E";

/// Rows that a browser lays out together: those of a group that is out of sight cost it nothing, and few
/// groups are looked after in the time of a frame. The style and the script know the number too.
const GROUP: usize = 200;

/// A folder on its way out.
#[derive(Debug)]
pub struct Listing {
    form: ListingForm,
    entries: Entries,
    sort: Sort,
    language: Language,
    rights: Rights,
    words: &'static Words,
    /// The folder's path below the root, decoded, without a slash at either end; empty for the root.
    path: Vec<u8>,
    at: At,
}

/// What is written next.
#[derive(Debug, Clone, Copy)]
enum At {
    Head,
    Row(usize),
    End,
}

impl Listing {
    /// The folder at `path`, which is what `plan::needs` made of the request's target: decoded, below
    /// the root. The entries are sorted here: for 100,000 names that takes some 100 ms of a core.
    pub fn new(
        form: ListingForm,
        path: &[u8],
        language: Language,
        sort: Sort,
        mut entries: Entries,
        rights: Rights,
    ) -> Listing {
        entries.sort(sort);
        let path = path.strip_prefix(b"/").unwrap_or(path);
        let path = path.strip_suffix(b"/").unwrap_or(path).to_vec();
        if !rights.read {
            entries = Entries::default();
        }
        let words = language.words();
        Listing { form, entries, sort, language, rights, words, path, at: At::Head }
    }

    /// What stands in every page of its kind as it is, in this order: whoever codes pages can code it once.
    pub fn constants(&self) -> [&'static str; 2] {
        let look = look(self.language, self.rights);
        [look.style, &look.script]
    }

    /// Appends the next pieces until `out` holds `enough` bytes or the listing is whole; `true` if there
    /// is more to come. A piece is a row, or the head of the page, so `out` grows by less than
    /// 64 KiB beyond `enough`.
    pub fn write(&mut self, enough: usize, out: &mut Vec<u8>) -> bool {
        loop {
            self.at = match (self.at, self.form) {
                (At::Head, ListingForm::Html) => self.head(out),
                (At::Head, ListingForm::Json) => self.json_head(out),
                (At::Row(n), _) if n < self.entries.len() => {
                    match self.form {
                        ListingForm::Html => self.row(n, &self.entries.row(n), out),
                        ListingForm::Json => json_row(n, &self.entries.row(n), out),
                    }
                    At::Row(n + 1)
                }
                (At::Row(_), ListingForm::Html) => self.end(out),
                (At::Row(_), ListingForm::Json) => {
                    out.extend_from_slice(b"\n]\n");
                    At::End
                }
                (At::End, _) => return false,
            };
            if matches!(self.at, At::End) {
                return false;
            }
            if out.len() >= enough {
                return true;
            }
        }
    }
}

/// The page.
impl Listing {
    fn head(&self, out: &mut Vec<u8>) -> At {
        let words = self.words;
        let names: Vec<&[u8]> = match &self.path[..] {
            b"" => Vec::new(),
            path => path.split(|byte| *byte == b'/').collect(),
        };
        let root = if self.rights.read { words.root } else { words.inbox };
        let here = names.last().copied().unwrap_or(root.as_bytes());
        let [style, _] = self.constants();
        put(out, &["<!doctype html>\n<html lang=", words.tag, " data-may=\""]);
        for (may, word) in may(self.rights) {
            put(out, &[if may { word } else { "" }]);
        }
        put(out, &["\">\n<meta charset=utf-8>\n"]);
        put(out, &["<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"]);
        put(out, &["<meta name=color-scheme content=\"light dark\">\n<title>"]);
        show::put_title(here, out);
        put(out, &["</title>\n<link rel=icon href=\"", BADGE, "\">\n<style>", style, "</style>\n"]);
        if !self.rights.read {
            put(out, &["<main id=inbox>\n<h1>", words.inbox, "</h1>\n<p>", words.unseen, "</p>\n"]);
            self.acts(out);
            put(out, &["</main>\n"]);
            return At::Row(0);
        }
        put(out, &["<header>\n<nav aria-label=\"", words.way, "\">"]);
        for above in (1..=names.len()).rev() {
            put(out, &["<a href=\"", &"../".repeat(above), self.sort.query(), "\">"]);
            match names.len().checked_sub(above + 1) {
                None => put(out, &[words.root]),
                Some(n) => show::put_html(names[n], out),
            }
            put(out, &["</a><b>/</b>"]);
        }
        put(out, &["<h1>"]);
        show::put_html(here, out);
        put(out, &["</h1></nav>\n<p id=sum>"]);
        self.sum(out);
        put(out, &["</p>\n<input id=filter type=search hidden autocomplete=off spellcheck=false "]);
        put(out, &["placeholder=\"", words.filter, "\" aria-label=\"", words.filter, "\">\n"]);
        self.acts(out);
        // A form and no links: who copies a folder by its links does not want it thrice.
        let hidden = if self.entries.is_empty() { " hidden" } else { "" };
        put(out, &["<form id=pack", hidden, "><span>", words.pack, "</span>"]);
        put(out, &[" <button name=zip>zip</button> <button name=tar>tar</button></form>\n"]);
        put(out, &["</header>\n<main>\n<table id=list>\n<thead><tr>"]);
        self.column(Order::Name, words.name, out);
        self.column(Order::Size, words.size, out);
        self.column(Order::Time, words.time, out);
        put(out, &["</thead>\n"]);
        if !names.is_empty() {
            put(out, &["<tbody id=up><tr><td><a class=u href=\"../", self.sort.query(), "\">"]);
            put(out, &[words.up, "</a><td><td>\n"]);
        }
        At::Row(0)
    }

    /// Where the script puts its buttons, and what there is without it.
    fn acts(&self, out: &mut Vec<u8>) {
        put(out, &["<div id=acts>"]);
        if self.rights.upload {
            put(
                out,
                &["<noscript><form method=post action=\".\" enctype=\"multipart/form-data\">"],
            );
            put(
                out,
                &[
                    "<input type=file name=file multiple required aria-label=\"",
                    self.words.files_to,
                ],
            );
            put(out, &["\"> <button>", self.words.bring, "</button></form>"]);
            // Where the reply to the form leads.
            put(out, &["<p id=saved>", self.words.saved, "</p></noscript>"]);
        }
        put(out, &["</div>\n"]);
    }

    /// The head of a column: a link that sorts by it, or turns the order.
    fn column(&self, by: Order, name: &str, out: &mut Vec<u8>) {
        let sorted = match (self.sort.by == by, self.sort.down) {
            (false, _) => "",
            (true, false) => " aria-sort=ascending",
            (true, true) => " aria-sort=descending",
        };
        // The largest and the latest are looked for more often than the smallest and the oldest.
        let down = if self.sort.by == by { !self.sort.down } else { by != Order::Name };
        let query = match (Sort { by, down }) {
            Sort::USUAL => "?sort=name",
            other => other.query(),
        };
        let zone = if by == Order::Time { " <small>UTC</small>" } else { "" };
        put(out, &["<th scope=col", sorted, "><a href=\"", query, "\">", name, zone, "</a>"]);
    }

    /// `3 folders, 12 files, 4.2 MB`.
    fn sum(&self, out: &mut Vec<u8>) {
        let (words, folders) = (self.words, self.entries.folders());
        let files = self.entries.len() - folders;
        if folders > 0 {
            counted(folders as u64, words.folders, out);
        }
        if folders > 0 && files > 0 {
            put(out, &[words.comma]);
        }
        if files > 0 {
            counted(files as u64, words.files, out);
            put(out, &[words.comma]);
            show::put_size(self.entries.bytes(), out);
        }
    }

    fn row(&self, n: usize, row: &Row<'_>, out: &mut Vec<u8>) {
        if n.is_multiple_of(GROUP) {
            put(out, &["<tbody>\n"]);
        }
        put(out, &["<tr><td><a class=", Icon::of(row).class(), " href=\""]);
        path::encode(row.name, out);
        if row.kind == Kind::Folder {
            put(out, &["/", self.sort.query()]);
        }
        out.extend_from_slice(b"\">");
        show::put_html(row.name, out);
        if row.kind == Kind::Folder {
            out.extend_from_slice(b"</a><td><td>");
        } else {
            out.extend_from_slice(b"</a><td title=\"");
            counted(row.size, self.words.bytes, out);
            out.extend_from_slice(b"\">");
            show::put_size(row.size, out);
            out.extend_from_slice(b"<td>");
        }
        show::put_time(row.mtime, out);
        out.push(b'\n');
    }

    fn end(&self, out: &mut Vec<u8>) -> At {
        let words = self.words;
        if !self.rights.read {
            self.script(out);
            return At::End;
        }
        put(out, &["</table>\n"]);
        if self.entries.is_empty() {
            put(out, &["<p class=none>", words.empty, "</p>\n"]);
        }
        if let Some(n) = self.entries.first_of(words.readme) {
            let row = self.entries.row(n);
            put(out, &["<section id=readme><h2><a class=t href=\""]);
            path::encode(row.name, out);
            put(out, &["\">"]);
            show::put_html(row.name, out);
            put(out, &["</a></h2></section>\n"]);
        }
        put(out, &["</main>\n<footer><span id=keys hidden>", words.keys, "</span>"]);
        put(out, &["<a href=\"?json\">", words.json, "</a></footer>\n"]);
        self.script(out);
        At::End
    }

    fn script(&self, out: &mut Vec<u8>) {
        put(out, &["<script>", self.constants()[1], "</script>\n"]);
    }
}

/// The form for programs.
impl Listing {
    fn json_head(&self, out: &mut Vec<u8>) -> At {
        out.push(b'[');
        At::Row(0)
    }
}

/// `{"name":"a.txt","href":"a.txt","kind":"file","size":5,"mtime":1700000000}`: a name that is no UTF-8 is
/// `name_base64` instead, a folder has no size, `href` is what to ask for.
fn json_row(n: usize, row: &Row<'_>, out: &mut Vec<u8>) {
    put(out, &[if n > 0 { ",\n{" } else { "\n{" }]);
    match std::str::from_utf8(row.name) {
        Ok(name) => {
            put(out, &["\"name\":"]);
            show::put_json(name, out);
        }
        Err(_) => put(out, &["\"name_base64\":\"", &STANDARD.encode(row.name), "\""]),
    }
    put(out, &[",\"href\":\""]);
    path::encode(row.name, out);
    match row.kind {
        Kind::Folder => put(out, &["/\",\"kind\":\"folder\""]),
        Kind::File => put(out, &["\",\"kind\":\"file\",\"size\":", &row.size.to_string()]),
    }
    put(out, &[",\"mtime\":", &row.mtime.to_string(), "}"]);
}

/// What the script asks for before it offers anything.
fn may(rights: Rights) -> [(bool, &'static str); 6] {
    let Rights { read, upload, replace, make, rename, delete } = rights;
    [
        (read, "read "),
        (upload, "upload "),
        (replace, "replace "),
        (make, "make "),
        (rename, "rename "),
        (delete, "delete"),
    ]
}

fn put(out: &mut Vec<u8>, texts: &[&str]) {
    for text in texts {
        out.extend_from_slice(text.as_bytes());
    }
}

fn counted(number: u64, (one, many): (&str, &str), out: &mut Vec<u8>) {
    show::put_grouped(number, out);
    put(out, &[if number == 1 { one } else { many }]);
}
