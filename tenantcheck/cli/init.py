"""`tenantcheck init [FOLDER]`"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import get_args

import click

from tenantcheck.cli.options import option
from tenantcheck.cli.root import Command, examples
from tenantcheck.cli.say import say
from tenantcheck.errors import UsageError
from tenantcheck.starter import Language, starter_files
from tenantcheck.version import __version__


@click.command(
    "init", cls=Command, epilog=examples("tenantcheck init", "tenantcheck init witness --language typescript")
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
@option("--language", type=click.Choice(get_args(Language)), default="python", help="Of the handler.")
def command(folder: Path, language: Language) -> int:
    """Write what a first check needs into FOLDER (here, where none is named).

    A function that answers with its witness, a SAM template that deploys it in tenant isolation mode behind a REST
    API, a tenants file, and a CI workflow. No file that is there is touched.
    """
    written = starter_files(language, __version__)
    there = [name for name in written if (folder / name).exists()]
    if there:
        raise UsageError(f"{folder} has {', '.join(there)} already: nothing was written", "Name another folder.")
    for name, text in written.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
        say(f"wrote {file}")
    steps = [] if folder == Path() else [f"cd {shlex.quote(str(folder))}"]
    steps += ["npm install", "npm run build"] if language == "typescript" else []
    say(f"Next: {' && '.join([*steps, 'sam build', 'sam deploy --guided'])}")
    say("Then: tenantcheck probe URL --tenants @tenants.toml (the URL is among the outputs of the stack)")
    return 0
