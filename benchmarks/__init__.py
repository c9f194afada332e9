"""Measurements: each module prints a table. Run them from the repository: python -m benchmarks.blind_pools"""
