"""Judges a run: the waves of a history go in, a verdict comes out. No I/O."""

from tenantcheck.judge.judge import Judge

__all__ = ["Judge"]
