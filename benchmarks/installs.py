"""Whether the package can be installed from wheels alone: by Python, C library, and extra.

    python -m benchmarks.installs

pip resolves for the other platform; nothing is installed. (Environment markers do not know the C library, so an extra
can't leave a dependency out on musl.)
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tabulate import tabulate

_PYTHONS = ("3.11", "3.12", "3.13", "3.14")
_PLATFORMS = {
    "glibc": ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64", "manylinux_2_34_x86_64"),
    "musl": ("musllinux_1_1_x86_64", "musllinux_1_2_x86_64"),
}
_EXTRAS = ("", "[lab]", "[fast]", "[fast,lab]")


def resolves(wheel: Path, extra: str, python: str, platforms: tuple[str, ...]) -> bool:
    """Whether pip finds a wheel of everything."""
    with tempfile.TemporaryDirectory() as target:
        chosen = [part for platform in platforms for part in ("--platform", platform)]
        command = [
            *(sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--disable-pip-version-check"),
            *("--only-binary", ":all:", "--target", target, "--python-version", python, *chosen, f"{wheel}{extra}"),
        ]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, "."]
        subprocess.run(build, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        rows = [
            [
                f"tenantcheck{extra}",
                libc,
                *("yes" if resolves(wheel, extra, python, platforms) else "no" for python in _PYTHONS),
            ]
            for extra in _EXTRAS
            for libc, platforms in _PLATFORMS.items()
        ]
    print(tabulate(rows, headers=("", "C library", *(f"Python {python}" for python in _PYTHONS)), tablefmt="github"))


if __name__ == "__main__":
    main()
