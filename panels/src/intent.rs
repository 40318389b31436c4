//! Everything a user can ask for. The app carries it out, in one match; panels do nothing else to the world.

use crate::contexts::ContextId;
use crate::held::DraftOf;
use crate::looked::Looked;
use crate::selection::{PanelId, Selected};
use jiff::Timestamp;
use mesh::check::Fix;
use mesh::logging::SetLevel;
use mesh::trace::{Call, End};
use mesh::why::SeenCall;
use mesh::writes::Write;
use mesh::{Change, ChangeId, Ref, Restore};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Something that the user wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Intent {
    /// Connect to this context.
    Connect(ContextId),
    /// Read one more kubeconfig file (asks for it when `None`).
    OpenKubeconfig(Option<PathBuf>),
    /// Look at the traces of a file (asks for it when `None`).
    OpenFile(Option<PathBuf>),
    /// Look at it no more.
    CloseFile,
    /// Start a sandbox of this window's own and connect to it.
    StartSandbox(SandboxOf),
    /// Try again what failed while connecting.
    Retry,
    /// Back to the connect screen.
    Disconnect,
    /// Select something, or nothing.
    Select(Option<Selected>),
    /// Select something, with the editor of this name unfolded.
    Edit(Selected, &'static str),
    /// Begin an object of this name that is not there yet, with this YAML; nothing is written before Push.
    Draft(Ref, String),
    /// Mend what was found in an object: its draft gets it, and nothing is written before Push.
    Mend(Ref, Fix),
    /// Back to what was selected before.
    Back,
    /// Show a panel.
    Open(PanelId),
    /// Show a panel beside those that are shown.
    OpenBeside(PanelId),
    /// Take a panel away that is shown beside others.
    Close(PanelId),
    /// Show only these namespaces; empty shows all.
    Namespaces(Vec<String>),
    /// Measure over this many seconds.
    Window(u64),
    /// Show graph and detail as of a moment of the past, or compare two, or go back to now.
    Look(Looked),
    /// Stop or go on taking in new data.
    Pause(bool),
    /// A draft has settled: its change joins the set that is not pushed yet, in the place of the draft's
    /// older one, and the set is judged on the server without doing it. The draft keeps this id until its
    /// change is pushed.
    Check(ChangeId, Box<Change>),
    /// Do a change set that was checked.
    Push(ChangeId),
    /// Undo a change that was pushed: checks and pushes its inverse.
    Undo(ChangeId),
    /// Go back to an earlier moment: the change that does it joins the set that is not pushed yet.
    Restore(Restore),
    /// Take back what somebody else wrote: the change that does it joins the set that is not pushed yet.
    TakeBack(Box<Write>),
    /// Forget one change of the set, or all of it, or a failed change: its editors go back to what the
    /// cluster has.
    Dismiss(ChangeId),
    /// After a conflict or a failure: make its drafts anew on what the cluster has now, and have them judged
    /// again.
    Rebuild(ChangeId),
    /// Take back a draft that cannot be pushed.
    Reset(DraftOf),
    /// Make a draft anew: on what somebody else has made of its object, or with the object, where that is
    /// gone.
    Anew(DraftOf),
    /// The drafts as they were before the last edit, or before one was dropped.
    UndoEdit,
    /// The edit again that was taken back.
    RedoEdit,
    /// Write the rest of a push that was cut off.
    Finish(ChangeId),
    /// Leave a push that was cut off as it is.
    Leave(ChangeId),
    /// Whether changes of workloads, pods and namespaces are allowed in this connection.
    AllowWorkloads(bool),
    /// Have a proxy write more or less into its log, at once.
    LogLevel(SetLevel),
    /// Open one trace by its id.
    OpenTrace(String),
    /// Show what a proxy ("pod.namespace") holds.
    ProxyOf(String),
    /// Shows a board of charts.
    ChartsOf(mesh::charts::Board),
    /// Show the Logs panel on what pods wrote at a moment.
    LogsOf(Box<LogsOf>),
    /// Show the Traces panel on these.
    TracesOf(TracesOf),
    /// Show the Explain panel on a call: which rule takes it, and who lets it in.
    Explain(Box<SeenCall>),
    /// Show the Traces panel on those in which a span of this service has this tag.
    TracesWith(String, (String, String)),
    /// Light, dark, or as the system.
    Theme(ThemeChoice),
    /// Tell the desktop of something while nobody looks at the window: what, and why.
    Notify(String, String),
    /// Whether the desktop is told at all.
    Notifications(bool),
    /// The card of the first steps is done with, in later runs too.
    FirstStepsDone,
    /// Open the command palette.
    Palette,
    /// Put text on the clipboard; the second text says in a toast what it was.
    Copy(String, String),
    /// Save the graph as SVG or PNG: the graph panel says how it looks, with [`Intent::Save`].
    ExportGraph(ExportFormat),
    /// Write this into a file (asks for the place when the path is `None`).
    Save(Export, Option<PathBuf>),
}

/// Which sandbox to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxOf {
    /// "bookinfo".
    pub scenario: String,
    /// Whether nothing of it shall be changed from this window.
    pub read_only: bool,
}

/// Which traces to show.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct TracesOf {
    /// Whose spans to look for.
    pub end: End,
    /// Only traces with such a call.
    pub call: Option<Call>,
    /// Only failed ones.
    pub failed: bool,
}

/// Which lines of logs to show.
#[derive(Clone, Debug, PartialEq)]
pub struct LogsOf {
    /// Whose pods write them.
    pub of: Selected,
    /// Only of this pod.
    pub pod: Option<String>,
    /// From when to when.
    pub between: (Timestamp, Timestamp),
    /// What lines hold that are of one request: the ids of its trace and its own.
    pub ids: Vec<String>,
}

/// Light, dark, or as the system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum ThemeChoice {
    /// Dark.
    #[default]
    Dark,
    /// Light.
    Light,
    /// As the system says.
    System,
}

/// What is written into a file.
#[derive(Clone)]
pub enum Export {
    /// A picture of the window, as PNG.
    Window,
    /// A drawing, as SVG. It is made when it is written, since that may take a while.
    Drawing(Arc<dyn Fn() -> String + Send + Sync>),
    /// The graph as text, in a file with this extension.
    Graph(&'static str, Arc<dyn Fn() -> String + Send + Sync>),
    /// The journal, as text of this format; made when it is written.
    Journal(ListFormat, Arc<dyn Fn() -> String + Send + Sync>),
}

/// Formats that a list can be saved in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListFormat {
    /// Comma-separated values.
    Csv,
    /// A JSON array.
    Json,
}

impl Export {
    /// What it is called when it is spoken of.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Window | Self::Drawing(_) | Self::Graph(..) => "graph",
            Self::Journal(..) => "journal",
        }
    }
    /// The extension of its file.
    pub fn extension(&self) -> &'static str {
        match self {
            Self::Window => "png",
            Self::Drawing(_) => "svg",
            Self::Graph(extension, _) => extension,
            Self::Journal(ListFormat::Csv, _) => "csv",
            Self::Journal(ListFormat::Json, _) => "json",
        }
    }
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.name(), self.extension())
    }
}

impl PartialEq for Export {
    /// Two that are made when they are written are the same when they are one.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Window, Self::Window) => true,
            (Self::Drawing(a), Self::Drawing(b)) => Arc::ptr_eq(a, b),
            (Self::Graph(one, a), Self::Graph(other, b)) => one == other && Arc::ptr_eq(a, b),
            (Self::Journal(one, a), Self::Journal(other, b)) => one == other && Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

/// Formats that a graph can be saved in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// Vector.
    Svg,
    /// Picture of what the window shows.
    Png,
    /// Graphviz's language.
    Dot,
    /// As `binnacle graph -o json` prints it.
    Json,
}
