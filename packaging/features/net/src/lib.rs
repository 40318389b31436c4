//! Nothing: what counts is the manifest, as in `packaging/features`, for crates that do I/O.
