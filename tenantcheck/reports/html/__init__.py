"""The report as one HTML file, for people who were not there: complete without scripts, styles and network."""

from tenantcheck.reports.html.page import render

__all__ = ["render"]
