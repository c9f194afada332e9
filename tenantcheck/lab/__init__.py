"""A local Lambda: real runtime clients, one process per execution environment, the Invoke API and a front.

It is for trying the tool, for testing it against known faults, and for your own CI before AWS is there. It
never imports the part of the program that judges it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tenantcheck.errors import LabError

if TYPE_CHECKING:
    from tenantcheck.lab.function import Settings
    from tenantcheck.lab.server import Lab, LabServer

__all__ = ["Lab", "LabServer", "Settings"]


def __getattr__(name: str) -> Any:
    # Imported when used: the pool needs no server, and the server needs the `lab` extra.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from tenantcheck.lab import server
    except ImportError as error:
        raise LabError("the lab's packages are not installed", "pip install 'tenantcheck[lab]'") from error
    return getattr(server, name)
