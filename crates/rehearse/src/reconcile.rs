//! Compares what was acknowledged with what the application holds: lost, doubled, different.
