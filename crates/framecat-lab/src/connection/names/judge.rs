//! What follows from names and from what bind returned.

use super::super::{all_so, must_be};
use crate::evidence::{Evidence, Verdict};
use crate::lang::say;

/// Two connections share one end's name and differ in the other's; bytes keep to their pair.
pub(super) fn socket_name(seen: &Evidence) -> Verdict {
    let word = |name: &str| seen.word(name).to_string();
    let (first, second, server) = (word("first_name"), word("second_name"), word("first_peer"));
    let claims = [
        (first != second, say!("both clients are called {first}", "两个客户端都叫 {first}")),
        must_be(seen, "second_peer", &server),
        must_be(seen, "for_first_name", &server),
        must_be(seen, "for_second_name", &server),
        must_be(seen, "for_first_peer", &first),
        must_be(seen, "for_second_peer", &second),
        must_be(seen, "for_first_heard", "one"),
        must_be(seen, "for_second_heard", "two"),
        must_be(seen, "same_port_for_udp", "0"),
        must_be(seen, "same_name_other_server", "0"),
        must_be(seen, "same_name_same_server", "EADDRNOTAVAIL"),
    ];
    let port = |name: &str| name.rsplit(':').next().unwrap_or_default().to_string();
    let (first, second, server) = (port(&first), port(&second), port(&server));
    all_so(
        claims,
        say!(
            "{first}-{server}, {second}-{server}; the same again: no",
            "{first}-{server}、{second}-{server}；同一对再连：不行",
        ),
    )
}
