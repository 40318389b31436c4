//! What the end-to-end tests share: starting the real binary, driving its window.
