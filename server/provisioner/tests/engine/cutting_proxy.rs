//! A way to a server that is cut, stalls, or is closed in one direction, at chosen bytes.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What happens to the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Both ends find it reset or closed.
    Cut,
    /// Nothing gets through for a while; then it is cut.
    Stall,
    /// Nothing gets through for a while; then all of it does.
    Pause,
    /// This direction is closed in order, the other one stays open.
    HalfClose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    ToServer,
    ToPanel,
}

/// One trouble, after so many bytes in its direction, counted from when it is first in the list.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    pub trouble: Trouble,
    pub direction: Direction,
    pub after: usize,
}

const FOR_A_WHILE: Duration = Duration::from_millis(150);

pub struct Proxy {
    pub port: u16,
    due: Arc<Mutex<Vec<Due>>>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub async fn to(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let due = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn({
            let due = Arc::clone(&due);
            async move {
                loop {
                    let (panel, _) = listener.accept().await.unwrap();
                    tokio::spawn(pass_on(panel, server, Arc::clone(&due)));
                }
            }
        });
        Self { port, due, task }
    }

    /// From now on these happen, one after the other, over as many connections as that takes.
    pub fn plan(&self, mut troubles: Vec<Due>) {
        troubles.reverse();
        *self.due.lock().unwrap() = troubles;
    }

    /// How many have not happened, and shall not any more.
    pub fn clear(&self) -> usize {
        std::mem::take(&mut *self.due.lock().unwrap()).len()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass_on(panel: TcpStream, server: u16, due: Arc<Mutex<Vec<Due>>>) {
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await else {
        return;
    };
    let _ = (panel.set_nodelay(true), server.set_nodelay(true));
    let (from_panel, to_panel) = panel.into_split();
    let (from_server, to_server) = server.into_split();
    let (cut, is_cut) = watch::channel(false);
    let cut = Arc::new(cut);
    let up = one_way(
        from_panel,
        to_server,
        Direction::ToServer,
        &due,
        &cut,
        is_cut.clone(),
    );
    let down = one_way(
        from_server,
        to_panel,
        Direction::ToPanel,
        &due,
        &cut,
        is_cut,
    );
    tokio::join!(up, down);
}

async fn one_way(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    direction: Direction,
    due: &Mutex<Vec<Due>>,
    cut: &watch::Sender<bool>,
    mut is_cut: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            _ = is_cut.wait_for(|cut| *cut) => return,
        };
        let Ok(read @ 1..) = read else { break };
        let (through, trouble) = take(due, direction, read);
        if to.write_all(&buffer[..through]).await.is_err() {
            break;
        }
        match trouble {
            None => {}
            Some(Trouble::Cut) => {
                let _ = cut.send(true);
                return;
            }
            Some(Trouble::Stall) => {
                tokio::time::sleep(FOR_A_WHILE).await;
                let _ = cut.send(true);
                return;
            }
            Some(Trouble::Pause) => {
                tokio::time::sleep(FOR_A_WHILE).await;
                if to.write_all(&buffer[through..read]).await.is_err() {
                    break;
                }
            }
            Some(Trouble::HalfClose) => break,
        }
    }
    let _ = to.shutdown().await;
}

/// How many of these bytes get through before trouble.
fn take(due: &Mutex<Vec<Due>>, direction: Direction, read: usize) -> (usize, Option<Trouble>) {
    let mut due = due.lock().unwrap();
    let Some(next) = due.last_mut().filter(|next| next.direction == direction) else {
        return (read, None);
    };
    if next.after > read {
        next.after -= read;
        return (read, None);
    }
    let (through, trouble) = (next.after, next.trouble);
    due.pop();
    (through, Some(trouble))
}
