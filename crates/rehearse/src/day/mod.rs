//! When people arrive: constant, ramps, steps, or a day in compressed time. The curve never waits for the server.
