"""What `lint` and `inspect` have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from tenantcheck.cli.options import in_group, split, stacked

F = TypeVar("F", bound=Callable[..., Any])


def config_options() -> Callable[[F], F]:
    """How a configuration is judged."""
    judging = in_group("Judging")
    return stacked(
        judging("--expect", metavar="a,b|*", default="", help="Functions that should be isolated; * means all."),
        judging("--tenant-count", type=click.IntRange(1, 10_000_000), help="How many tenants there will be."),
        judging("--only", multiple=True, metavar="RULE", help="Only these rules."),
        judging("--skip", multiple=True, metavar="RULE", help="Not these rules."),
        judging("--strict", is_flag=True, help="Weaknesses fail it."),
    )


def read_config(given: dict[str, Any]) -> dict[str, Any]:
    """The options as the API takes them."""
    lists = {name: split(given[name]) for name in ("only", "skip")}
    expect = frozenset(part.strip() for part in given["expect"].split(",") if part.strip())
    return given | lists | {"expect": expect}
