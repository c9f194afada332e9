"""Reports: pure functions of a verdict, each in a file of its own. Renderers are imported when used."""

from __future__ import annotations

from typing import Literal

from tenantcheck.model import Verdict

Format = Literal["plain", "json"]
FORMATS: tuple[Format, ...] = ("plain", "json")


def render(verdict: Verdict, fmt: Format) -> str:
    """The report in one of the formats that are text."""
    if fmt == "json":
        from tenantcheck.reports.json_report import render_json

        return render_json(verdict)
    from tenantcheck.reports.plain import render_plain

    return render_plain(verdict)
