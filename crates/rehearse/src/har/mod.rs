//! HAR 1.2, written exactly and read tolerantly.
