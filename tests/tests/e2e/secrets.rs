//! Secrets are neither stored nor logged: they are planted wherever the program meets them, everything is
//! logged that can be, and then all that was written is searched.

use crate::mesh::Sandbox;
use crate::secrets_world::{IN_ROUTE, World, jwt};
use crate::session::{SOON, Session, fill, push_until_live, slide};
use anyhow::{Context as _, Result, ensure};
use egui::{Key, Modifiers};
use harness::{Program, planted};
use nix::sys::signal::Signal;
use std::path::Path;
use std::time::Duration;

/// Everything, of every library.
const ALL: (&str, &str) = ("RUST_LOG", "trace");
const LATER: Duration = Duration::from_secs(40);

/// Fails when one of the secrets stands in what a program that has ended has written.
fn nothing_of(world: &World, program: &Program, said: &str, others: &[&Path]) -> Result<()> {
    let mut found = planted::in_text(&world.secrets, "what it said", said);
    for folder in [&[program.home.path(), world.temporary.path()], others].concat() {
        found.extend(planted::below(&world.secrets, folder)?);
    }
    found.retain(|found| !(found.starts_with(IN_ROUTE) && found.contains("/journal/")));
    ensure!(found.is_empty(), "written:\n{}", found.join("\n"));
    Ok(())
}

/// Runs a command; what it said on both streams.
fn command(world: &World, args: &[&str], ends_well: bool) -> Result<String> {
    let kubeconfig = world.kubeconfig.to_str().context("an odd path")?;
    let args = [args, &["--kubeconfig", kubeconfig]].concat();
    let temporary = world.temporary.path().to_str().context("an odd path")?;
    let mut env = vec![ALL, ("TMPDIR", temporary)];
    let outer = format!("http://somebody:{}@127.0.0.1:1", world.secret("password of the outer proxy")?);
    env.push(("HTTPS_PROXY", &outer));
    let mut program = Program::start(&args, &env)?;
    let status = program.wait(LATER)?;
    let mut said = program.stderr_to_end();
    while let Ok(line) = program.line(Duration::from_millis(200)) {
        said += &format!("{line}\n");
    }
    ensure!(status.success() == ends_well, "{args:?} ended with {status}: {}", last(&said));
    ensure!(!said.contains("panicked"), "{said}");
    nothing_of(world, &program, &said, &[]).with_context(|| format!("{args:?}"))?;
    Ok(said)
}

fn last(said: &str) -> String {
    said.lines().rev().take(5).collect::<Vec<_>>().join("\n")
}

#[test]
fn commands_tell_no_secret() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let world = World::of(&sandbox)?;
    let header = world.authorization()?;
    let measured = ["--prometheus", &sandbox.ready.prometheus, "--prometheus-header", &header];
    for context in ["by token", "by certificate", "by plugin", "by file"] {
        let said = command(&world, &[&["proxies", "--context", context], &measured[..]].concat(), true)?;
        // Otherwise nothing was looked for.
        ensure!(said.contains("TRACE cluster") && said.contains("synced"), "{context}: {}", last(&said));
    }
    ensure!(world.proxied(), "nobody came by the proxy with its password");
    for (context, tells) in [
        ("bad key", "certificate or key"),
        ("bad token", "line break"),
        ("wrong token", "401"),
        ("refused by the proxy", "proxy"),
        ("behind the outer proxy", "proxy"),
        ("nonsense of a plugin", "ExecCredential"),
        ("by password", ""),
    ] {
        let said = command(&world, &["graph", "--context", context], false)?;
        ensure!(last(&said).contains(tells), "{context}: {}", last(&said));
    }
    let url = format!("http://ann:{}@127.0.0.1:1/?key=1", world.secret("password of a URL")?);
    let args = ["graph", "--context", "by token", "--tracing", &url, "--istiod", &url, "--prometheus", &url];
    let said = command(&world, &[&args[..], &["--prometheus-header", &header]].concat(), false)?;
    ensure!(said.contains("127.0.0.1:1"), "{}", last(&said));
    std::fs::write(&world.kubeconfig, format!("users: [{{token: {}", world.secret("token in bad YAML")?))?;
    command(&world, &["graph", "--context", "by token"], false)?;
    Ok(())
}

#[test]
fn the_window_tells_and_keeps_no_secret() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let world = World::of(&sandbox)?;
    let pictures = tempfile::tempdir()?;
    let picture = pictures.path().join("window.png");
    let path = |path: &Path| path.to_str().map(str::to_owned).context("an odd path");
    let (kubeconfig, shown) = (path(&world.kubeconfig)?, path(&picture)?);
    let header = world.authorization()?;
    let mut args = vec!["--kubeconfig", &kubeconfig, "--picture", &shown];
    args.extend(["--prometheus", &sandbox.ready.prometheus, "--prometheus-header", &header]);
    let temporary = path(world.temporary.path())?;
    let mut session = Session::open_with(&args, &[ALL, ("TMPDIR", &temporary)])?;
    let window = &session.window;
    window.wait_for("by plugin", SOON)?;
    window.click("by plugin")?;
    session.all_nodes()?;

    // Somebody has a token in the clipboard and takes it for a name.
    let pasted = jwt(&world)?;
    fill(window, "Find in graph", &pasted)?;
    window.key(Key::K, Modifiers::COMMAND)?;
    window.text(&pasted)?;
    window.wait_until("it in the palette", SOON, |widgets| {
        widgets.iter().any(|widget| widget.value.as_deref() == Some(&pasted)).then_some(())
    })?;
    window.key(Key::Escape, Modifiers::NONE)?;
    window.click("Traces")?;
    window.wait_for("Search traces", SOON)?;
    fill(window, "Tags", &format!("authorization={pasted}"))?;
    window.wait_until("an answer", SOON, |widgets| {
        widgets.iter().any(|widget| widget.name.starts_with("No traces")).then_some(())
    })?;

    // A change, so that the journal has one.
    window.click("Graph")?;
    fill(window, "Find in graph", "")?;
    // The camera may still be under way, as it would be for a person.
    for _ in 0..5 {
        window.click("reviews v3")?;
        if window.wait_for("reviews v3 share", Duration::from_secs(2)).is_ok() {
            break;
        }
    }
    window.wait_for("reviews v3 share", SOON)?;
    slide(window, "reviews v3 share", 80)?;
    push_until_live(window)?;
    window.wait_until("a picture", SOON, |_| picture.is_file().then_some(()))?;
    session.program.signal(Signal::SIGTERM)?;
    let status = session.program.wait(LATER)?;
    let said = session.program.stderr_to_end();
    ensure!(status.success() && !said.contains("panicked"), "{status}: {}", last(&said));
    nothing_of(&world, &session.program, &said, &[pictures.path()])?;

    // All of it was there to be searched: log, settings, journal, and a picture of nothing but pixels.
    let home = session.program.home.path();
    let has = |end: &str, words: &str| -> Result<()> {
        let files: Vec<_> = planted::files(home)?.into_iter().filter(|file| file.is_file()).collect();
        let of_it = |file: &&std::path::PathBuf| file.display().to_string().contains(end);
        let read = |file: &std::path::PathBuf| std::fs::read_to_string(file).unwrap_or_default();
        let found = files.iter().filter(of_it).any(|file| read(file).contains(words));
        ensure!(found, "no {words:?} in a file {end}: {files:?}");
        Ok(())
    };
    has(".log", "TRACE cluster")?;
    has("settings.json", "by plugin")?;
    has("journal/", "reviews")?;
    ensure!(chunks(&std::fs::read(&picture)?) == ["IHDR", "IDAT", "IEND"], "more than pixels");
    Ok(())
}

/// What a PNG consists of; repeated parts once.
fn chunks(png: &[u8]) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), png.get(8..).unwrap_or_default());
    while let [a, b, c, d, name @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        found.extend(name.get(..4).map(|name| String::from_utf8_lossy(name).into_owned()));
        rest = name.get(4 + length + 4..).unwrap_or_default();
    }
    found.dedup();
    found
}
