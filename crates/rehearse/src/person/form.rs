//! Forms are filled as they were delivered.
