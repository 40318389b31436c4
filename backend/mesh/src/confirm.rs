//! (written by the mesh owner)
