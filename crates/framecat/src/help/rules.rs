//! Exit codes, and what happens at the end of a conversation, as tables for people to read.

/// An exit code.
#[derive(Debug, Clone, Copy)]
pub struct Exit {
    /// The code.
    pub code: u8,
    /// What it means.
    pub means: &'static str,
    /// Cases that one might ask about.
    pub more: &'static str,
}

const fn exit(code: u8, means: &'static str, more: &'static str) -> Exit {
    Exit { code, means, more }
}

/// Every exit code of this release.
pub const EXITS: &[Exit] = &[
    exit(
        0,
        "all done",
        "also when stdout is closed (| head), after --idle, and for a listener that drained after a \
         signal",
    ),
    exit(
        1,
        "the conversation failed",
        "reset, broken pipe; a program of exec: that failed; --count or --until not met at the end; lab: \
         a law was not shown; send and receive: the other side said no, ended it or was gone",
    ),
    exit(2, "the command was wrong", "the second line tells what to type"),
    exit(3, "the name was not resolved", ""),
    exit(4, "refused or unreachable", "also a datagram refused by its host (ICMP)"),
    exit(
        5,
        "timed out, no answer",
        "--wait, --deadline; ask without any reply; datagrams to which nobody ever answered; nobody came to \
         send or receive",
    ),
    exit(
        6,
        "not trusted",
        "tls: a certificate, key, version or protocol was refused by either side, or no TLS was spoken; send \
         and receive: the code is another one, or was wrong too often",
    ),
    exit(
        7,
        "framing broken or message cut",
        "the stream ended inside a message; --tail decides. tls: it ended without TLS's own end",
    ),
    exit(8, "what came is not what was recorded", "--replay FILE --expect"),
    exit(
        9,
        "only part was done",
        "ask with fewer replies than messages, or that stopped for want of one; a message that the framing or form cannot hold; \
         send and receive: a file is missing there, each is told with why",
    ),
    exit(
        10,
        "stdout or a file full or not writable",
        "the disk is full; file:PATH,create and the file is there; also the file of --record; lab: the \
         report cannot be written; receive: no room for what is offered",
    ),
    exit(130, "interrupted by SIGINT", "before the work was done"),
    exit(143, "interrupted by SIGTERM", "before the work was done"),
];

/// A rule of the end of a conversation.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// What ends.
    pub when: &'static str,
    /// What follows.
    pub then: &'static str,
}

const fn rule(when: &'static str, then: &'static str) -> Rule {
    Rule { when, then }
}

/// What happens when something ends.
pub const EOF: &[Rule] = &[
    rule(
        "stdin ends",
        "What was read is sent, our sending half is closed, and we read on until the peer ends (nc \
         needs -N for it).",
    ),
    rule("the peer ends, stdin is a terminal", "What it sent is printed; exit 0."),
    rule(
        "the peer ends, stdin is no terminal",
        "Stdin is sent to its end, or to the first send that fails (told). A pipe silent for 1 s \
         after the peer's end is left, exit 0; --half-open waits for ever.",
    ),
    rule(
        "the peer ends, --echo, --reply or --exec-each",
        "Stdin plays no part. The connection closes once the answers are out; the listener goes on.",
    ),
    rule(
        "the peer ends, --chat",
        "It gets what is under way to it, and the connection closes; with --half-open it hears the \
         others until it closes itself. Stdin's messages go to all peers, its end ends nothing.",
    ),
    rule(
        "one direction of a relay ends",
        "That direction is closed, and only that; both ended, both closed.",
    ),
    rule(
        "a program (exec:, --exec)",
        "Its stdin ends when the other side does, and we read its stdout to the end. Then it has 5 s to \
         end, 1 s if we ended first, and is sent SIGTERM and 2 s later SIGKILL. Exit code 1 if it failed \
         by itself; none of it is left behind.",
    ),
    rule(
        "a program (--exec-each)",
        "It is started for each message of a connection, one after another, and at most --max-clients \
         of it run. It ends as above; one that fails, says more than --max-message or what the framing cannot hold \
         answers nothing, which is told with the number of the message and makes the exit code 9. One \
         that never ends holds up its peer: --exec-each 'timeout 5 PROGRAM'. After a signal it has 5 s.",
    ),
    rule(
        "a file",
        "Read, it ends behind its last byte; what is sent to it is told and lost (exit 9, for connect \
         2). Written, it ends when we \
         do. A relay that begins with exec:, file: or - ends with its one conversation, and its exit code is \
         that conversation's.",
    ),
    rule(
        "relay --shared, or to broadcast:// or multicast://",
        "When the dial ends, all clients get what it said and the end, nobody else is let in, and the \
         relay ends with the last of them; it does not dial again. If the dial is reset, so are they: \
         exit 1. A client that has ended hears on until it closes, for --idle at most.",
    ),
    rule(
        "datagrams",
        "They have no end. After stdin's end we stay --wait (2 s) after the last one: exit 0, or 5 \
         if none ever came. A refusal by ICMP is 4.",
    ),
    rule(
        "ask gets no reply in time",
        "What is left is not asked on this connection, for a late reply would pass for the next one's: \
         exit 9, or 5 if there was none at all. Over datagrams the next is asked from another port; \
         --short dials for each message.",
    ),
    rule(
        "--short",
        "Each message has a connection, which ends after the reply (ask), or when the peer ends or is \
         silent for --wait (connect, 2 s). One that cannot be dialled ends all.",
    ),
    rule("stdout is closed (| head)", "The end, quietly, exit 0. Full or not writable: exit 10."),
    rule(
        "SIGINT, SIGTERM",
        "No new peers, messages in hand are finished, at most 5 s. A second one ends at once.",
    ),
    rule(
        "a stream ends inside a message",
        "The message is cut: reported, never printed as whole; exit 7 unless the framing keeps its \
         tail. --tail keep|drop|error decides otherwise.",
    ),
    rule(
        "tls: a stream ends without TLS's end",
        "It may be cut: exit 7 where the end of the stream is the only one (raw, eof, the last line \
         without its ending). Messages with an end of their own are whole. --tail keep takes what came.",
    ),
    rule(
        "send and receive: cut, stopped or killed",
        "The other side is told, or notices: exit 1. No name holds half a file; what came of a file stays \
         beside it as .framecat-*.part with its journal, and the same two commands ask for the rest alone. A \
         stream has no such part. Parts that nobody came back for in 7 days are removed by the next receive there.",
    ),
    rule(
        "we end",
        "Never with unread input where the peer would lose our last words: our half is closed, the \
         rest is read (1 MiB or 5 s), then all is closed.",
    ),
    rule(
        "a raw listener",
        "It takes one connection and ends, as nc does, so that two peers never mix in one file. -f, \
         --echo, --reply, --exec-each, --chat or -k keep it listening.",
    ),
];
