"""What can go wrong, and the exit code each kind of failure ends with."""

from __future__ import annotations


class TenantcheckError(Exception):
    """The tool could not do its work: exit 1.

    `message` says what happened, `hint` what to do about it. Neither ever carries a secret.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(TenantcheckError):
    """The command line, a tenants file or an option's value is wrong: exit 2."""

    exit_code = 2


class HistoryError(TenantcheckError):
    """A history file can't be read: exit 1. `line` is the line number, counted from 1."""

    def __init__(self, message: str, *, line: int, hint: str = "") -> None:
        super().__init__(f"line {line}: {message}", hint)
        self.line = line


class TargetError(TenantcheckError):
    """The target can't be reached or talked to at all (no credentials, no region, no such host): exit 1."""


class LabError(TenantcheckError):
    """The lab could not be started or run: exit 1."""


class IsolationBreachedError(TenantcheckError):
    """One tenant's requests met another's environment: `Verdict.raise_for_breach`."""

    exit_code = 10
