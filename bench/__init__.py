"""Benchmarks: what the project measures about itself. Nothing here is installed."""
