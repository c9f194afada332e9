"""Reports: a verdict goes in, a text comes out. Each format is a file of its own, imported when it is used."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType

from tenantcheck.model import Verdict
from tenantcheck.model.text import harmless


@dataclass(frozen=True, kw_only=True)
class Format:
    """One format: what it is for, and the module here that has `render(verdict) -> str`."""

    name: str
    about: str
    module: str
    suffix: str = ""
    """Files that end so are written in it, where no format is named."""

    def render(self, verdict: Verdict) -> str:
        """The report. No text in it steers a terminal."""
        return harmless(_module(self.module).render(verdict))


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"tenantcheck.reports.{name}")


_EVERY = (
    Format(name="plain", about="for files and pipes", module="plain", suffix=".txt"),
    Format(name="json", about="for programs, with a schema", module="json_report", suffix=".json"),
    Format(name="html", about="for people who were not there: one page with pictures", module="html", suffix=".html"),
    Format(name="junit", about="for CI servers, as JUnit's XML", module="junit", suffix=".xml"),
    Format(name="sarif", about="for code scanning, with --sarif-anchor", module="sarif", suffix=".sarif"),
    Format(name="markdown", about="for job summaries and pull requests", module="markdown", suffix=".md"),
    Format(name="intoto", about="for auditors and policies, as an in-toto statement to be signed", module="intoto"),
)
#: The formats, by name. The command line, its help, the documentation and the tests read this table.
FORMATS: dict[str, Format] = {each.name: each for each in _EVERY}
#: What stdout shows on a terminal; it goes into no file.
TERMINAL = "text"
