//! Latencies in HDR histograms of microseconds, by step and by second, merged across threads.
