//! Modules read top-down: a module uses those that stand beneath it, and none that uses it, be it through
//! others. A folder's own file stands above the files in it, and folders stand above or beneath their
//! neighbours as one.

use crate::{files, root};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

/// Crates that read top-down.
const TOP_DOWN: [&str; 4] =
    ["app/src", "backend/sandbox/apiserver/src", "backend/sandbox/pilot/src", "panels/src"];

/// Where a module stands: `["translate", "routes"]`; the crate's own file is at `[]`.
type Place = Vec<String>;
/// Texts of modules.
type Modules = BTreeMap<Place, String>;

/// The modules of a crate, without its tests.
fn modules(folder: &Path) -> Modules {
    let rust = |path: &Path| path.extension().is_some_and(|extension| extension == "rs");
    let mut found = Modules::new();
    for path in files(folder).into_iter().filter(|path| rust(path)) {
        let inner = path.strip_prefix(folder).expect("below the folder").with_extension("");
        let mut place: Place = inner.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if matches!(place.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            place.pop();
        }
        if !place.iter().any(|part| part.ends_with("tests")) {
            let text = std::fs::read_to_string(&path).expect("sources are text");
            found.insert(place, product(&text));
        }
    }
    found
}

/// A file without its comments and its tests.
fn product(text: &str) -> String {
    let product = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let lines = product.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.fold(String::new(), |text, line| text + line + "\n")
}

/// The paths that a `use` names: `a::{b, c::d}` are `a::b` and `a::c::d`.
fn spread(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((before, inner)) =
        tree.split_once('{').and_then(|(before, rest)| Some((before, rest.strip_suffix('}')?)))
    else {
        return vec![tree.split(" as ").next().unwrap_or_default().to_owned()];
    };
    let (mut depth, mut parts) = (0_i32, vec![String::new()]);
    for letter in inner.chars() {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        match parts.last_mut() {
            Some(part) if letter != ',' || depth > 0 => part.push(letter),
            _ => parts.push(String::new()),
        }
    }
    let some = parts.iter().filter(|part| !part.trim().is_empty());
    some.flat_map(|part| spread(&format!("{before}{}", part.trim()))).collect()
}

/// Every path in a text: those of `use`, those that stand in the code, and the modules that it declares.
fn paths(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut code = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("use ") {
        let begins = rest[..at].chars().next_back().is_none_or(|before| before == '\n' || before == ' ');
        let end = rest[at..].find(';').map_or(rest.len(), |end| at + end);
        if begins {
            found.extend(spread(&rest[at + 4..end]));
            code.push_str(&rest[..at]);
            rest = &rest[end..];
        } else {
            code.push_str(&rest[..at + 4]);
            rest = &rest[at + 4..];
        }
    }
    code.push_str(rest);
    found.extend(
        code.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != ':')
            .filter(|word| word.contains("::"))
            .map(str::to_owned),
    );
    let declared = code.lines().filter_map(|line| line.split_once("mod ")?.1.strip_suffix(';'));
    found.extend(declared.map(|name| format!("self::{name}")));
    found
}

/// The module that a path in `from` leads into.
fn meant(modules: &Modules, from: &Place, path: &str) -> Option<Place> {
    let mut words = path.split("::").map(str::trim).peekable();
    let mut place = match *words.peek()? {
        "crate" => words.next().map(|_| Place::new())?,
        "self" => words.next().map(|_| from.clone())?,
        "super" => {
            let mut place = from.clone();
            while words.next_if_eq(&"super").is_some() {
                place.pop();
            }
            place
        }
        child => {
            Some(from.clone()).filter(|_| modules.contains_key(&[&from[..], &[child.to_owned()]].concat()))?
        }
    };
    for word in words {
        place.push(word.to_owned());
        if !modules.contains_key(&place) {
            place.pop();
            break;
        }
    }
    Some(place)
}

/// Who uses whom in a folder, its own file being `.`, with the files of one use of each as example.
type Arrows = BTreeMap<(String, String), (Place, Place)>;

/// The arrows of each folder.
fn arrows(modules: &Modules) -> BTreeMap<Place, Arrows> {
    let mut found: BTreeMap<Place, Arrows> = BTreeMap::new();
    for (from, text) in modules {
        for to in paths(text).iter().filter_map(|path| meant(modules, from, path)).filter(|to| to != from) {
            let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
            let inside = |place: &Place| place.get(common).map_or(".", String::as_str).to_owned();
            let arrow = (inside(from), inside(&to));
            found.entry(from[..common].to_vec()).or_default().entry(arrow).or_insert((from.clone(), to));
        }
    }
    found
}

/// A shortest circle, if there is one.
fn circle(arrows: &Arrows) -> Option<Vec<String>> {
    let names: BTreeSet<&String> = arrows.keys().map(|(from, _)| from).collect();
    let mut shortest: Option<Vec<String>> = None;
    for start in names {
        let mut ways = vec![vec![start.clone()]];
        let mut seen = BTreeSet::new();
        while let Some(way) = (!ways.is_empty()).then(|| ways.remove(0)) {
            let here = way.last().expect("a way has a start");
            for (_, next) in arrows.keys().filter(|(from, _)| from == here) {
                if next == start && shortest.as_ref().is_none_or(|known| way.len() < known.len()) {
                    shortest = Some(way.clone());
                } else if seen.insert(next.clone()) {
                    ways.push([&way[..], std::slice::from_ref(next)].concat());
                }
            }
        }
    }
    shortest
}

/// What runs up, in words.
fn running_up(modules: &Modules) -> String {
    let mut words = String::new();
    for (folder, arrows) in arrows(modules) {
        let Some(circle) = circle(&arrows) else { continue };
        writeln!(words, "in {}:", if folder.is_empty() { "the crate".into() } else { folder.join("/") })
            .expect("text");
        for (index, from) in circle.iter().enumerate() {
            let to = &circle[(index + 1) % circle.len()];
            let (one, other) = &arrows[&(from.clone(), to.clone())];
            writeln!(words, "  {from} uses {to}: {:?} {:?}", one.join("/"), other.join("/")).expect("text");
        }
    }
    words
}

#[test]
fn modules_read_top_down() {
    for name in TOP_DOWN {
        let modules = modules(&root().join(name));
        assert!(modules.len() > 10, "{name} has no modules");
        let words = running_up(&modules);
        assert!(words.is_empty(), "modules of {name} use each other\n{words}");
    }
}

#[test]
fn arrows_that_run_up_are_found() {
    let of = |texts: &[(&str, &str)]| {
        let place = |path: &str| path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let texts = texts.iter().map(|(path, text)| (place(path), product(text)));
        running_up(&texts.collect())
    };
    let layers = [
        ("", "mod a;\nmod b;\npub use a::A;"),
        ("a", "use crate::b::{self, c::D};\n"),
        ("b", "mod c;"),
        ("b/c", ""),
    ];
    assert_eq!(of(&layers), "");
    for (file, text) in [
        ("b/c", "use crate::a::A;"),
        ("b", "mod c;\nfn f() { crate::a::g() }"),
        ("b/c", "use super::B;"),
        ("b", "mod c;\nuse super::{\n    a::{A, B},\n};"),
        ("b/c", "use crate::Thing;"),
        ("a", "mod x;\nuse super::b;\nfn f() { super::f() }"),
    ] {
        let changed = layers.map(|(name, old)| (name, if name == file { text } else { old }));
        assert_ne!(of(&changed), "", "{file}: {text}");
    }
    let tests = layers.map(|(name, old)| {
        (
            name,
            if name == "b/c" {
                "//! [`crate::a`]\n#[cfg(test)]\nmod tests {\n    use crate::a;\n}"
            } else {
                old
            },
        )
    });
    assert_eq!(of(&tests), "", "comments and tests may use everything");
}
