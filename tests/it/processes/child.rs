//! The suite as a child of the test: started, read, signalled, killed.
//!
//! What it prints is kept from the first byte. Nothing polls: whoever waits is woken by a line or
//! by the end of the output, and gives up after [`PATIENCE`].

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader, Read, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread::{self, JoinHandle},
    time::Duration,
};

use tonic::transport::Channel;

use crate::suite::{Person, connect, variables};

/// More than a slow machine needs for anything that a test waits for here.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a process logs once every port answers.
const SERVES: &str = "postern serves";

/// A process that was started; it may serve or fail.
pub struct Child {
    process: std::process::Child,
    printed: Arc<Printed>,
    readers: Vec<JoinHandle<()>>,
}

/// A process that serves.
pub struct Serving {
    pub child: Child,
    pub internal: SocketAddr,
    pub admin: SocketAddr,
    pub channel: Channel,
}

/// How a process ended, and all that it printed.
pub struct Ended {
    pub status: ExitStatus,
    pub output: String,
}

#[derive(Default)]
struct Printed {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<String>,
    streams_ended: usize,
}

impl Child {
    /// Starts the suite on a data folder and free ports.
    pub fn start(folder: &Path, more: &[(&str, &str)]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_postern-under-test"))
            .env_clear()
            .env("POSTERN_LOG_FORMAT", "json")
            .envs(variables(folder, more))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let printed = Arc::new(Printed::default());
        let readers = vec![
            read(process.stdout.take().unwrap(), &printed),
            read(process.stderr.take().unwrap(), &printed),
        ];
        Self {
            process,
            printed,
            readers,
        }
    }

    /// Starts the suite and waits until it serves.
    pub async fn serve(folder: &Path, more: &[(&str, &str)]) -> Serving {
        let child = Self::start(folder, more);
        let line = child.line(SERVES);
        Serving {
            child,
            internal: address(&line, "internal"),
            admin: address(&line, "admin"),
            channel: connect(address(&line, "public")).await,
        }
    }

    /// Waits for the first line that holds `text`.
    #[track_caller]
    pub fn line(&self, text: &str) -> String {
        let state = self.wait(|state| state.line(text).is_some());
        let (line, output) = (state.line(text).cloned(), state.lines.join("\n"));
        drop(state);
        line.unwrap_or_else(|| panic!("no `{text}` in:\n{output}"))
    }

    /// Waits until `enough` is true or there will be no more output.
    fn wait(&self, enough: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let state = self.printed.state.lock().unwrap();
        let waiting = |state: &mut State| !enough(state) && !state.over();
        let waited = self
            .printed
            .changed
            .wait_timeout_while(state, PATIENCE, waiting);
        waited.unwrap().0
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh")
            .args(["-c", "kill -s \"$1\" \"$2\"", "kill", name])
            .arg(self.process.id().to_string())
            .status();
        assert!(sent.unwrap().success(), "no signal {name} could be sent");
    }

    /// Ends it as a crash would: nothing more is run in it.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub fn ended(mut self) -> Ended {
        let state = self.wait(State::over);
        let (output, over) = (state.lines.join("\n"), state.over());
        drop(state);
        assert!(over, "it still runs:\n{output}");
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        let status = self.process.wait().unwrap();
        Ended { status, output }
    }
}

impl State {
    fn line(&self, text: &str) -> Option<&String> {
        self.lines.iter().find(|line| line.contains(text))
    }

    fn over(&self) -> bool {
        self.streams_ended == 2
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Serving {
    /// A person of the data folder, calling this process.
    pub fn person(&self, person: &Person) -> Person {
        Person {
            channel: self.channel.clone(),
            ..person.clone()
        }
    }

    /// Asks the admin port: the status line's code and the body.
    pub fn admin(&self, path: &str) -> (u16, String) {
        get(self.admin, path)
    }

    /// Asks it to stop, and waits until it has: all calls must have ended.
    #[track_caller]
    pub fn stop(self) -> Ended {
        drop(self.channel);
        self.child.signal("TERM");
        self.child.ended()
    }
}

/// Asks an admin port: the status line's code and the body.
pub fn get(admin: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(admin).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let code = head.split(' ').nth(1).unwrap().parse().unwrap();
    (code, body.to_owned())
}

/// Runs a process that must fail to start, and says what it printed.
#[track_caller]
pub fn fails(folder: &Path, more: &[(&str, &str)]) -> String {
    let child = Child::start(folder, more);
    let serves = |state: &State| state.line(SERVES).is_some();
    let serves = serves(&child.wait(serves));
    assert!(!serves, "it serves with {more:?}");
    let ended = child.ended();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.output);
    assert!(!ended.output.contains("panicked"), "{}", ended.output);
    ended.output
}

/// A path as settings take it.
pub fn text(path: &(impl AsRef<OsStr> + ?Sized)) -> &str {
    path.as_ref().to_str().unwrap()
}

fn read(stream: impl Read + Send + 'static, printed: &Arc<Printed>) -> JoinHandle<()> {
    let printed = Arc::clone(printed);
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n') {
            let line = String::from_utf8_lossy(&line.unwrap()).into_owned();
            printed.state.lock().unwrap().lines.push(line);
            printed.changed.notify_all();
        }
        printed.state.lock().unwrap().streams_ended += 1;
        printed.changed.notify_all();
    })
}

/// An address in a line of JSON.
fn address(line: &str, name: &str) -> SocketAddr {
    let (_, rest) = line.split_once(&format!("\"{name}\":\"")).unwrap();
    rest.split('"').next().unwrap().parse().unwrap()
}
