//! The bound: what delivering costs where nothing is done but to deliver. One thread, and one write(2) of a ready frame
//! for each subscriber; no WebSocket library, no tasks, no locks, nobody who may not.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use anyhow::{Context, Result};
use clap::Args;

use crate::frame;

const UPGRADED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

#[derive(Args)]
pub struct Options {
    #[arg(long)]
    listen: SocketAddr,
}

/// Keeps each connection that begins with GET, and tells them all what comes on one that begins with POST.
pub fn serve(options: &Options) -> Result<()> {
    let listener = TcpListener::bind(options.listen)
        .with_context(|| format!("cannot listen on {}", options.listen))?;
    let mut subscribers = Vec::new();
    for stream in listener.incoming() {
        let mut stream = stream?;
        stream.set_nodelay(true)?;
        let mut request = [0; 4096];
        let length = stream.read(&mut request)?;
        if request[..length].starts_with(b"GET") {
            stream.write_all(UPGRADED.as_bytes())?;
            subscribers.push(stream);
        } else {
            publish(&mut stream, &mut request, length, &mut subscribers)?;
        }
    }
    Ok(())
}

/// Takes one request after the other; each comes in one piece.
fn publish(
    stream: &mut TcpStream,
    request: &mut [u8],
    mut length: usize,
    subscribers: &mut Vec<TcpStream>,
) -> Result<()> {
    while let Some(head) = request[..length]
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
    {
        let frame = frame::of_server(frame::TEXT, &request[head + 4..length]);
        subscribers.retain_mut(|subscriber| subscriber.write_all(&frame).is_ok());
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
        length = stream.read(request)?;
    }
    Ok(())
}
