//! Does nothing: cargo looks at dependencies of a build only where there is one.

fn main() {}
