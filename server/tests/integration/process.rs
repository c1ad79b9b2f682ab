//! The real binary, as somebody starts it.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::databases;

const BINARY: &str = env!("CARGO_BIN_EXE_brokeforge");

/// A panel that runs until it is dropped.
pub struct Process {
    pub data: TempDir,
    pub port: u16,
    pub url: String,
    child: Child,
    stdout: Arc<Mutex<Vec<u8>>>,
    stderr: Arc<Mutex<Vec<u8>>>,
}

pub struct Page {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Process {
    /// Starts a new panel and waits until it answers.
    pub async fn start(log: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let port = free_port();
        let (child, stdout, stderr) = spawn(data.path(), port, log);
        let process = Self {
            data,
            port,
            url: format!("http://127.0.0.1:{port}"),
            child,
            stdout,
            stderr,
        };
        process.await_health().await;
        process
    }

    /// Ends it as a crash does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on the same data and port.
    pub async fn restart(&mut self) {
        (self.child, self.stdout, self.stderr) = spawn(self.data.path(), self.port, "warn");
        self.await_health().await;
    }

    async fn await_health(&self) {
        for _ in 0..600 {
            if let Ok(page) = self.try_request("GET", "/health", "", "").await
                && page.status == 200
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the panel does not answer: {}", self.log());
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        text(&self.stderr)
    }

    pub fn setup_token(&self) -> String {
        let printed = text(&self.stdout);
        let line = printed
            .lines()
            .find_map(|line| line.strip_prefix("Setup token: "));
        line.unwrap_or_else(|| panic!("no token in {printed}"))
            .to_owned()
    }

    pub async fn get(&self, path: &str, cookie: &str) -> Page {
        self.try_request("GET", path, cookie, "").await.unwrap()
    }

    pub async fn post(&self, path: &str, cookie: &str, input: &serde_json::Value) -> Page {
        let body = serde_json::json!({ "input": input }).to_string();
        self.try_request("POST", path, cookie, &body).await.unwrap()
    }

    /// HTTP/1.0, so that the answer comes in one piece.
    async fn try_request(
        &self,
        method: &str,
        path: &str,
        cookie: &str,
        body: &str,
    ) -> std::io::Result<Page> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\nOrigin: {}\r\nCookie: {cookie}\r\n\
             User-Agent: {USER_AGENT}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            self.url,
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        Ok(Page {
            status: status.unwrap_or(0),
            head: head.to_owned(),
            body: body.to_owned(),
        })
    }
}

type Printed = Arc<Mutex<Vec<u8>>>;

fn spawn(data: &Path, port: u16, log: &str) -> (Child, Printed, Printed) {
    let mut child = command(data, port)
        .arg("serve")
        .env("RUST_LOG", log)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = collect(child.stdout.take().unwrap());
    let stderr = collect(child.stderr.take().unwrap());
    (child, stdout, stderr)
}

/// What every request of these tests calls itself; found again where requests leave traces.
pub const USER_AGENT: &str = "integration-test-browser";

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the binary to its end; a panel that starts although it must not is ended after a while.
pub fn run(data: &Path, port: u16, arguments: &[&str]) -> Output {
    let mut child = command(data, port)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    for _ in 0..600 {
        if child.try_wait().unwrap().is_some() {
            return child.wait_with_output().unwrap();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let _ = child.kill();
    panic!(
        "brokeforge {arguments:?} did not end: {:?}",
        child.wait_with_output()
    );
}

fn command(data: &Path, port: u16) -> Command {
    let mut command = Command::new(BINARY);
    command
        .env_remove("BROKEFORGE_PUBLIC_URL")
        .env("BROKEFORGE_LISTEN", format!("127.0.0.1:{port}"))
        .env("BROKEFORGE_DATA", data)
        .env("BROKEFORGE_SITE", data.join("site"))
        .env("BROKEFORGE_ALLOW_LOCAL_ADDRESSES", "1")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null());
    on_its_database(&mut command, data);
    command
}

/// Has a command use the database that belongs to a folder.
pub fn on_its_database(command: &mut Command, data: &Path) {
    match databases::url(data) {
        Some(url) => command.env("DATABASE_URL", url),
        None => command.env_remove("DATABASE_URL"),
    };
}

pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn collect(mut pipe: impl Read + Send + 'static) -> Arc<Mutex<Vec<u8>>> {
    let all = Arc::new(Mutex::new(Vec::new()));
    let into = all.clone();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = pipe.read(&mut buffer) {
            into.lock().unwrap().extend_from_slice(&buffer[..read]);
        }
    });
    all
}

fn text(bytes: &Mutex<Vec<u8>>) -> String {
    String::from_utf8_lossy(&bytes.lock().unwrap()).into_owned()
}
