//! What is selected: its health, traffic, versions, configuration, and the editors offered for it.
