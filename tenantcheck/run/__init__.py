"""A run: a plan and a target go in, a history comes out.

Knows nothing of checks and evidence: it is handed what says how things stand after each wave.
"""
