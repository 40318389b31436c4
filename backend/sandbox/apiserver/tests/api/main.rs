//! The API server as its clients see it: plain HTTP for the shapes of answers, kube-rs, and the real kubectl.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod answers;
mod apply;
mod definitions;
mod grace;
mod harness;
mod kubectl;
mod kubectl_table;
mod kubers;
mod load;
mod objects;
mod odd;
mod openapi;
mod refusals;
mod scale;
mod scene;
mod semantics;
mod shapes;
mod tokens;
mod watches;
mod whole;
