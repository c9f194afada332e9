"""`tenantcheck handler LANGUAGE`"""

from __future__ import annotations

from typing import get_args

import click

from tenantcheck.cli.root import Command, examples
from tenantcheck.cli.say import tell
from tenantcheck.starter import Language, witness


@click.command(
    "handler",
    cls=Command,
    epilog=examples("tenantcheck handler python > witness.py", "tenantcheck handler typescript > witness.ts"),
)
@click.argument("language", type=click.Choice(get_args(Language)))
def command(language: Language) -> int:
    """Print a witness for your function, in LANGUAGE.

    Put it beside your handler and wrap that: requests that bring a nonce are then answered with the witness, all
    others as before. It may stay in production: where the function has the variable TENANTCHECK_KEY, only requests
    with that key are told anything (--witness-key of probe and invoke).
    """
    tell(witness(language).rstrip("\n"))
    return 0
