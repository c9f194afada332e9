"""Grouped waves go in; out comes what a clean history is worth: the weakest pair, and the rates that no crossing
excludes."""

from tenantcheck.judge.evidence.figure import EvidenceCounter

__all__ = ["EvidenceCounter"]
