"""Commands are quoted where they are shown, whatever a history says."""

from __future__ import annotations

import subprocess
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tenantcheck.model import Argument, Part, Repeat
from tenantcheck.model.repeat import text, variable
from tenantcheck.reports.shell import command_line

ANY = st.text(st.characters(exclude_categories=["C", "Z", "M"], codec="utf-8"), max_size=30)


@given(st.lists(st.tuples(ANY, ANY), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_a_shell_reads_back_every_word(pairs: list[tuple[str, str]]) -> None:
    arguments = tuple(Argument(flag="-H", value=(text(one), text(other))) for one, other in pairs)
    line = command_line(Repeat(command="curl", arguments=arguments))
    script = f'curl() {{ printf "%s\\0" "$@"; }}; {line}'
    words = subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout.split(b"\0")[:-1]
    assert words[1::2] == [f"{one}{other}".encode() for one, other in pairs]


def test_nothing_runs_but_the_command(tmp_path: Path) -> None:
    hostile = f"x'; touch {tmp_path}/ran; $(touch {tmp_path}/ran) `touch {tmp_path}/ran` \" \\"
    repeat = Repeat(
        command="curl",
        arguments=(
            Argument(flag="-H", value=(text(hostile),)),
            Argument(flag="-H", value=(Part(kind="variable", value=f"A}}$(touch {tmp_path}/ran)"),)),
            Argument(flag="--url", value=(text(hostile), variable("KEY"))),
        ),
    )
    subprocess.run(["sh", "-c", f"curl() {{ :; }}; {command_line(repeat)}"], check=True)
    assert not (tmp_path / "ran").exists()


def test_secrets_stand_as_variables_that_the_shell_fills_in() -> None:
    header = Argument(flag="-H", value=(text("x-key: "), variable("X_KEY")))
    assert command_line(Repeat(command="curl", arguments=(header,))) == "curl -H 'x-key: '\"${X_KEY}\""
