"""Benchmarks: ratios measured within one run, because the machines they run on are shared and noisy."""
