//! Methods: RFC 9110 section 9. What could change the server is sent to what is not there, under a
//! condition that nothing missing meets.

use super::{Case, may, must, should};

#[rustfmt::skip] // A row a case.
pub(super) const CASES: &[Case] = &[
    must("head", "9110 9.3.2", "{HEAD}\n", "200 head, open"),
    should("head-as-get", "9110 9.3.2", "{HEAD}\n", "200 head as-get, open"),
    must("head-then-get", "9110 9.3.2", "{HEAD}\n{GET}\n", "200 head + 200 file, open"),
    must("head-of-missing", "9110 9.3.2", "HEAD /framecat-missing HTTP/1.1\nHost: {host}\n\n", "404 head, either"),
    must("head-of-bad", "9110 9.3.2", "HEAD {path} HTTP/1.1\nHost: a b\n\n", "400 head, either"),
    must("head-ignores-range", "9110 14.2", "{HEAD}Range: bytes=0-9\n\n", "200 head as-get, open"),
    must("head-ignores-bad-range", "9110 14.2", "{HEAD}Range: bytes={size}-\n\n", "200 head as-get, open"),
    must("method-case", "9110 9.1", "get {path} HTTP/1.1\nHost: {host}\n\n", "4xx|501, either"),
    must("method-case-mixed", "9110 9.1", "Get {path} HTTP/1.1\nHost: {host}\n\n", "4xx|501, either"),
    must("method-case-of-head", "9110 9.1", "head {path} HTTP/1.1\nHost: {host}\n\n", "4xx|501, either"),
    must("method-longer-than-get", "9110 9.1", "GETS {path} HTTP/1.1\nHost: {host}\n\n", "4xx|501, either"),
    should("method-unknown", "9110 9.1", "{BREW}\n", "501, either"),
    should("method-unknown-of-all-tchars", "9110 9.1", "!#$%&'*+-.^_`|~09AZ {path} HTTP/1.1\nHost: {host}\n\n", "501, either"),
    should("method-unknown-of-missing", "9110 9.1", "BREW /framecat-missing HTTP/1.1\nHost: {host}\n\n", "501|404, either"),
    should("options", "9110 9.3.7", "{OPTIONS}\n", "200|204|405 has:Allow, either"),
    should("options-of-missing", "9110 9.3.7", "OPTIONS /framecat-missing HTTP/1.1\nHost: {host}\n\n", "2xx|4xx|501, either"),
    must("options-ignores-if-match", "9110 13.2.1", "{OPTIONS}If-Match: \"framecat\"\n\n", "2xx|405|501, either"),
    must("options-ignores-if-none-match", "9110 13.2.1", "{OPTIONS}If-None-Match: *\n\n", "2xx|405|501, either"),
    must("options-ignores-dates", "9110 13.2.1", "{OPTIONS}If-Unmodified-Since: Thu, 01 Jan 1970 00:00:01 GMT\n\n", "2xx|405|501, either"),
    must("options-ignores-range", "9110 14.2", "{OPTIONS}Range: bytes=0-9\n\n", "200|204|205|405|501, either"),
    should("options-for-the-first", "9110 7.6.2", "{OPTIONS}Max-Forwards: 0\n\n", "2xx|405|501, either"),
    should("trace", "9110 9.3.8", "{TRACE}\n", "200|405|501 trace, either"),
    should("trace-for-the-first", "9110 9.3.8", "{TRACE}Max-Forwards: 0\n\n", "200|405|501 trace, either"),
    should("trace-hides-secrets", "9110 9.3.8", "{TRACE}Cookie: framecat-secret\nAuthorization: Basic framecat-secret\n\n", "200|405|501 trace lacks:framecat-secret, either"),
    must("trace-ignores-conditions", "9110 13.2.1", "{TRACE}If-Match: \"framecat\"\nIf-None-Match: *\n\n", "200|405|501 trace, either"),
    must("get-ignores-max-forwards", "9110 7.6.2", "{GET}Max-Forwards: 0\n\n", "200 file, open"),
    should("put-under-false-condition", "9110 13.1.1", "PUT /framecat-missing HTTP/1.1\nHost: {host}\nIf-Match: *\nContent-Length: 3\n\nabc", "4xx|501, either"),
    should("put-with-range", "9110 14.5", "PUT /framecat-missing HTTP/1.1\nHost: {host}\nIf-Match: *\nContent-Range: bytes 0-2/10\nContent-Length: 3\n\nabc", "4xx|501, either"),
    should("delete-of-missing", "9110 9.3.5", "DELETE /framecat-missing HTTP/1.1\nHost: {host}\nIf-Match: *\n\n", "4xx|501, either"),
    may("post", "9110 9.3.3", "{POST}Content-Length: 3\n\nabc", "!1xx, either"),
    may("patch-of-missing", "9110 9.1", "PATCH /framecat-missing HTTP/1.1\nHost: {host}\nIf-Match: *\nContent-Length: 2\n\n{x7B}{x7D}", "4xx|501, either"),
    must("head-of-missing-as-get", "9110 8.6", "GET /framecat-missing HTTP/1.1\nHost: {host}\n\nHEAD /framecat-missing HTTP/1.1\nHost: {host}\n\n", "404 + 404 head as-first, either"),
    must("head-of-412-as-get", "9110 8.6", "{GET}If-Match: \"framecat\"\n\n{HEAD}If-Match: \"framecat\"\n\n", "412 + 412 head as-first, either"),
    must("head-1.0", "9110 9.3.2", "HEAD {path} HTTP/1.0\nHost: {host}\nConnection: close\n\n", "200 head as-get, close"),
    must("method-that-begins-like-head", "9110 9.1", "HEADS {path} HTTP/1.1\nHost: {host}\n\n", "4xx|501, either"),
];
