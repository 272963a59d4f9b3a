//! Makes a scenario of one or two recordings: steps, think times, and the dynamic values found.
