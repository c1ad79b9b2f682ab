//! The connection that events are published over: one request at a time, as fast as the peer answers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

const LONGEST_ANSWER: Duration = Duration::from_secs(30);

pub struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).context("cannot connect to publish")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LONGEST_ANSWER))?;
        Ok(Self {
            stream,
            answer: Vec::new(),
        })
    }

    /// Sends a request, waits for the end of its answer, and gives what stands in that.
    pub fn send(&mut self, request: &str) -> Result<&str> {
        self.stream.write_all(request.as_bytes())?;
        self.answer.clear();
        let mut bytes = [0; 4096];
        while !is_whole(&self.answer)? {
            match self.stream.read(&mut bytes)? {
                0 => bail!("the connection was closed before the answer"),
                count => self.answer.extend(&bytes[..count]),
            }
        }
        let answer = std::str::from_utf8(&self.answer)?;
        Ok(answer.split_once("\r\n\r\n").map_or("", |(_, body)| body))
    }
}

fn is_whole(answer: &[u8]) -> Result<bool> {
    let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return Ok(false);
    };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let status = head.lines().next().unwrap_or_default();
    ensure!(status.starts_with("http/1.1 2"), "publishing: {status}");
    let body = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(Ok(0), |length| length.trim().parse::<usize>())?;
    Ok(answer.len() >= end + 4 + body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_with_its_body() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        assert!(!is_whole(&answer[..answer.len() - 1]).expect("is fine"));
        assert!(is_whole(answer).expect("is fine"));
        assert!(is_whole(b"HTTP/1.1 204 No Content\r\n\r\n").expect("is fine"));
        assert!(is_whole(b"HTTP/1.1 403 Forbidden\r\n\r\n").is_err());
    }
}
