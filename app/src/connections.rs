//! What the window is connected to, what it was connected to before and still finishes, and what it could be
//! connected to.

use crate::args;
use crate::background::{Background, Later, all, arrived};
use crate::connection::{Connection, NotGiven};
use crate::disk;
use crate::own_sandbox;
use crate::settings::{self, Settings};
use cluster::{Command, Target, Wake};
use mesh::journal::Cluster;
use mesh::{ChangeId, Fact, Problem, Read, Scene};
use panels::contexts::{ContextId, Contexts, Destination};
use panels::intent::SandboxOf;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// The present connection, and those before and after it.
pub(crate) struct Connections {
    /// What the connect screen offers.
    pub(crate) contexts: Contexts,
    args: args::Window,
    runtime: Handle,
    wake: Wake,
    current: Option<Connection>,
    /// Those that were left and still finish what they were told.
    leaving: JoinSet<()>,
    reading: Option<Later<Contexts>>,
    /// The context of the command line, until it is known in which file it is.
    named: Option<String>,
    /// Whether the present sandbox was started so that nothing of it is changed.
    locked: bool,
}

impl Connections {
    /// None yet.
    pub(crate) fn new(args: args::Window, runtime: Handle, wake: Wake) -> Self {
        let named = args.connection.context.clone();
        let to = |name: &String| Destination::Context(ContextId { name: name.clone(), file: String::new() });
        Self {
            contexts: Contexts { connecting: named.as_ref().map(to), ..Contexts::default() },
            named,
            locked: false,
            args,
            runtime,
            wake,
            current: None,
            leaving: JoinSet::new(),
            reading: None,
        }
    }

    /// Reads the contexts anew, in the background.
    pub(crate) fn read_contexts(&mut self, settings: &Settings, background: &mut Background) {
        self.read(settings, background, None);
    }

    /// What is wrong with a file that is opened now is said; that one of earlier is gone is not.
    fn read(&mut self, settings: &Settings, background: &mut Background, now: Option<PathBuf>) {
        let (kubeconfig, envoy) = (self.args.connection.kubeconfig.clone(), self.args.envoy.clone());
        let opened = settings.kubeconfigs.clone();
        let read = move || {
            let sandbox = own_sandbox::impossible(envoy.as_deref());
            Contexts { sandbox, ..disk::contexts(kubeconfig.as_deref(), &opened, now.as_deref()) }
        };
        self.reading = Some(background.run(read));
    }

    /// Lists the contexts of one more file, now and in later runs.
    pub(crate) fn open(&mut self, file: PathBuf, settings: &mut Settings, background: &mut Background) {
        if !settings.kubeconfigs.contains(&file) {
            settings.kubeconfigs.push(file.clone());
        }
        self.read(settings, background, Some(file));
    }

    /// Where to connect to, by the command line.
    fn target(&self, settings: &Settings) -> Target {
        Target {
            window_secs: Some(settings.window_secs),
            journal: settings::journal(),
            ..self.args.connection.target(self.args.read_only)
        }
    }

    /// Connects to this context; what was connected to before is left.
    pub(crate) fn connect(&mut self, to: ContextId, settings: &mut Settings) {
        let file = Some(PathBuf::from(&to.file)).filter(|file| !file.as_os_str().is_empty());
        let target = Target { context: Some(to.name.clone()), file, ..self.target(settings) };
        let to = Destination::Context(to);
        self.enter(Connection::to_cluster(to, target, &self.runtime, &self.wake));
    }

    /// Starts a sandbox and connects to it; what was connected to before is left.
    pub(crate) fn start_sandbox(&mut self, of: &SandboxOf, settings: &mut Settings) -> Result<(), Problem> {
        let locked = of.read_only;
        let target = Target { read_only: self.args.read_only || locked, ..self.target(settings) };
        let envoy = self.args.envoy.clone();
        let connection = Connection::to_sandbox(&of.scenario, envoy, target, &self.runtime, &self.wake)?;
        self.enter(connection);
        self.locked = locked;
        Ok(())
    }

    /// Whether nothing may be changed through the present connection.
    pub(crate) fn read_only(&self) -> bool {
        self.args.read_only || self.locked
    }

    /// Whether changes of workloads are allowed in the present connection.
    pub(crate) fn workloads(&self, settings: &Settings) -> bool {
        self.cluster().is_some_and(|here| settings.workloads(here))
    }

    /// The cluster that is connected to, once it is known which that is.
    fn cluster(&self) -> Option<&Cluster> {
        self.current.as_ref()?.cluster()
    }

    /// Allows changes of workloads in the present connection, now and in later runs, or no more.
    pub(crate) fn allow_workloads(&mut self, allowed: bool, settings: &mut Settings) -> Result<(), Problem> {
        let Some(here) = self.cluster().cloned() else { return Err(NotGiven::NotYet.into()) };
        settings.workloads_of.retain(|other| !other.is(&here));
        if allowed {
            settings.workloads_of.push(here);
        }
        self.tell_allowed(settings).map_err(Problem::from)
    }

    /// The connection asks last, and so has to know what is allowed in the cluster that it turned out to be to.
    fn tell_allowed(&mut self, settings: &Settings) -> Result<(), NotGiven> {
        let Some(current) = &mut self.current else { return Ok(()) };
        let Some(here) = current.cluster().cloned() else { return Ok(()) };
        let allowed = settings.workloads(&here);
        current.allow_workloads(here, allowed)
    }

    fn enter(&mut self, connection: Connection) {
        self.leave();
        self.contexts.connecting = Some(connection.to.clone());
        self.named = None;
        self.current = Some(connection);
    }

    /// Ends the connection in the background: its pushes are finished, its sandbox is stopped.
    pub(crate) fn leave(&mut self) {
        while self.leaving.try_join_next().is_some() {}
        self.contexts.connecting = None;
        self.locked = false;
        if let Some(connection) = self.current.take() {
            self.leaving.spawn_on(connection.close(), &self.runtime);
        }
    }

    /// Ends all connections. Await it before the program ends.
    pub(crate) fn close(&mut self) -> impl Future<Output = ()> + use<> {
        self.leave();
        all(std::mem::take(&mut self.leaving))
    }

    /// Tries again what failed: the steps of the connection, or all of it where nothing of it is left.
    pub(crate) fn retry(
        &mut self,
        settings: &mut Settings,
        background: &mut Background,
    ) -> Result<(), Problem> {
        match self
            .current
            .as_ref()
            .map(|connection| (connection.to.clone(), connection.order(Command::Retry)))
        {
            None => self.read_contexts(settings, background),
            Some((_, Ok(()))) => {}
            Some((_, Err(full @ NotGiven::Full))) => return Err(full.into()),
            Some((Destination::Sandbox(scenario), Err(_))) => {
                return self.start_sandbox(&SandboxOf { scenario, read_only: self.locked }, settings);
            }
            Some((Destination::Context(id), Err(_))) => self.connect(id, settings),
        }
        Ok(())
    }

    /// Takes in what has arrived since the last frame.
    pub(crate) fn receive(&mut self, paused: bool, settings: &mut Settings) -> Arc<Scene> {
        if let Some(read) = arrived(&mut self.reading) {
            let connecting = self.contexts.connecting.take();
            let last = settings.destination.clone();
            let none = |problem| Contexts { problems: vec![problem], ..Contexts::default() };
            self.contexts = Contexts { last, connecting, ..read.unwrap_or_else(none) };
            if let Some(name) = self.named.take() {
                let known = self.contexts.rows.iter().find(|row| row.name == name);
                let id = known.map_or_else(|| ContextId { name, file: String::new() }, |row| row.id());
                self.connect(id, settings);
            }
        }
        let Some(current) = &mut self.current else { return Arc::default() };
        let scene = current.receive(paused, &self.runtime, &self.wake);
        // What could not be connected to was not used.
        if scene.ready() && settings.destination.as_ref() != Some(&current.to) {
            settings.destination = Some(current.to.clone());
        }
        if let Err(why) = self.tell_allowed(settings) {
            tracing::debug!(?why, "said again in the next frame");
        }
        scene
    }

    /// Whether anything is connected to, or being connected to.
    pub(crate) fn is_there(&self) -> bool {
        self.current.is_some() || self.named.is_some()
    }

    /// News about changes since the last frame.
    pub(crate) fn facts(&mut self) -> Vec<(ChangeId, Fact)> {
        self.current.as_mut().map(Connection::facts).unwrap_or_default()
    }

    /// Gives an order to the cluster. Without a connection there is nothing to be ordered, and nothing is
    /// missed.
    pub(crate) fn order(&self, command: Command) -> Result<(), Problem> {
        self.current.as_ref().map_or(Ok(()), |current| current.order(command).map_err(Problem::from))
    }

    /// Says what was looked at in this frame.
    pub(crate) fn want(&self, reads: BTreeMap<Read, u32>) {
        if let Some(current) = &self.current {
            current.want(reads);
        }
    }
}
