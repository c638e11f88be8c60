//! An MLflow server of a test's own, started as `tests/mlflow/run.sh` starts one.

use std::ffi::OsStr;
use std::fs::File;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use floe::http::{Client, Request, Retries};

use super::mlflow_server::python;

/// A server, which ends with it.
pub(crate) struct Server {
    child: Child,
    port: u16,
    pub(crate) url: String,
}

pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Server {
    /// On the store of a folder.
    pub(crate) fn start(folder: &Path, port: u16) -> Self {
        Self::with::<&str>(folder, port, &[], &[])
    }

    /// With more arguments, and variables in its environment.
    pub(crate) fn with<V: AsRef<OsStr>>(
        folder: &Path,
        port: u16,
        arguments: &[&str],
        environment: &[(&str, V)],
    ) -> Self {
        let store = format!("sqlite:///{}", folder.join("mlflow.db").display());
        let child = Command::new(python())
            .args(["-m", "mlflow", "server", "--host", "127.0.0.1"])
            .args(["--workers", "1", "--port", &port.to_string()])
            .args(["--backend-store-uri", &store, "--artifacts-destination"])
            .arg(folder.join("artifacts"))
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(File::create(folder.join("server.log")).unwrap())
            .spawn()
            .unwrap();
        let mut server = Self {
            child,
            port,
            url: format!("http://127.0.0.1:{port}"),
        };
        server.wait(&folder.join("server.log"));
        server
    }

    /// Until the API answers, be it by a refusal.
    fn wait(&mut self, log: &Path) {
        let client = Client::at(self.url.as_str()).retries(Retries::none());
        let client = client.build().unwrap();
        let began = Instant::now();
        loop {
            let request = Request::get("api/2.0/mlflow/experiments/get").query("experiment_id", 0);
            let answered = match client.send_blocking(request) {
                Ok(_) => true,
                Err(error) => error.to_string().contains("answered 40"),
            };
            if answered {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && began.elapsed() < Duration::from_mins(2),
                "the server did not start: {ended:?}\n{}",
                std::fs::read_to_string(log).unwrap()
            );
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// Kills the process and those that it started.
    pub(crate) fn kill(&mut self) {
        let children = format!("/proc/{0}/task/{0}/children", self.child.id());
        let children = std::fs::read_to_string(children).unwrap_or_default();
        for id in children.split_whitespace() {
            let _ = Command::new("kill").args(["-9", id]).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Those that it started may take a moment longer, and the next server needs the port.
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_ok()
            && began.elapsed() < Duration::from_secs(20)
        {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
