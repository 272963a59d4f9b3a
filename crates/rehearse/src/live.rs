//! What the terminal shows while a rehearsal runs.
