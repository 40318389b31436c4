//! The command `check`: what is wrong with a mesh, or with what stands in files.

use crate::args::{Check, CheckFormat, FailOn, Of};
use crate::{commands, complain};
use cluster::Needs;
use jiff::Timestamp;
use mesh::check::files::Files;
use mesh::check::report::{Report, Suppress, explained};
use mesh::check::{Live, Severity, World, checks, judge, named};
use mesh::mesh_config::MeshConfig;
use mesh::{Answer, Mesh, Problem, Read, Remote, Scene};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// It could not be looked for.
const NOT_DONE: u8 = 2;
/// So long a file is, at most.
const LARGEST: u64 = 256 << 20;

/// Looks, prints, and says how bad it is.
pub(crate) fn check(args: &Check) -> ExitCode {
    match done(args) {
        Ok(code) => code,
        Err(problem) => {
            complain(&problem);
            ExitCode::from(NOT_DONE)
        }
    }
}

fn done(args: &Check) -> Result<ExitCode, Problem> {
    if let Some(name) = &args.explain {
        return explain(name).map(|()| ExitCode::SUCCESS);
    }
    let suppress = suppressed(&args.suppress)?;
    // Of a mesh that runs, all that checks ask for besides objects.
    let needs = Needs { traffic: true, proxies: true, questions: true, ..Needs::default() };
    let Looked { files, scene, mesh, config } = look_at(&args.of, needs)?;
    let world = World::new(&mesh, config.as_ref().map_err(Clone::clone).map(|config| &**config));
    let judged = match &scene {
        Some(scene) => judge(&world.watched(Live::of(scene, Timestamp::now()))),
        None => judge(&world.from_files()),
    };
    // Of a mesh with files laid over it the files are what is asked for.
    let report = Report::of(&judged, mesh.objects(), &files, &suppress, &args.of.connection.namespace);
    commands::print(&text(&report, args.output)?)?;
    Ok(if fails(&report, args.fail_on) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn text(report: &Report, output: CheckFormat) -> Result<String, Problem> {
    let value = match output {
        CheckFormat::Text => return Ok(report.text()),
        CheckFormat::Json => report.json(),
        CheckFormat::Sarif => report.sarif(env!("CARGO_PKG_VERSION")),
    };
    serde_json::to_string_pretty(&value).map_err(|error| commands::unwritable("the findings", &error.into()))
}

fn fails(report: &Report, on: FailOn) -> bool {
    let limit = match on {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
        FailOn::Info => Severity::Info,
        FailOn::Never => return false,
    };
    report.worst().is_some_and(|worst| worst <= limit)
}

fn explain(name: &str) -> Result<(), Problem> {
    if name == "all" {
        let all: Vec<String> = checks().map(explained).collect();
        return commands::print(&all.join("\n\n"));
    }
    match named(name) {
        Some(check) => commands::print(&explained(check)),
        None => Err(unknown(name)),
    }
}

fn unknown(name: &str) -> Problem {
    Problem::new(format!("There is no check {name}"), "no check has this name or code", "See --explain all")
}

fn suppressed(said: &[String]) -> Result<Vec<Suppress>, Problem> {
    let mut all = Vec::new();
    for one in said {
        all.extend(Suppress::read(one).map_err(|_| unknown(one.split('=').next().unwrap_or_default()))?);
    }
    Ok(all)
}

/// What a command looks at: a mesh, files, or files laid over a mesh.
pub(crate) struct Looked {
    pub(crate) files: Files,
    pub(crate) scene: Option<Arc<Scene>>,
    pub(crate) mesh: Arc<Mesh>,
    /// What the mesh as a whole is told, or why that is not known.
    pub(crate) config: Config,
}

/// The mesh of the connection, the files, or both.
pub(crate) fn look_at(of: &Of, needs: Needs) -> Result<Looked, Problem> {
    let Of { connection, file: paths, mesh_config: config } = of;
    let config = config.as_deref();
    let files = read(paths, &connection.namespace)?;
    // Files alone are judged alone; a context that is named is what they are laid over.
    let connect = paths.is_empty() || connection.context.is_some() || connection.kubeconfig.is_some();
    let needs = Needs { mesh_config: config.is_none(), ..needs };
    let scene = connect.then(|| commands::once(connection, needs)).transpose()?;
    let mesh = match &scene {
        Some(scene) if paths.is_empty() => Arc::clone(&scene.mesh),
        over => Arc::new(files.mesh(over.as_ref().map(|scene| &*scene.mesh))),
    };
    let config = mesh_config(config, scene.as_deref(), &mesh)?;
    Ok(Looked { files, scene, mesh, config })
}

pub(crate) type Config = Result<Arc<MeshConfig>, Problem>;

fn mesh_config(file: Option<&Path>, scene: Option<&Scene>, mesh: &Mesh) -> Result<Config, Problem> {
    if let Some(file) = file {
        let text = text_of(file)?;
        let config = MeshConfig::of_text(&text).map_err(|why| {
            let what = format!("{} cannot be read as the mesh's configuration", file.display());
            Problem::new(what, format!("line {}: {why}", why.place().line + 1), "Mend that line")
        })?;
        return Ok(Ok(Arc::new(config)));
    }
    let unread = || {
        Problem::new("The mesh's configuration is not known", "it was not read", "Give --mesh-config FILE")
    };
    let Some(scene) = scene else { return Ok(Err(unread())) };
    let read = Read::MeshConfig(mesh.root_namespace().to_owned());
    Ok(match scene.answers.get(&read) {
        Remote::Live(answer, _) | Remote::Stale(answer, ..) => match &**answer {
            Answer::MeshConfig(config) => Ok(Arc::clone(config)),
            _ => Err(unread()),
        },
        Remote::Denied(problem) => Err(problem.clone()),
        Remote::Waiting => Err(unread()),
    })
}

/// Everything that stands in these files and folders.
fn read(paths: &[PathBuf], namespaces: &[String]) -> Result<Files, Problem> {
    let namespace = namespaces.first().map_or("default", String::as_str);
    let mut files = Files::default();
    for path in paths {
        for file in found(path)? {
            files.read(&file.display().to_string(), &text_of(&file)?, namespace);
        }
    }
    Ok(files)
}

/// The files that a path stands for: itself, or all YAML and JSON below a folder, sorted.
fn found(path: &Path) -> Result<Vec<PathBuf>, Problem> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let (mut all, mut open) = (Vec::new(), vec![path.to_owned()]);
    while let Some(folder) = open.pop() {
        let entries = std::fs::read_dir(&folder).map_err(|error| unreadable(&folder, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(&folder, &error))?;
            // Links are not followed into folders: they may lead back.
            let kind = entry.file_type().map_err(|error| unreadable(&entry.path(), &error))?;
            let path = entry.path();
            let named =
                |endings: &[&str]| path.extension().is_some_and(|end| endings.iter().any(|one| end == *one));
            if kind.is_dir() {
                open.push(path);
            } else if path.is_file() && named(&["yaml", "yml", "json"]) {
                all.push(path);
            }
        }
    }
    all.sort();
    match all.is_empty() {
        true => Err(Problem::new(
            format!("There is nothing to look at in {}", path.display()),
            "no file there ends in .yaml, .yml or .json",
            "Name the file itself",
        )),
        false => Ok(all),
    }
}

fn text_of(file: &Path) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    let mut reader: Box<dyn std::io::Read> = match file.as_os_str() == "-" {
        true => Box::new(std::io::stdin().lock()),
        // One that nobody writes to would be waited for without end.
        false if file.exists() && !file.is_file() => {
            let why = "it is neither a file nor a folder";
            return Err(Problem::new(format!("{} cannot be read", file.display()), why, "Name a file"));
        }
        false => Box::new(std::fs::File::open(file).map_err(|error| unreadable(file, &error))?),
    };
    reader.by_ref().take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| unreadable(file, &error))?;
    if bytes.len() as u64 > LARGEST {
        let why = format!("it is larger than {} MB", LARGEST >> 20);
        return Err(Problem::new(
            format!("{} was not read", file.display()),
            why,
            "Part it into several files",
        ));
    }
    // One byte that is no text costs its document, not the file.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    let why = match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "you may not read it".to_owned(),
        _ => error.to_string(),
    };
    Problem::new(format!("{} cannot be read", path.display()), why, "Name a file that can be read")
}
