"""The pictures of the README: what the program prints for an isolated function and for one without isolation.

python -m benchmarks.pictures                 # writes docs/pass.svg and docs/fail.svg
"""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console

# What rich writes is kept, but for the fonts that it would have a browser fetch.
from rich.terminal_theme import DIMMED_MONOKAI

import tenantcheck
from tenantcheck.lab import Lab
from tenantcheck.reports.terminal import print_glance

DOCS = Path(__file__).parents[1] / "docs"
WIDTH = 112


def picture(verdict: tenantcheck.Verdict, title: str) -> str:
    """The report at a glance as SVG, with the fonts of whoever looks at it."""
    console = Console(file=io.StringIO(), record=True, width=WIDTH, force_terminal=True, color_system="truecolor")
    print_glance(verdict, console)
    svg = console.export_svg(title=title, theme=DIMMED_MONOKAI, unique_id="tenantcheck")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")


def main() -> None:
    """Write both pictures."""
    for name, isolation, control in (("pass", "per-tenant", True), ("fail", "none", False)):
        with Lab(isolation=isolation, control=control) as lab:
            tenants = ["acme", "globex", "initech", "umbrella"]
            verdict = tenantcheck.probe(lab.front_url, tenants=tenants, control=lab.control_url if control else None)
        (DOCS / f"{name}.svg").write_text(picture(verdict, "tenantcheck probe"))
        print(f"docs/{name}.svg: {verdict.outcome}")


if __name__ == "__main__":
    main()
