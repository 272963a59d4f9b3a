//! Commands that run at a moment of the rehearsal, and how long recovery takes.
