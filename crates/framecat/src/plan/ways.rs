//! The two directions of an end, where they differ: `--send-frame`, and `,send=` on an endpoint.

use framecat_proto::framing::Ways;
use framecat_proto::{Endpoint, Framing};

use super::{Mistake, spelled};
use crate::flags::TalkArgs;

/// The rule for what goes to an end, where one was asked for: on the endpoint, or else by the flag.
pub(super) fn send(
    endpoint: &Endpoint,
    asked: Option<&Framing>,
) -> Result<Option<Framing>, Mistake> {
    match (endpoint.keeps_boundaries(), endpoint.send.as_ref().or(asked)) {
        (true, None | Some(Framing::Native)) => Ok(None),
        (true, Some(rule)) => Err(Mistake::new(
            format!(
                "{} keeps messages itself, --send-frame {rule} is for streams",
                endpoint.scheme()
            ),
            "leave --send-frame out; how messages look on stdin and stdout is --in and --out",
        )),
        (false, Some(Framing::Native)) => Err(Mistake::new(
            format!("{} is a stream: it keeps no messages of its own", endpoint.scheme()),
            "name a rule: --send-frame line, --send-frame len:u32be … (framecat help framings)",
        )),
        (false, Some(Framing::Guess)) => Err(Mistake::new(
            "guess looks at what is there, and nothing can be sent under it",
            "framecat connect file:PATH -f guess tells which rules would fit; send under one of them",
        )),
        (false, asked) => Ok(asked.cloned()),
    }
}

/// The rules of the one connection that a verb has, given those that hold unless another is asked for.
pub(super) fn of_talk(
    endpoint: &Endpoint,
    args: &TalkArgs,
    (receive, sends): (Framing, Framing),
) -> Result<Ways, Mistake> {
    if args.send_frame.len() > 1 {
        return Err(Mistake::new(
            "--send-frame was given twice, and there is one connection",
            "give it once; two rules are for the two ends of relay",
        ));
    }
    let send = send(endpoint, args.send_frame.first())?.unwrap_or(sends);
    Ok(Ways { receive, send })
}

/// The rules of a relay's ends, given those that `-f` and the endpoints have for both directions.
pub(super) fn of_relay(
    ends: [&Endpoint; 2],
    args: &TalkArgs,
    rules: [Framing; 2],
) -> Result<[Ways; 2], Mistake> {
    let asked = match args.send_frame.as_slice() {
        [] => [None, None],
        [both] => [Some(both), Some(both)],
        [first, second] => [Some(first), Some(second)],
        _ => {
            return Err(Mistake::new(
                "--send-frame was given more than twice",
                "once for both ends, or twice: first the left, then the right",
            ));
        }
    };
    // As with -f: one with a datagram end means the other one.
    let only = |end: &Endpoint, rule: Option<&Framing>| match args.send_frame.len() {
        1 if end.keeps_boundaries() => send(end, None),
        _ => send(end, rule),
    };
    let [left, right] = ends;
    let [left_rule, right_rule] = rules;
    let left_ways = Ways {
        send: only(left, asked[0])?.unwrap_or_else(|| left_rule.clone()),
        receive: left_rule,
    };
    let right_ways = Ways {
        send: only(right, asked[1])?.unwrap_or_else(|| right_rule.clone()),
        receive: right_rule,
    };
    there_and_back(left, &left_ways.receive, right, &right_ways.send)?;
    there_and_back(right, &right_ways.receive, left, &left_ways.send)?;
    Ok([left_ways, right_ways])
}

/// Messages on one side of a direction need their ends on the other, too.
fn there_and_back(
    from: &Endpoint,
    hears: &Framing,
    to: &Endpoint,
    says: &Framing,
) -> Result<(), Mistake> {
    let (stream, other) = match (hears.has_boundaries(), says.has_boundaries()) {
        (true, false) => (to, from),
        (false, true) => (from, to),
        _ => return Ok(()),
    };
    Err(Mistake::new(
        format!("{other} carries messages, and nothing says where they end on {stream}"),
        format!("name a rule for it: -f line, or {stream},frame=len:u32be"),
    ))
}

/// For `--explain`.
pub fn explained(ways: &Ways) -> String {
    let receive = spelled(&ways.receive);
    match ways.receive == ways.send {
        true => receive.to_string(),
        false => format!("{receive} from it, {} to it", spelled(&ways.send)),
    }
}
