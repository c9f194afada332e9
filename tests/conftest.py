"""Fixtures: no credentials, proxies or settings of whoever runs the tests; a lab for each test module."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tenantcheck.lab import Lab

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

#: What starts processes, and what repeats simulations until a rate is known: `make quick` leaves both out.
_LAB = ("cli", "examples", "nginx", "lab/test_front.py", "lab/test_invoke.py", "lab/test_lifetime.py")
_STATISTICS = ("judge/evidence/test_validity.py", "lab/test_faults.py", "simulation")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by where they stand; those that ask for a lab start processes wherever they stand."""
    root = Path(__file__).parent
    for item in items:
        if "labs" in getattr(item, "fixturenames", ()) or _stands_in(item.path, root, _LAB):
            item.add_marker("lab")
        if _stands_in(item.path, root, _STATISTICS):
            item.add_marker("statistics")


def _stands_in(path: Path, root: Path, places: tuple[str, ...]) -> bool:
    return any(path.is_relative_to(root / place) for place in places)


@pytest.fixture(autouse=True, scope="session")
def _clean_environment() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    for name in list(os.environ):
        if name.startswith(("AWS_", "TENANTCHECK_", "SSL_CERT_")) or name.lower().endswith("_proxy"):
            patch.delenv(name)
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    patch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    yield
    patch.undo()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up credentials and a region."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-test")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")


@pytest.fixture
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def labs() -> Iterator[Callable[..., Lab]]:
    """A lab per settings, started when first asked for, ended with the module."""
    with ExitStack() as stack:
        running: dict[str, Lab] = {}

        def get(**settings: Any) -> Lab:
            key = repr(sorted(settings.items()))
            if key not in running:
                running[key] = stack.enter_context(Lab(**settings))
            return running[key]

        yield get
