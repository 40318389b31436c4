//! Run, test, bench.
fn main() {}
