//! Nothing: what counts is the manifest, which makes the features of dependencies the same for every
//! selection of crates.
