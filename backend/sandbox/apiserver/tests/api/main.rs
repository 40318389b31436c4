//! The API server as its clients see it: plain HTTP for the shapes of answers, kube-rs, and the real kubectl.

#![allow(clippy::unwrap_used)]

mod answers;
mod apply;
mod harness;
mod kubectl;
mod kubers;
mod objects;
mod watches;
