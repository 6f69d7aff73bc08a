//! What follows from the calls between connect and accept: states, counts, order.

use super::super::{all_so, must_be};
use crate::evidence::{Evidence, Verdict};
use crate::lang::say;

/// The thread slept in accept until a client came: by the scheduler and by the order of events.
pub(super) fn accept_blocks(seen: &Evidence) -> Verdict {
    let (called, connect, back) = (
        seen.count("accept_called_us"),
        seen.count("connect_called_us"),
        seen.count("accept_returned_us"),
    );
    let claims = [
        must_be(seen, "thread_before", "sleeping"),
        (
            called <= connect && connect <= back,
            say!(
                "accept came back after {back} us and connect was called at {connect}",
                "accept 在 {back} 微秒返回，connect 在 {connect} 微秒才调用"
            ),
        ),
        must_be(seen, "nobody_there", "EAGAIN"),
        must_be(seen, "somebody_there", "0"),
    ];
    let nobody = seen.word("nobody_there");
    all_so(
        claims,
        say!(
            "asleep until connect; told not to wait: {nobody}",
            "一直睡到 connect；不许等则得 {nobody}"
        ),
    )
}

/// Two descriptors, one that listens and one that talks, and the client's own address.
pub(super) fn accept_new(seen: &Evidence) -> Verdict {
    let (listening, new) = (seen.count("listening_fd"), seen.count("new_fd"));
    let client = seen.word("client_name");
    let claims = [
        (listening != new, say!("accept gave {new} back", "accept 返回的还是 {new}")),
        must_be(seen, "address_given", client),
        (
            seen.flag("listening_accepts") && !seen.flag("new_accepts"),
            say!("it is not the first alone that listens", "并不是只有原来的套接字在监听"),
        ),
        (
            seen.flag("same_own_name"),
            say!("the new socket has another name of its own", "新套接字自己的地址变了"),
        ),
        (
            seen.word("send_on_listening") != "0" && seen.word("recv_on_listening") != "0",
            say!("one can talk on the listening socket", "监听套接字也能收发"),
        ),
        must_be(seen, "heard_from_new", "hi"),
    ];
    all_so(
        claims,
        say!("accept({listening}) = {new}, {client}", "accept({listening}) = {new}，{client}"),
    )
}

/// The conversation goes on without the listener; nothing else does.
pub(super) fn two_sockets(seen: &Evidence) -> Verdict {
    let claims = [
        must_be(seen, "server_heard", "still there?"),
        must_be(seen, "client_heard", "yes"),
        must_be(seen, "new_client", "ECONNREFUSED"),
        must_be(seen, "not_yet_accepted", "ECONNRESET"),
        (
            seen.list("sockets_of_the_server").len() > seen.list("sockets_of_the_client").len(),
            say!("both ends have as many sockets", "两端的套接字一样多"),
        ),
    ];
    let new = seen.word("new_client");
    all_so(claims, say!("door closed, talk goes on; new: {new}", "关监听，对话继续；新来的 {new}"))
}

/// Each client of those at once got its own words back, and so did those that came later.
pub(super) fn listen_many(seen: &Evidence) -> Verdict {
    let (given, back) = (seen.list("at_once_given"), seen.list("at_once_came_back"));
    let mut sockets = seen.list("at_once_sockets");
    let (clients, listening) = (given.len(), seen.count("listening_fd"));
    sockets.sort_unstable();
    sockets.dedup();
    let own = sockets.len();
    let (later, echoed) = (seen.count("later_clients"), seen.count("later_echoed"));
    let claims = [
        (
            clients > 1 && given == back,
            say!("not every client got its own words back", "有客户端收到的不是自己的话"),
        ),
        (
            own == clients && !sockets.contains(&listening.to_string().as_str()),
            say!("{clients} clients, {own} sockets", "{clients} 个客户端，{own} 个套接字"),
        ),
        (
            later > 0 && echoed == later,
            say!(
                "later {later} came, {echoed} were served",
                "后来的 {later} 个，服务了 {echoed} 个"
            ),
        ),
        (
            seen.flag("still_listening"),
            say!("the listening socket listens no more", "监听套接字不再监听"),
        ),
    ];
    all_so(
        claims,
        say!(
            "{clients} clients at once, then {later} more, by socket {listening}",
            "同时 {clients} 个，之后 {later} 个，都靠套接字 {listening}"
        ),
    )
}

/// Connected, counted and heard before accept; refused before listen.
pub(super) fn handshake(seen: &Evidence) -> Verdict {
    let (connected, accept) = (seen.count("connected_us"), seen.count("accept_called_us"));
    let (out, back) = (seen.count("segments_out"), seen.count("segments_in"));
    let again = seen.count("segments_again");
    let (before, after) = (seen.count("queue_before_accept"), seen.count("queue_after_accept"));
    let claims = [
        must_be(seen, "connect_before_listen", "ECONNREFUSED"),
        must_be(seen, "connect_after_listen", "0"),
        must_be(seen, "client_state", "ESTABLISHED"),
        must_be(seen, "server_state", "ESTABLISHED"),
        (
            connected <= accept && before == 1 && after == 0,
            say!(
                "{before} waited before accept, {after} after it",
                "accept 之前等着 {before} 个，之后 {after} 个"
            ),
        ),
        // Those that were lost and sent again do not count.
        (
            out == 2 + again && back >= 1,
            say!("{out} segments out, {back} in", "发出 {out} 个报文段，收到 {back} 个"),
        ),
        (
            seen.flag("accepted_the_client"),
            say!("accept gave another client", "accept 得到的是别的客户端"),
        ),
        must_be(seen, "heard", "hello"),
    ];
    all_so(
        claims,
        say!(
            "{out} segments out, {back} in: connected before accept",
            "发 {out} 收 {back} 个报文段，accept 之前已连上"
        ),
    )
}
