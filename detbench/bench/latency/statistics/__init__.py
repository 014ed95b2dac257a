"""Statistics of latency: autocorrelated samples of a process, and figures of several processes."""
