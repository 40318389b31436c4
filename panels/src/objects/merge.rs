//! Two texts that were made of one: line by line, what only one of them changed counts.

use similar::{Algorithm, DiffTag, capture_diff_slices};

/// Lines of the base that a text has others for.
#[derive(Clone, PartialEq)]
struct Hunk {
    from: usize,
    to: usize,
    lines: String,
}

/// Both changes in one text, and whether they concern the same lines; of those `mine` stay.
pub(super) fn merged(base: &str, mine: &str, theirs: &str) -> (String, bool) {
    let lines: Vec<&str> = base.split_inclusive('\n').collect();
    let (mine, theirs) = (hunks(&lines, mine), hunks(&lines, theirs));
    let (mut mine, mut theirs) = (mine.as_slice(), theirs.as_slice());
    let (mut text, mut at, mut clash) = (String::new(), 0, false);
    while let Some(first) =
        [mine.first(), theirs.first()].into_iter().flatten().min_by_key(|hunk| (hunk.from, hunk.to))
    {
        // All that touches it, from both sides.
        let (mut from, mut to) = (first.from, first.to);
        let (mut of_mine, mut of_theirs) = (0, 0);
        loop {
            let touches = |hunk: &&Hunk| {
                hunk.from < to && from < hunk.to || [hunk.from, hunk.to, from] == [from, to, to]
            };
            if mine.get(of_mine).filter(touches).is_some() {
                (from, to) = (from.min(mine[of_mine].from), to.max(mine[of_mine].to));
                of_mine += 1;
            } else if theirs.get(of_theirs).filter(touches).is_some() {
                (from, to) = (from.min(theirs[of_theirs].from), to.max(theirs[of_theirs].to));
                of_theirs += 1;
            } else {
                break;
            }
        }
        text.extend(lines[at..from].iter().copied());
        let render = |hunks: &[Hunk]| {
            let (mut text, mut at) = (String::new(), from);
            for hunk in hunks {
                text.extend(lines[at..hunk.from].iter().copied());
                text.push_str(&hunk.lines);
                at = hunk.to;
            }
            text.extend(lines[at..to].iter().copied());
            text
        };
        let (one, other) = (render(&mine[..of_mine]), render(&theirs[..of_theirs]));
        clash |= of_mine > 0 && of_theirs > 0 && one != other;
        text.push_str(if of_mine > 0 { &one } else { &other });
        at = to;
        (mine, theirs) = (&mine[of_mine..], &theirs[of_theirs..]);
    }
    text.extend(lines[at..].iter().copied());
    (text, clash)
}

fn hunks(base: &[&str], text: &str) -> Vec<Hunk> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut found: Vec<Hunk> = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, base, &lines) {
        if op.tag() == DiffTag::Equal {
            continue;
        }
        let (old, new) = (op.old_range(), op.new_range());
        let more: String = lines[new].concat();
        match found.last_mut().filter(|last| last.to == old.start) {
            Some(last) => {
                last.lines.push_str(&more);
                last.to = old.end;
            }
            None => found.push(Hunk { from: old.start, to: old.end, lines: more }),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "a: 1\nb: 2\nc: 3\nd: 4\n";

    #[track_caller]
    fn check(mine: &str, theirs: &str, expect: (&str, bool)) {
        let (text, clash) = merged(BASE, mine, theirs);
        assert_eq!((text.as_str(), clash), expect);
        let (_, back) = merged(BASE, theirs, mine);
        assert_eq!(back, clash, "whoever is first");
    }

    #[test]
    fn what_one_changed_counts() {
        check(BASE, BASE, (BASE, false));
        check("a: 1\nb: 9\nc: 3\nd: 4\n", BASE, ("a: 1\nb: 9\nc: 3\nd: 4\n", false));
        check("a: 1\nb: 9\nc: 3\nd: 4\n", "a: 1\nb: 2\nc: 3\nd: 8\n", ("a: 1\nb: 9\nc: 3\nd: 8\n", false));
        check("a: 1\nb: 9\nc: 3\nd: 4\n", "a: 1\nb: 2\nc: 7\nd: 4\n", ("a: 1\nb: 9\nc: 7\nd: 4\n", false));
        check("x: 0\na: 1\nb: 2\nc: 3\nd: 4\n", "a: 1\nb: 2\nd: 4\n", ("x: 0\na: 1\nb: 2\nd: 4\n", false));
        check("a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n", "b: 2\nc: 3\nd: 4\n", ("b: 2\nc: 3\nd: 4\ne: 5\n", false));
    }

    #[test]
    fn of_what_both_changed_mine_stays() {
        check("a: 1\nb: 9\nc: 3\nd: 4\n", "a: 1\nb: 8\nc: 3\nd: 4\n", ("a: 1\nb: 9\nc: 3\nd: 4\n", true));
        check("a: 1\nb: 9\nc: 3\nd: 4\n", "a: 1\nb: 9\nc: 3\nd: 4\n", ("a: 1\nb: 9\nc: 3\nd: 4\n", false));
        check("a: 1\nc: 3\nd: 4\n", "a: 1\nb: 8\nc: 3\nd: 4\n", ("a: 1\nc: 3\nd: 4\n", true));
        check(&format!("{BASE}e: 1\n"), &format!("{BASE}e: 2\n"), ("a: 1\nb: 2\nc: 3\nd: 4\ne: 1\n", true));
    }
}
