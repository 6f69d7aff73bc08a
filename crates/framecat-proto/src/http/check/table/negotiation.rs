//! Negotiation and what has no say in it: RFC 9110 sections 8.7 and 12.

use super::{Case, may, must, should};

#[rustfmt::skip] // A row a case.
pub(super) const CASES: &[Case] = &[
    should("accept-encoding-identity", "9110 12.5.3", "{GET}Accept-Encoding: identity\n\n", "200 file no:Content-Encoding, open"),
    should("accept-encoding-empty", "9110 12.5.3", "{GET}Accept-Encoding:\n\n", "200 file no:Content-Encoding, open"),
    should("accept-encoding-unknown", "9110 12.5.3", "{GET}Accept-Encoding: framecat\n\n", "200 file no:Content-Encoding, open"),
    must("accept-encoding-refuses-gzip", "9110 12.5.3", "{GET}Accept-Encoding: gzip;q=0, br;q=0, zstd;q=0, deflate;q=0\n\n", "200 file no:Content-Encoding, open"),
    must("accept-encoding-refuses-all-else", "9110 12.5.3", "{GET}Accept-Encoding: identity, *;q=0\n\n", "200 file no:Content-Encoding, open"),
    must("accept-encoding-q-0.000", "9110 12.4.2", "{GET}Accept-Encoding: gzip;q=0.000, br;q=0., *;q=0.0, identity\n\n", "200 file no:Content-Encoding, open"),
    must("accept-encoding-q-case", "9110 12.4.2", "{GET}Accept-Encoding: gzip;Q=0, br ; q=0, *;q=0, identity\n\n", "200 file no:Content-Encoding, open"),
    should("accept-encoding-gzip", "9110 12.5.3", "{GET}Accept-Encoding: gzip, br, zstd, deflate\n\n", "200, open"),
    may("accept-encoding-refuses-identity", "9110 12.5.3", "{GET}Accept-Encoding: identity;q=0\n\n", "200|406|415, either"),
    may("accept-encoding-refuses-everything", "9110 12.5.3", "{GET}Accept-Encoding: *;q=0\n\n", "200|406|415, either"),
    may("accept-encoding-garbage", "9110 12.5.3", "{GET}Accept-Encoding: ;;q=,=,gzip;q=9;q\n\n", "200|400, either"),
    may("accept-other", "9110 12.5.1", "{GET}Accept: application/framecat\n\n", "200|406 file, either"),
    may("accept-garbage", "9110 12.5.1", "{GET}Accept: ///;;q=\n\n", "200|400|406 file, either"),
    may("accept-language-other", "9110 12.5.4", "{GET}Accept-Language: tlh;q=0.5, *;q=0\n\n", "200|406 file, either"),
    may("accept-charset", "9110 12.5.2", "{GET}Accept-Charset: framecat\n\n", "200|406 file, either"),
    must("content-location-changes-nothing", "9110 8.7", "{GET}Content-Location: /framecat-missing\n\n", "200 file, open"),
    must("content-range-changes-nothing", "9110 14.4", "{GET}Content-Range: bytes 0-9/100\n\n", "200 file, open"),
    should("fields-of-answers-change-nothing", "9110 5.1", "{GET}ETag: \"a\"\nLocation: /framecat-missing\nAllow: BREW\nVary: *\n\n", "200 file, open"),
    should("authorization-not-asked-for", "9110 11.6.2", "{GET}Authorization: Basic ZnJhbWU6Y2F0\n\n", "200|401 file, either"),
    should("no-cache", "9110 5.1", "{GET}Cache-Control: no-cache, no-store\nPragma: no-cache\n\n", "200 file, open"),
    should("from-and-referer", "9110 10.1.2", "{GET}From: a@example.com\nReferer: http://example.com/\nUser-Agent: a/1 (b)\n\n", "200 file, open"),
    should("validators-sent", "9110 15.3.1", "{GET}\n", "200 has:ETag has:Last-Modified, open"),
    must("validators-steady", "9110 8.8.1", "{GET}\n", "200 file as-get, open"),
];
