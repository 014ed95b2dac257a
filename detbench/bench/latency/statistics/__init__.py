"""Statistics of autocorrelated latency samples: percentiles, warm-up, stopping and comparison."""
