"""Benchmarks: what the project costs, measured on the machine at hand."""
