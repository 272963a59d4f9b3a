//! Writes what was acknowledged: one JSON line for each request of a marked step.
