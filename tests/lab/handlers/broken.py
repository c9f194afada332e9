"""A handler that can't be loaded."""

raise RuntimeError("no init today")
