//! The homework of the notes: a file over TCP, text and picture, both ways. Judged in `judge.rs`,
//! told in `told.rs`.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::PATIENCE;
use crate::evidence::{Evidence, Scene};
use crate::lang::Text;

/// How much of a file is read and sent at a time.
const PIECE_BYTES: usize = 4_096;
/// How much one recv may take.
const BUFFER_BYTES: usize = 16 << 10;
/// A receiver believes no length without a bound.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// What the receiver of a file saw.
struct Received {
    promised: u64,
    arrived: u64,
    recvs: u64,
}

/// Law `file-transfer`: a length, then the bytes as they are, whatever they mean.
pub(super) fn file_transfer() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let mut scene = Scene::new("transfer", &[]);
    scene.left = Text::new("CLIENT", "客户端");
    scene.right = Text::new("SERVER", "服务端");
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    for end in [&client, &server] {
        end.set_read_timeout(Some(PATIENCE))?;
        end.set_write_timeout(Some(PATIENCE))?;
    }

    // The text goes up and the picture comes down, on one connection: the length ends each.
    for (name, content) in [("text", text()), ("picture", picture())] {
        let is_upload = name == "text";
        let (sender, receiver) = if is_upload { (&client, &server) } else { (&server, &client) };
        let mut original = file_of(&content)?;
        let mut copy = file_of(&[])?;
        let (begun, sends) = (scene.now_us(), &mut 0);
        let received = thread::scope(|scope| {
            let sending = scope.spawn(|| send_file(&mut original, sender));
            let received = receive_file(receiver, &mut copy);
            *sends = sending.join().expect("the sender does not panic")?;
            received
        })?;
        let (sent_sum, copy_sum) = (checksum(&mut original)?, checksum(&mut copy)?);
        let sending = format!("{name}: {sends} x send(), {} B, CRC-32 {sent_sum}", content.len());
        let receiving =
            format!("{} x recv(), {} B, CRC-32 {copy_sum}", received.recvs, received.arrived);
        if is_upload {
            scene.left_at(begun, sending);
            scene.right(receiving, Vec::new());
        } else {
            let mut sender = scene.clone();
            sender.rows.clear();
            sender.right(sending, Vec::new());
            sender.rows.iter_mut().for_each(|row| row.at_us = begun);
            scene.merge(sender);
            scene.left(receiving, Vec::new());
        }
        seen.set(&format!("{name}_bytes"), content.len());
        seen.set(&format!("{name}_sends"), *sends);
        seen.set(&format!("{name}_recvs"), received.recvs);
        seen.set(&format!("{name}_promised_bytes"), received.promised);
        seen.set(&format!("{name}_arrived_bytes"), received.arrived);
        seen.set(&format!("{name}_sent_crc"), sent_sum);
        seen.set(&format!("{name}_arrived_crc"), copy_sum);
        seen.set(&format!("{name}_is_utf8"), std::str::from_utf8(&content).is_ok());
    }
    drop((client, server));

    // A sender that dies half way: the length is what tells.
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    client.set_read_timeout(Some(PATIENCE))?;
    let whole = text();
    let half = &whole[..whole.len() / 2];
    send_all(&server, &(whole.len() as u64).to_be_bytes())?;
    send_all(&server, half)?;
    drop(server);
    let received = receive_file(&client, &mut file_of(&[])?)?;
    seen.set("cut_promised_bytes", received.promised);
    seen.set("cut_arrived_bytes", received.arrived);
    seen.scenes.push(scene);
    Ok(seen)
}

/// Length, then content. Gives the number of sends.
fn send_file(file: &mut File, to: &TcpStream) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let mut sends = send_all(to, &length.to_be_bytes())?;
    let mut piece = [0; PIECE_BYTES];
    loop {
        let taken = file.read(&mut piece)?;
        if taken == 0 {
            return Ok(sends);
        }
        sends += send_all(to, &piece[..taken])?;
    }
}

/// One send may take less than it was given. Gives the number of sends.
fn send_all(to: &TcpStream, mut bytes: &[u8]) -> io::Result<u64> {
    let mut sends = 0;
    while !bytes.is_empty() {
        let taken = send(to, bytes, SendFlags::NOSIGNAL)?;
        bytes = &bytes[taken..];
        sends += 1;
    }
    Ok(sends)
}

/// The length, then as many bytes, or fewer where the stream ends before. Never more: what follows
/// is the next file's.
fn receive_file(from: &TcpStream, into: &mut File) -> io::Result<Received> {
    let mut head = [0; 8];
    let mut filled = 0;
    while filled < head.len() {
        let (taken, _) = recv(from, &mut head[filled..], RecvFlags::empty())?;
        if taken == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += taken;
    }
    let promised = u64::from_be_bytes(head);
    if promised > FILE_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let (mut arrived, mut recvs) = (0, 0);
    let mut buffer = [0; BUFFER_BYTES];
    while arrived < promised {
        let room = buffer.len().min((promised - arrived) as usize);
        let (taken, _) = recv(from, &mut buffer[..room], RecvFlags::empty())?;
        if taken == 0 {
            break;
        }
        recvs += 1;
        arrived += taken as u64;
        into.write_all(&buffer[..taken])?;
    }
    Ok(Received { promised, arrived, recvs })
}

/// A file in memory that has no name and is gone when it is closed (memfd_create(2)), at its start.
fn file_of(content: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create("framecat-lab", MemfdFlags::CLOEXEC)?);
    file.write_all(content)?;
    file.rewind()?;
    Ok(file)
}

/// Text as the notes have it: Chinese and English, lines ended by CR LF, as some editors do.
fn text() -> Vec<u8> {
    (1..=1_500).flat_map(|n| format!("第 {n} 行：文本文件 line {n}\r\n").into_bytes()).collect()
}

/// A picture in Netpbm's P6: a head of text, then a byte for the red, green and blue of each point.
fn picture() -> Vec<u8> {
    const SIDE: u16 = 192;
    let mut picture = format!("P6\n{SIDE} {SIDE}\n255\n").into_bytes();
    for y in 0..SIDE {
        for x in 0..SIDE {
            picture.extend([x as u8, y as u8, (x ^ y) as u8 | 0x80]);
        }
    }
    picture
}

/// The CRC-32 of a whole file as zip and PNG have it, in hex: what `python3 -c 'import zlib'` and
/// `crc32` tell of the same file.
fn checksum(file: &mut File) -> io::Result<String> {
    file.rewind()?;
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    Ok(format!("{:08x}", crc32(&content)))
}

/// ISO 3309, reflected, polynomial 0x04c11db7.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let table: [u32; 256] = std::array::from_fn(|n| {
        (0..8).fold(n as u32, |c, _| if c & 1 == 1 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 })
    });
    !bytes
        .iter()
        .fold(!0, |crc, byte| (crc >> 8) ^ table[((crc ^ u32::from(*byte)) & 0xff) as usize])
}
