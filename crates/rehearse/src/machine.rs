//! The machine during the run: CPU, pressure, memory.
