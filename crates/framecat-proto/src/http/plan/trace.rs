//! TRACE: a request answered with itself (RFC 9110 section 9.3.8).

use super::super::{Content, Field, Length, Reply, Request, Target, Version, Why};
use super::because;

const TRACED: Why = Why { rule: "TRACE came with content", section: "RFC 9110 section 9.3.8" };

/// The request as it was understood, without what is secret in it.
pub(super) fn trace(request: &Request<'_>) -> Reply {
    if !matches!(request.length, Length::None | Length::Bytes(0)) {
        return because(400, TRACED);
    }
    let mut echo = Vec::with_capacity(request.len);
    let mut put = |text: &str| echo.extend_from_slice(text.as_bytes());
    put(request.method.as_str());
    put(" ");
    let mut put_target = |path: &str, query: Option<&str>| {
        put(path);
        if let Some(query) = query {
            put("?");
            put(query);
        }
    };
    match request.target {
        Target::Origin { path, query } => put_target(path, query),
        Target::Absolute { scheme, authority, path, query } => {
            put_target(&format!("{scheme}://{authority}{path}"), query);
        }
        Target::Authority(authority) => put_target(authority, None),
        Target::Asterisk => put_target("*", None),
    }
    echo.extend_from_slice(match request.version {
        Version::Http10 => b" HTTP/1.0\r\n",
        Version::Http11 => b" HTTP/1.1\r\n",
    });
    let secret = ["cookie", "authorization", "proxy-authorization"];
    for Field { name, value } in request.fields.iter() {
        if !secret.iter().any(|secret| name.eq_ignore_ascii_case(secret)) {
            echo.extend_from_slice(name.as_bytes());
            echo.extend_from_slice(b": ");
            echo.extend_from_slice(value);
            echo.extend_from_slice(b"\r\n");
        }
    }
    echo.extend_from_slice(b"\r\n");
    let mut reply = Reply::new(200);
    reply.field("Content-Type", "message/http");
    reply.field("X-Content-Type-Options", "nosniff");
    reply.field("Cache-Control", "no-store");
    reply.body = Content::Bytes(echo);
    reply
}
