"""Reading templates: what `tenantcheck lint` finds of every planted mistake beside other tools on the same files, and
how fast. `python -m benchmarks.lint --write` puts both tables into `benchmarks/LINT.md`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate

import tenantcheck
from tests.config.templates import GOOD, MISTAKES, planted

PAGE = Path(__file__).with_name("LINT.md")
_BEGIN, _END = "<!-- lint -->", "<!-- end of lint -->"
_TEMPLATES = 300


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"also write them to {PAGE.name}")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = f"{_found(Path(folder))}\n\n{_speed(Path(folder))}\n"
    print(told)
    if given.write:
        before, _, rest = PAGE.read_text().partition(_BEGIN)
        PAGE.write_text(f"{before}{_BEGIN}\n\n{told}\n{_END}{rest.partition(_END)[2]}")


def _found(folder: Path) -> str:
    """What each tool finds in a template with one mistake that it does not find in the one without."""
    files = {folder / "good.yaml": GOOD}
    files |= {folder / f"{number:02}.yaml": planted(mistake) for number, mistake in enumerate(MISTAKES)}
    for file, text in files.items():
        file.write_text(text)
    peers = {name: run(list(files)) for name, run in _PEERS.items() if shutil.which(name)}
    rows = []
    for number, mistake in enumerate(MISTAKES):
        file = folder / f"{number:02}.yaml"
        verdict = tenantcheck.lint(file, expect=["Orders"], tenant_count=100)
        ours = next((each for each in verdict.findings if each.check == mistake.rule), None)
        others = [", ".join(sorted(_more(found, file, folder))) or "-" for found in peers.values()]
        rows.append((mistake.rule, mistake.at.rstrip(":"), ours.severity if ours else "-", *others))
    count = ("found", f"of {len(rows)}", sum(row[2] != "-" for row in rows))
    totals = (*count, *(sum(row[3 + n] != "-" for row in rows) for n in range(len(peers))))
    return tabulate([*rows, totals], headers=("mistake", "at", "tenantcheck", *peers), tablefmt="github")


def _more(found: dict[str, Counter[str]], file: Path, folder: Path) -> set[str]:
    """Rules that find more in a file than in the one that is right."""
    usual = found.get(str(folder / "good.yaml"), Counter())
    return set((found.get(str(file), Counter()) - usual).keys())


def _cfn_lint(files: Sequence[Path]) -> dict[str, Counter[str]]:
    ran = subprocess.run(["cfn-lint", "--format", "json", "--", *map(str, files)], capture_output=True, text=True)
    found: dict[str, Counter[str]] = {}
    for each in json.loads(ran.stdout or "[]"):
        found.setdefault(each["Filename"], Counter())[each["Rule"]["Id"]] += 1
    return found


def _checkov(files: Sequence[Path]) -> dict[str, Counter[str]]:
    words = ["checkov", "--framework", "cloudformation", "--quiet", "--output", "json"]
    ran = subprocess.run([*words, *(word for file in files for word in ("-f", str(file)))], capture_output=True)
    found: dict[str, Counter[str]] = {}
    for each in json.loads(ran.stdout or b"{}").get("results", {}).get("failed_checks", ()):
        path = str(files[0].parent / Path(each["file_path"]).name)
        found.setdefault(path, Counter())[each["check_id"]] += 1
    return found


_PEERS = {"cfn-lint": _cfn_lint, "checkov": _checkov}


def _speed(folder: Path) -> str:
    """Templates a second in one process, and one file from the shell."""
    one = folder / "good.yaml"
    many = folder / "many"
    many.mkdir()
    for number in range(_TEMPLATES):
        (many / f"{number}.yaml").write_text(GOOD)
    program = shutil.which("tenantcheck") or str(Path(sys.executable).with_name("tenantcheck"))
    commands = {"tenantcheck": [program, "-q", "lint"]}
    if peer := shutil.which("cfn-lint"):
        commands["cfn-lint"] = [peer]
    rows = []
    for name, words in commands.items():
        shell = statistics.median(_seconds([*words, str(one)])[0] for _ in range(5))
        whole, memory = _seconds([*words, *(str(each) for each in many.iterdir())])
        rate = _TEMPLATES / max(whole - shell, 1e-9)
        rows.append((name, f"{shell:.2f}", f"{rate:.0f}", f"{memory:.0f}"))
    headers = ("reader", "one file from the shell, s", f"of {_TEMPLATES} templates, per second", "MB, at most")
    return tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)


def _seconds(words: Sequence[str]) -> tuple[float, float]:
    """How long a command takes, and the MB of its own process."""
    begun = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0  # it was waited for here
    return time.perf_counter() - begun, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
