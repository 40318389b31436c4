//! See and steer an Istio service mesh.

use std::process::ExitCode;

fn main() -> ExitCode {
    binnacle::main()
}
