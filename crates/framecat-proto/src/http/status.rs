//! The small page that comes with a status that is no success.

use super::head::reason;
use super::{Content, Reply};

/// What a person is told of a status where nothing more is known.
fn sentence(status: u16) -> &'static str {
    match status {
        401 => "A user and a password are asked for here.",
        403 => "It is there, but this server may not read it.",
        404 => "Nothing is served at this address.",
        405 => "This server only reads: it answers GET, HEAD and OPTIONS.",
        406 => "It is there, but in no coding that was asked for.",
        408 => "The request did not arrive in time.",
        409 => "A file has this name, and none is replaced here.",
        412 => "It is not what the request expects it to be.",
        413 => "The request brings more than this server takes.",
        414 => "The address is longer than 8,192 bytes.",
        415 => "The request brings something in a form that is not taken here.",
        416 => "The part that was asked for is behind its end.",
        417 => "The request expects something this server does not know.",
        421 => "The address names a host that this server is not.",
        431 => "The request has more than 100 fields, or more than 32 KiB of them.",
        500 => "It could not be read.",
        501 => "The request has a method or a coding that this server does not know.",
        503 => "Too many are served just now.",
        507 => "The disk of this server has no room for it.",
        505 => "This server speaks HTTP/1.1 and HTTP/1.0.",
        _ => "The request is not one that RFC 9112 allows.",
    }
}

/// The same in Chinese, of what a reader of pages may meet: who asked for the page, and in which language, is
/// not known everywhere it is made, so both stand there.
fn chinese(status: u16) -> Option<&'static str> {
    Some(match status {
        401 => "需要用户名和密码。",
        403 => "不允许这样做。",
        404 => "这个地址没有内容。",
        409 => "名称已被占用，或者与现有内容冲突。",
        413 => "超过服务器允许的大小。",
        421 => "地址中的主机名不属于这台服务器。",
        500 => "服务器没能完成。",
        503 => "服务器正忙，请稍后再试。",
        507 => "服务器磁盘已满。",
        _ => return None,
    })
}

/// Its colours are those of a folder's page.
const STYLE: &str = "body{margin:15vh auto 0;max-width:34rem;padding:0 1.5rem;\
    font:1rem/1.5 system-ui,sans-serif;background:#f6f7f8;color:#1b1f24}h1{font-size:1.5rem}\
    a{color:#0a5fb4}@media(prefers-color-scheme:dark){body{background:#121518;color:#e7eaed}\
    a{color:#7ab8f5}}";

/// The fields of the page. The hash is that of [`STYLE`]: a browser says so where it is not.
pub(super) const PAGE: &[u8] = b"Content-Type: text/html; charset=utf-8\r\n\
    Content-Security-Policy: default-src 'none'; \
    style-src 'sha256-jYNlE/xc0KQaYOXXAMK8+PyTYylUgdtBpiDyVbRjyBM='; frame-ancestors 'none'\r\n\
    X-Content-Type-Options: nosniff\r\n\
    Cache-Control: no-store\r\n";
/// Those of a line of text.
pub(super) const TEXT: &[u8] = b"Content-Type: text/plain; charset=utf-8\r\n\
    X-Content-Type-Options: nosniff\r\n\
    Cache-Control: no-store\r\n";

/// A reply with a page of a few words for a person: `words`, or what the status says by itself.
///
/// Nothing of the request is in it, unless it is in `words`; these are escaped.
pub fn page(status: u16, words: Option<&str>) -> Reply {
    let words = words.unwrap_or(sentence(status));
    let mut reply = Reply::new(status);
    reply.fields.extend_from_slice(PAGE);
    let mut html = format!(
        "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n\
         <meta name=viewport content=\"width=device-width\">\n\
         <meta name=color-scheme content=\"light dark\">\n\
         <title>{status} {reason}</title>\n<style>{STYLE}</style>\n\
         <h1>{status} {reason}</h1>\n<p>",
        reason = reason(status)
    );
    escape(words, &mut html);
    html.push_str("</p>\n");
    if let Some(words) = chinese(status) {
        html.extend(["<p lang=zh-CN>", words, "</p>\n"]);
    }
    html.push_str("<p><a href=\"/\">Files · 文件</a></p>\n");
    reply.body = Content::Page { html: html.into_bytes(), words: words.into() };
    reply
}

/// Appends text so that it stays text in an element and in an attribute.
pub(super) fn escape(text: &str, html: &mut String) {
    for char in text.chars() {
        match char {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            char if char.is_control() => html.push('\u{fffd}'),
            char => html.push(char),
        }
    }
}
