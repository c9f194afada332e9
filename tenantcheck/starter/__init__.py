"""What a user starts from: a language goes in, the witness for it and the files around it come out."""

from __future__ import annotations

from importlib.resources import files
from typing import Literal

Language = Literal["python", "typescript"]


def witness(language: Language) -> str:
    """The handler that answers with a witness. In Python it is the one that runs in the lab."""
    if language == "python":
        return _text("tenantcheck.lab", "witness_handler.py")
    return _text(__name__, "handler.ts")


def starter_files(language: Language, version: str) -> dict[str, str]:
    """Everything that `tenantcheck init` writes, by its path in the folder; `version` is the one that CI installs."""
    template = _text(__name__, "template.yaml")
    written = {"witness.py": witness("python")}
    if language == "typescript":
        template = template.replace("CodeUri: .", "CodeUri: build/  # npm install && npm run build")
        template = template.replace("Runtime: python3.13", "Runtime: nodejs22.x")
        written = {"witness.ts": witness("typescript")}
        written |= {name: _text(__name__, name) for name in ("package.json", "tsconfig.json")}
    return written | {
        "template.yaml": template,
        "tenants.toml": _text(__name__, "tenants.toml"),
        ".github/workflows/tenantcheck.yml": _text(__name__, "workflow.yml").replace("VERSION", version),
    }


def _text(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")
