//! A server for the tests of `serve`, and clients for it.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::run::{self, Folder, Run, Running, Signal};

/// A folder that is served.
pub struct Served {
    pub folder: Folder,
    pub server: Running,
}

impl Served {
    pub fn new(args: &[&str], files: &[(&str, &[u8])]) -> Served {
        let folder = Folder::new();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let listen = ["serve", ".", "--listen", "127.0.0.1:0"];
        let server = Run::new(&[&listen, args].concat()).in_folder(folder.path()).start();
        Served { folder, server }
    }

    /// `http://127.0.0.1:41327`
    pub fn url(&self) -> String {
        let told = self.server.told_when(|told| told.contains("/\n"));
        let (_, url) = told.split_once(" at ").expect("it was waited for");
        url.lines().next().unwrap().trim_end_matches('/').into()
    }

    pub fn dial(&self) -> TcpStream {
        let address = self.url();
        let stream = TcpStream::connect(address.strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(run::PATIENCE)).unwrap();
        stream
    }

    /// What comes back for these bytes until the end of the connection, which they ask for.
    pub fn said(&self, request: impl AsRef<[u8]>) -> String {
        let mut stream = self.dial();
        stream.write_all(request.as_ref()).unwrap();
        rest(&mut stream)
    }

    pub fn curl(&self, args: &[&str], path: &str) -> run::Finished {
        let url = self.url() + path;
        Run::program("curl", &[&["-sS", "--path-as-is"], args, &[&url]].concat()).run("")
    }

    /// What comes back to a request with these fields, each with its CR LF, and this content.
    pub fn asked(&self, line: &str, fields: &str, content: impl AsRef<[u8]>) -> String {
        let content = content.as_ref();
        let length = content.len();
        let head = format!(
            "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{fields}\r\n"
        );
        self.said([head.as_bytes(), content].concat())
    }

    /// All names in the folder and below, hidden ones too.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut folders = vec![String::new()];
        while let Some(before) = folders.pop() {
            for entry in fs::read_dir(self.folder.path().join(&before)).unwrap() {
                let entry = entry.unwrap();
                let name = format!("{before}{}", entry.file_name().to_string_lossy());
                if entry.file_type().unwrap().is_dir() {
                    folders.push(format!("{name}/"));
                }
                names.push(name);
            }
        }
        names.sort();
        names
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.path().join(name)).unwrap()
    }

    pub fn ends(self) -> run::Finished {
        self.server.signal(Signal::TERM);
        let finished = self.server.wait();
        assert_eq!(finished.code, 0, "{finished}");
        finished
    }
}

pub fn rest(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    stream.read_to_end(&mut said).unwrap();
    String::from_utf8_lossy(&said).into_owned()
}

/// A request with this content, behind which the connection ends.
pub fn request(line: &str, fields: &str, content: &str) -> String {
    let length = content.len();
    format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\
         Content-Length: {length}\r\n\r\n{content}"
    )
}

/// A GET whose connection ends behind the reply.
pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
}

/// The value of a field of a reply.
pub fn field<'r>(reply: &'r str, name: &str) -> Option<&'r str> {
    let head = reply.split("\r\n\r\n").next()?;
    head.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

pub fn status(reply: &str) -> &str {
    reply.get(9..12).unwrap_or(reply)
}

pub fn body(reply: &str) -> &str {
    reply.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// The head of the next reply, with its empty line, and nothing behind it.
pub fn head_of(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap_or_else(|error| {
            panic!("{error} behind {:?}", String::from_utf8_lossy(&head));
        });
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}
