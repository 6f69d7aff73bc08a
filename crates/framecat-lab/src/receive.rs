//! The group **receive**: what recv returns, when it waits, and what it leaves.
//!
//! One fn a law makes the calls; `receive/judge.rs` concludes, `receive/told.rs` tells. Both ends are
//! on loopback; each call gives up after a few seconds, so that no experiment hangs.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use framecat_net::sockopt::{TcpState, bytes_to_read, tcp_info};
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::evidence::{Evidence, Scene, hex, quoted};
use crate::lang::Text;
use crate::watch::{PATIENCE, returned, this_thread, until, until_asleep};

mod judge;
#[cfg(test)]
mod tests;
mod told;

pub(crate) use told::{BYTES, RECV_BLOCKS, RECV_EOF, RECV_LEFTOVER};

/// What most of the recvs here ask for, in bytes.
const ROOM: usize = 64;

/// How many bytes wait at the receiver (FIONREAD).
const UNREAD: &[Text] = &[Text::new("UNREAD", "未读字节")];

/// How many bytes wait at the peer (FIONREAD), the receiver's connection (TCP_INFO), and how many
/// bytes wait at the receiver.
const BOTH: &[Text] = &[
    Text::new("PEER UNREAD", "对端未读"),
    Text::new("STATE", "本端状态"),
    Text::new("UNREAD", "本端未读"),
];

/// The left end where it sends nothing.
const PEER: Text = Text::new("PEER", "对端");

/// Law `recv-eof`: a peer that closes ends a recv, cleanly with 0, or with an error if it left bytes
/// unread; a peer that is merely silent ends none.
fn recv_eof() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    closed_cleanly(&mut seen)?;
    closed_with_unread_data(&mut seen)?;
    silent(&mut seen)?;
    Ok(seen)
}

fn closed_cleanly(seen: &mut Evidence) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let peer = TcpStream::connect(listener.local_addr()?)?;
    let (receiver, _) = listener.accept()?;
    receiver.set_read_timeout(Some(PATIENCE))?;

    let mut scene = Scene::new("clean", BOTH);
    scene.left = PEER;
    let mut receiving = scene.clone();
    let (tell, told) = mpsc::channel();
    let (receiver, watched) = (&receiver, peer.try_clone()?);
    let (begun_us, closed_us, asleep, returns) = thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut buffer = [0; ROOM];
            let begun_us = receiving.now_us();
            receiving.right(format!("recv({ROOM}) ..."), both(Some(&watched), receiver)?);
            // A second handle on the peer's end would keep it open.
            drop(watched);
            // The other side may have failed and gone; join tells.
            let _ = tell.send(this_thread());
            let mut returns = Vec::new();
            for _ in 0..3 {
                let result = recv(receiver, &mut buffer[..], RecvFlags::empty());
                let result = returned(result.map(|(taken, _)| taken));
                let at_us = receiving.now_us();
                let call = match returns.is_empty() {
                    true => format!("... = {result}"),
                    false => format!("recv({ROOM}) = {result}"),
                };
                receiving.right(call, both(None, receiver)?);
                returns.push((at_us, result));
            }
            Ok::<_, io::Error>((begun_us, returns, receiving))
        });
        let thread = told.recv_timeout(PATIENCE).map_err(|_| io::ErrorKind::TimedOut)?;
        let asleep = until_asleep(&thread)?;
        let closed_us = scene.now_us();
        drop(peer);
        let (begun_us, returns, receiving) = reader.join().expect("the reader does not panic")?;
        scene.left_at(closed_us, closing(receiver)?);
        scene.merge(receiving);
        Ok::<_, io::Error>((begun_us, closed_us, asleep, returns))
    })?;
    seen.set("clean_thread", asleep);
    seen.set("clean_begun_us", begun_us);
    seen.set("clean_closed_us", closed_us);
    seen.set("clean_returned_us", returns.first().map_or(0, |(at_us, _)| *at_us));
    let words: Vec<_> = returns.into_iter().map(|(_, word)| word).collect();
    seen.set("clean_recvs", words);
    seen.scenes.push(scene);
    Ok(())
}

fn closed_with_unread_data(seen: &mut Evidence) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let peer = TcpStream::connect(listener.local_addr()?)?;
    let (receiver, _) = listener.accept()?;
    receiver.set_read_timeout(Some(PATIENCE))?;

    let mut scene = Scene::new("unread", BOTH);
    scene.left = PEER;
    let question = b"question";
    let sent = send(&receiver, question, SendFlags::NOSIGNAL)?;
    until(|| Ok(bytes_to_read(peer.as_fd())? == sent))?;
    let left_unread = bytes_to_read(peer.as_fd())?;
    let kernel = both(Some(&peer), &receiver)?;
    scene.right(format!("send({}) = {sent}", quoted(question)), kernel);
    let before = tcp_info(receiver.as_fd())?.state;
    let at_us = scene.now_us();
    drop(peer);
    // The reset is on its way for as long as the state is what it was.
    until(|| Ok(tcp_info(receiver.as_fd())?.state != before))?;
    scene.left_at(at_us, closing(&receiver)?);
    let mut buffer = [0; ROOM];
    let mut returns = Vec::new();
    for _ in 0..3 {
        let result = recv(&receiver, &mut buffer[..], RecvFlags::empty());
        let word = returned(result.map(|(taken, _)| taken));
        scene.right(format!("recv({ROOM}) = {word}"), both(None, &receiver)?);
        returns.push(word);
    }
    seen.set("unread_left_bytes", left_unread);
    seen.set("unread_recvs", returns);
    seen.scenes.push(scene);
    Ok(())
}

/// What a receiver sees of a pulled cable is what it sees here: nothing.
fn silent(seen: &mut Evidence) -> io::Result<()> {
    const LIMIT: Duration = Duration::from_millis(20);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let peer = TcpStream::connect(listener.local_addr()?)?;
    let (receiver, _) = listener.accept()?;
    let mut scene = Scene::new("silent", BOTH);
    scene.left = PEER;
    receiver.set_read_timeout(Some(LIMIT))?;
    scene.right(format!("recv({ROOM}) ..."), both(Some(&peer), &receiver)?);
    let result = recv(&receiver, &mut [0; ROOM][..], RecvFlags::empty());
    let result = returned(result.map(|(taken, _)| taken));
    scene.right(format!("... = {result}"), both(Some(&peer), &receiver)?);
    seen.set("silent_recv", result);
    seen.set("silent_limit_ms", LIMIT.as_millis() as u64);
    seen.set("silent_state", tcp_info(receiver.as_fd())?.state.to_string());
    seen.scenes.push(scene);
    drop(peer);
    Ok(())
}

/// The peer's call, and the segment with which its kernel announced it: only FIN brings a connection
/// to CLOSE-WAIT, and only RST closes it before its own end does (RFC 9293, section 3.3.2).
fn closing(receiver: &TcpStream) -> io::Result<String> {
    Ok(match tcp_info(receiver.as_fd())?.state {
        TcpState::CloseWait => "close(): FIN".into(),
        TcpState::Close => "close(): RST".into(),
        _ => "close()".into(),
    })
}

/// Law `recv-blocks`: recv waits while nothing is there, and not when anything is.
fn recv_blocks() -> io::Result<Evidence> {
    const DELAY: Duration = Duration::from_millis(30);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let sender = TcpStream::connect(listener.local_addr()?)?;
    let (receiver, _) = listener.accept()?;
    receiver.set_read_timeout(Some(PATIENCE))?;

    let mut seen = Evidence::new();
    let mut scene = Scene::new("empty", UNREAD);
    let mut receiving = scene.clone();
    let message = b"late";
    let (tell, told) = mpsc::channel();
    let receiver = &receiver;
    thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut buffer = [0; ROOM];
            receiving.right(format!("recv({ROOM}) ..."), unread(receiver)?);
            let begun_us = receiving.now_us();
            // The other side may have failed and gone; join tells.
            let _ = tell.send(this_thread());
            let result = recv(receiver, &mut buffer[..], RecvFlags::empty());
            let returned_us = receiving.now_us();
            let (taken, _) = result?;
            let call = format!("... = {taken} {}", quoted(&buffer[..taken]));
            receiving.right(call, unread(receiver)?);
            Ok::<_, io::Error>((begun_us, returned_us, taken, receiving))
        });
        let thread = told.recv_timeout(PATIENCE).map_err(|_| io::ErrorKind::TimedOut)?;
        let asleep = until_asleep(&thread)?;
        let delay_us = scene.now_us();
        scene.left_at(delay_us, format!("sleep({} ms)", DELAY.as_millis()));
        thread::sleep(DELAY);
        let sent_us = scene.now_us();
        let sent = send(&sender, message, SendFlags::NOSIGNAL)?;
        scene.left_at(sent_us, format!("send({}) = {sent}", quoted(message)));
        let (begun_us, returned_us, taken, receiving) =
            reader.join().expect("the reader does not panic")?;
        scene.merge(receiving);
        seen.set("thread", asleep);
        seen.set("begun_us", begun_us);
        seen.set("sent_us", sent_us);
        seen.set("returned_us", returned_us);
        seen.set("waited_us", returned_us - begun_us);
        seen.set("delay_us", sent_us - delay_us);
        seen.set("sent_bytes", sent);
        seen.set("received_bytes", taken);
        Ok::<_, io::Error>(())
    })?;
    seen.scenes.push(scene);

    // Something is there, less than asked for, and nothing more comes.
    let mut scene = Scene::new("something", UNREAD);
    let message = b"abc";
    let sent = send(&sender, message, SendFlags::NOSIGNAL)?;
    until(|| Ok(bytes_to_read(receiver.as_fd())? == sent))?;
    scene.left(format!("send({}) = {sent}", quoted(message)), unread(receiver)?);
    let mut buffer = [0; ROOM];
    let result = recv(receiver, &mut buffer[..], RecvFlags::empty());
    let result = returned(result.map(|(taken, _)| taken));
    scene.right(format!("recv({ROOM}) = {result}"), unread(receiver)?);
    let result_empty = recv(receiver, &mut buffer[..], RecvFlags::DONTWAIT);
    let result_empty = returned(result_empty.map(|(taken, _)| taken));
    scene.right(format!("recv({ROOM}, MSG_DONTWAIT) = {result_empty}"), unread(receiver)?);
    seen.set("asked_bytes", buffer.len());
    seen.set("there_bytes", sent);
    seen.set("there_recv", result);
    seen.set("empty_dontwait", result_empty);
    seen.scenes.push(scene);
    Ok(seen)
}

/// Law `recv-leftover`: what one recv did not take, the next one gets, even of a peer that is gone.
fn recv_leftover() -> io::Result<Evidence> {
    const AT_MOST: usize = 3;
    let message = b"0123456789";
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let sender = TcpStream::connect(listener.local_addr()?)?;
    let (receiver, _) = listener.accept()?;
    receiver.set_read_timeout(Some(PATIENCE))?;

    let mut seen = Evidence::new();
    let mut scene = Scene::new("leftover", UNREAD);
    let sent = send(&sender, message, SendFlags::NOSIGNAL)?;
    until(|| Ok(bytes_to_read(receiver.as_fd())? == sent))?;
    scene.left(format!("send({}) = {sent}", quoted(message)), unread(&receiver)?);
    let at_us = scene.now_us();
    drop(sender);
    scene.left_at(at_us, "close()".into());

    let (mut recvs, mut received, mut left) = (Vec::new(), Vec::new(), vec![sent]);
    let mut buffer = [0; AT_MOST];
    loop {
        let (taken, _) = recv(&receiver, &mut buffer[..], RecvFlags::empty())?;
        let call = format!("recv({AT_MOST}) = {taken} {}", quoted(&buffer[..taken]));
        scene.right(call, unread(&receiver)?);
        if taken == 0 {
            break;
        }
        recvs.push(taken);
        received.extend_from_slice(&buffer[..taken]);
        left.push(bytes_to_read(receiver.as_fd())?);
    }
    seen.set("asked_bytes", AT_MOST);
    seen.set("sent_bytes", sent);
    seen.set("recvs", recvs.len());
    seen.set("taken", words(&recvs));
    seen.set("left", words(&left));
    seen.set("sent", quoted(message));
    seen.set("received", quoted(&received));
    seen.scenes.push(scene);
    Ok(seen)
}

/// Law `bytes`: text is encoded before and decoded after; a piece need not end with a character.
fn bytes() -> io::Result<Evidence> {
    // 4 is inside the second character.
    const AT_MOST: usize = 4;
    let text = "你好";
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let sender = TcpStream::connect(listener.local_addr()?)?;
    let (receiver, _) = listener.accept()?;
    receiver.set_read_timeout(Some(PATIENCE))?;

    let mut seen = Evidence::new();
    let mut scene = Scene::new("bytes", UNREAD);
    // send takes bytes and nothing else: here a &str is seen as its UTF-8.
    let encoded = text.as_bytes();
    let sent = send(&sender, encoded, SendFlags::NOSIGNAL)?;
    until(|| Ok(bytes_to_read(receiver.as_fd())? == sent))?;
    scene.left(format!("send({}) = {sent}", hex(encoded)), unread(&receiver)?);
    let (mut whole, mut recvs, mut decoded) = (Vec::new(), 0, Vec::new());
    let mut buffer = [0; AT_MOST];
    while whole.len() < sent {
        let (taken, _) = recv(&receiver, &mut buffer[..], RecvFlags::empty())?;
        if taken == 0 {
            break;
        }
        recvs += 1;
        let piece = &buffer[..taken];
        scene.right(format!("recv({AT_MOST}) = {taken} {}", hex(piece)), unread(&receiver)?);
        whole.extend_from_slice(piece);
        decoded.push(decode(piece));
        scene.right(format!("decode() = {}", decode(piece)), Vec::new());
    }
    scene.right(format!("decode(all) = {}", decode(&whole)), Vec::new());
    seen.set("text", text);
    seen.set("characters", text.chars().count());
    seen.set("sent_bytes", sent);
    seen.set("asked_bytes", AT_MOST);
    seen.set("recvs", recvs);
    seen.set("pieces_decoded", decoded);
    seen.set("whole_decoded", decode(&whole));
    // The same bytes, taken for another encoding: a byte a character (ISO 8859-1).
    seen.set("as_latin1", whole.iter().map(|byte| char::from(*byte)).collect::<String>());
    seen.set("hex", hex(&whole));
    seen.scenes.push(scene);
    Ok(seen)
}

/// What a failed decoding is told as.
const NOT_UTF8: &str = "not UTF-8";

/// Strictly, as Python's bytes.decode() does.
fn decode(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| NOT_UTF8.into(), String::from)
}

fn words(numbers: &[usize]) -> Vec<String> {
    numbers.iter().map(usize::to_string).collect()
}

fn unread(receiver: &TcpStream) -> io::Result<Vec<String>> {
    Ok(vec![bytes_to_read(receiver.as_fd())?.to_string()])
}

/// What [`BOTH`] say now; of a peer that is gone nothing.
fn both(peer: Option<&TcpStream>, receiver: &TcpStream) -> io::Result<Vec<String>> {
    let at_peer = match peer {
        Some(peer) => bytes_to_read(peer.as_fd())?.to_string(),
        None => String::new(),
    };
    let state = tcp_info(receiver.as_fd())?.state;
    Ok(vec![at_peer, state.to_string(), bytes_to_read(receiver.as_fd())?.to_string()])
}
