//! Expect: RFC 9110 section 10.1.1. Where it is waited, the content is sent only once an answer came.

use super::{Case, may, must};

#[rustfmt::skip] // A row a case.
pub(super) const CASES: &[Case] = &[
    must("expect-of-post", "9110 10.1.1", "{POST}Expect: 100-continue\nContent-Length: 3\n\n{wait}abc", "!1xx, either"),
    must("expect-of-get", "9110 10.1.1", "{GET}Expect: 100-continue\nContent-Length: 3\n\n{wait}abc", "200|4xx file, either"),
    must("expect-of-head", "9110 10.1.1", "{HEAD}Expect: 100-continue\nContent-Length: 3\n\n{wait}abc", "200|4xx head, either"),
    must("expect-of-put", "9110 10.1.1", "PUT /framecat-missing HTTP/1.1\nHost: {host}\nIf-Match: *\nExpect: 100-continue\nContent-Length: 3\n\n{wait}abc", "4xx|501, either"),
    must("expect-of-missing", "9110 10.1.1", "GET /framecat-missing HTTP/1.1\nHost: {host}\nExpect: 100-continue\nContent-Length: 3\n\n{wait}abc", "4xx, either"),
    must("expect-of-unknown-method", "9110 10.1.1", "{BREW}Expect: 100-continue\nContent-Length: 3\n\n{wait}abc", "!1xx, either"),
    must("expect-case", "9110 10.1.1", "{POST}Expect: 100-CONTINUE\nContent-Length: 3\n\n{wait}abc", "!1xx, either"),
    must("expect-name-case", "9110 10.1.1", "{POST}eXPECT: 100-continue\nContent-Length: 3\n\n{wait}abc", "!1xx, either"),
    must("expect-with-chunks", "9110 10.1.1", "{POST}Expect: 100-continue\nTransfer-Encoding: chunked\n\n{wait}3\nabc\n0\n\n", "!1xx, either"),
    must("expect-and-close", "9110 10.1.1", "{POST}Expect: 100-continue\nConnection: close\nContent-Length: 3\n\n{wait}abc", "!1xx, close"),
    must("expect-not-waited", "9110 10.1.1", "{POST}Expect: 100-continue\nContent-Length: {smuggled-length}\n\n{smuggled}", "!1xx, either"),
    must("expect-without-content", "9110 10.1.1", "{GET}Expect: 100-continue\n\n", "200|4xx file, either"),
    must("expect-of-length-0", "9110 10.1.1", "{GET}Expect: 100-continue\nContent-Length: 0\n\n", "200|4xx file, either"),
    must("expect-in-1.0", "9110 10.1.1", "POST {path} HTTP/1.0\nHost: {host}\nExpect: 100-continue\nContent-Length: 3\n\nabc", "!1xx no-1xx, close"),
    must("expect-in-1.0-of-get", "9110 10.1.1", "GET {path} HTTP/1.0\nHost: {host}\nExpect: 100-continue\n\n", "200 file no-1xx, close"),
    must("expect-in-1.0-kept-alive", "9110 10.1.1", "GET {path} HTTP/1.0\nHost: {host}\nConnection: keep-alive\nExpect: 100-continue\nContent-Length: 3\n\nabc", "200|4xx file no-1xx, either"),
    must("expect-with-bad-length", "9112 6.3", "{POST}Expect: 100-continue\nContent-Length: a\n\n", "400, close"),
    must("expect-without-host", "9112 3.2", "POST {path} HTTP/1.1\nExpect: 100-continue\nContent-Length: 3\n\n{wait}abc", "400, either"),
    may("expect-unknown", "9110 10.1.1", "{GET}Expect: framecat\n\n", "417|200 file, either"),
    may("expect-unknown-beside", "9110 10.1.1", "{POST}Expect: 100-continue, framecat\nContent-Length: 3\n\n{wait}abc", "!1xx, either"),
];
