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

/// Refused where the name is taken or not ours, and given by the kernel where none was asked for.
pub(super) fn bind(seen: &Evidence) -> Verdict {
    let port = |name: &str| {
        let name = seen.word(name);
        name.rsplit(':').next().unwrap_or_default().to_string()
    };
    let (before, given, chosen) = (port("name_before"), port("given"), port("chosen_by_connect"));
    let not_ours = if seen.flag("nonlocal_bind") { "0" } else { "EADDRNOTAVAIL" };
    let claims = [
        (before == "0", say!("a new socket has port {before}", "新套接字的端口是 {before}")),
        (
            given != "0" && chosen != "0",
            say!(
                "bind gave port {given} and connect {chosen}",
                "bind 给的端口是 {given}，connect 给的是 {chosen}"
            ),
        ),
        must_be(seen, "in_use", "EADDRINUSE"),
        must_be(seen, "second_bind", "EINVAL"),
        must_be(seen, "not_ours", not_ours),
        (
            seen.flag("path_is_a_socket"),
            say!("no socket stands at the path", "路径上没有套接字文件"),
        ),
        must_be(seen, "path_in_use", "EADDRINUSE"),
        must_be(seen, "path_left_over", "EADDRINUSE"),
        must_be(seen, "path_removed", "0"),
    ];
    let in_use = seen.word("in_use");
    all_so(
        claims,
        say!(
            "port 0 gave {given}; bound twice: {in_use}",
            "端口 0 得到 {given}；重复绑定 {in_use}"
        ),
    )
}

/// Of the four only both-with-it may take a port in TIME_WAIT, and none one that is listened on.
pub(super) fn reuseaddr(seen: &Evidence) -> Verdict {
    let claims = [
        must_be(seen, "neither_time_wait", "EADDRINUSE"),
        must_be(seen, "old_time_wait", "EADDRINUSE"),
        must_be(seen, "new_time_wait", "EADDRINUSE"),
        must_be(seen, "both_time_wait", "0"),
        must_be(seen, "neither_while_listening", "EADDRINUSE"),
        must_be(seen, "old_while_listening", "EADDRINUSE"),
        must_be(seen, "new_while_listening", "EADDRINUSE"),
        must_be(seen, "both_while_listening", "EADDRINUSE"),
        (
            !seen.flag("slip_reuses") && seen.word("slip_bind") != "0",
            say!(
                "the notes' socket(SOL_SOCKET, ...) did set the option",
                "笔记里的 socket(SOL_SOCKET, ...) 真的设上了选项"
            ),
        ),
    ];
    let (both, new) = (seen.word("both_time_wait"), seen.word("new_time_wait"));
    all_so(
        claims,
        say!("both with it: {both}; new alone: {new}", "新旧都设：{both}；只有新的设：{new}"),
    )
}
