"""Files and folders → descriptions: templates of CloudFormation and SAM, output of CDK, plans of Terraform."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tenantcheck.config.description import Description
from tenantcheck.config.resources import FUNCTIONS, Describer
from tenantcheck.config.sources.cloudformation import Template, is_template, template_of
from tenantcheck.config.sources.terraform import is_plan, plan_of
from tenantcheck.config.tree import MAX_BYTES, UnreadableError, parsed
from tenantcheck.config.values import Value
from tenantcheck.errors import UsageError
from tenantcheck.files import read_file

_SUFFIXES = frozenset({".yaml", ".yml", ".json", ".template"})
_LEFT_OUT = frozenset({"node_modules", "__pycache__", "venv", "site-packages"})
#: Files of one folder that are looked at.
_MOST_FILES = 50_000


@dataclass
class Read:
    """What the files held."""

    templates: list[tuple[str, Description]] = field(default_factory=list)
    """File and what it describes."""
    assumed: set[str] = field(default_factory=set)
    """Parameters whose default was taken."""
    doubts: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    accepted: dict[str, list[Value]] = field(default_factory=dict)
    """What templates accept, by file and resource."""
    nested: dict[str, str] = field(default_factory=dict)
    """Stacks within stacks, and the file of each."""
    parameters: set[str] = field(default_factory=set)
    digest: str = ""


def read(paths: tuple[str, ...], parameters: Mapping[str, str]) -> Read:
    """The templates among these files and folders. Raises `UsageError` for a named file that is none."""
    told = Read()
    digest = hashlib.sha256()
    for named in paths:
        path = Path(named)
        if path.is_dir():
            before = len(told.templates)
            for file in _within(path):
                _one(file, told, parameters, digest, named=False)
            if len(told.templates) == before and not told.doubts:
                raise UsageError(f"{named}: no template was found in this folder", "Name a template or a plan.")
        else:
            _one(path, told, parameters, digest, named=True)
    files = {Path(file).name for file, _ in told.templates}
    for where, nested in told.nested.items():
        if nested not in files:
            told.doubts.append(f"{where} is a stack of its own: name its template, too")
    unknown = sorted(parameters.keys() - told.parameters)
    if unknown:
        raise UsageError(f"--parameter {unknown[0]}: no template has it")
    told.digest = digest.hexdigest()
    return told


def _within(folder: Path) -> Iterator[Path]:
    """Files of a folder that may be templates. Hidden folders and what other tools install are left out."""
    seen = 0
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith(".") and each not in _LEFT_OUT)
        for name in sorted(files):
            if Path(name).suffix in _SUFFIXES:
                seen += 1
                if seen > _MOST_FILES:
                    raise UsageError(f"{folder}: more than {_MOST_FILES} files", "Name the folder of the templates.")
                yield Path(parent, name)


def _one(path: Path, told: Read, parameters: Mapping[str, str], digest: hashlib._Hash, *, named: bool) -> None:
    try:
        content = read_file(path, MAX_BYTES)
    except OSError as error:
        if named:
            raise UsageError(f"{path}: {error.strerror}", "Name a readable template or plan.") from error
        told.doubts.append(f"{path}: {error.strerror}")
        return
    try:
        document = parsed(content, str(path))
    except UnreadableError as error:
        if named:
            raise
        if any(mark in content for mark in (b"AWS::", b"planned_values", b"aws_lambda_", b"TenancyConfig")):
            told.doubts.append(str(error))
        return
    if is_template(document):
        template = template_of(document, parameters)
    elif is_plan(document):
        template = plan_of(document)
    elif named:
        raise UsageError(
            f"{path}: neither a template of CloudFormation or SAM nor a plan of Terraform",
            "Terraform: name a plan, terraform show -json plan.bin > plan.json. CDK: cdk synth, then name cdk.out.",
        )
    else:
        return
    digest.update(content)
    _described(str(path), template, told)


def _described(file: str, template: Template, told: Read) -> None:
    describer = Describer(template.resources, template.scope)
    description = describer.described()
    told.templates.append((file, description))
    told.assumed |= template.scope.assumed
    told.parameters |= template.scope.parameters.keys()
    told.nested |= {f"{file}: {name}": nested for name, nested in template.nested.items()}
    told.doubts += [f"{file}: {doubt}" for doubt in (*template.doubts, *description.doubts)]
    for resource in template.resources:
        if resource.id in template.accepted:
            told.accepted[f"{file}\0{resource.id}"] = template.accepted[resource.id]
    if not any(each.type in FUNCTIONS for each in template.resources):
        told.remarks.append(f"{file}: no function is in it")
