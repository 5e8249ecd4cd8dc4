"""Benchmarks: what mere costs, measured beside what does the same work without it.

``python -m benchmarks`` prints one JSON line a figure; see docs/benchmarks.md.
"""
