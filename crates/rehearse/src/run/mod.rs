//! Plays a scenario as many people and watches itself doing so.
