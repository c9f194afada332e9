"""The command line: parses, calls the library, renders, exits."""

from __future__ import annotations

import sys

from tenantcheck.cli.root import cli


def main() -> None:
    """Console script. Exit codes as in the README: 0 pass, 1 failure of the tool, 2 usage, 3, 10."""
    import click

    from tenantcheck.errors import TenantcheckError

    try:
        code = cli.main(prog_name="tenantcheck", standalone_mode=False, auto_envvar_prefix="TENANTCHECK")
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(1)
    except click.UsageError as error:
        error.show()
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(1)
    except TenantcheckError as error:
        if "--debug" in sys.argv:
            raise
        click.echo(f"error: {error.message}", err=True)
        if error.hint:
            click.echo(f"  {error.hint}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # Whoever read the report has gone; there is nobody left to tell.
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        click.echo(f"error: {type(error).__name__}: {error}", err=True)
        click.echo("  This is a bug in tenantcheck; run again with --debug and report the traceback.", err=True)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
