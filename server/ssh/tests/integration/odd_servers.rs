//! Things that listen on a port: servers that say what they are told, and a cable that can be pulled.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Sends `greeting` to everyone, then `flood` again and again; without a flood it waits. Ends when the other
/// side hangs up, and then answers on `hung_up`.
pub struct Speaker {
    pub port: u16,
    pub hung_up: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

impl Speaker {
    pub async fn start(greeting: &'static [u8], flood: &'static [u8]) -> Self {
        let (listener, port) = listen().await;
        let (ended, hung_up) = watch::channel(false);
        let task = tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let _ = socket.write_all(greeting).await;
                while !flood.is_empty() && socket.write_all(flood).await.is_ok() {}
                let mut rest = [0; 1024];
                while matches!(socket.read(&mut rest).await, Ok(1..)) {}
                ended.send_replace(true);
            }
        });
        Self {
            port,
            hung_up,
            task,
        }
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts and hangs up.
pub async fn hang_up_at_once() -> u16 {
    let (listener, port) = listen().await;
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    port
}

/// Accepts, says `words` and hangs up.
pub async fn speak_and_hang_up(words: &'static [u8]) -> u16 {
    let (listener, port) = listen().await;
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.write_all(words).await;
        }
    });
    port
}

/// A cable to another port on this machine.
pub struct Cable {
    pub port: u16,
    pulled: watch::Sender<u32>,
}

impl Cable {
    pub async fn to(port: u16) -> Self {
        let (listener, own_port) = listen().await;
        let (pulled, _) = watch::channel(0);
        let pulls = pulled.clone();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut pull = pulls.subscribe();
                tokio::spawn(async move {
                    let Ok(mut far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
                        return;
                    };
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = pull.changed() => {}
                    }
                });
            }
        });
        Self {
            port: own_port,
            pulled,
        }
    }

    /// Cuts what runs over it now; new connections get through.
    pub fn pull(&self) {
        self.pulled.send_modify(|pulls| *pulls += 1);
    }
}

pub async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}
