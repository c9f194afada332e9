"""Tables that stand in a page, between two marks of their name."""

from __future__ import annotations

from pathlib import Path

SECURITY = Path(__file__).parent.parent / "SECURITY.md"


def put(page: Path, name: str, text: str) -> None:
    """Put a text into its place on a page, instead of the one before."""
    written = page.read_text()
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, _, rest = written.partition(begin)
    page.write_text(f"{before}{begin}\n{text}\n\n{end}{rest.partition(end)[2]}")
