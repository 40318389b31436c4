//! The connect screen: contexts, the sandbox, and the steps of connecting.
