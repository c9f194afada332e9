"""What the package says of itself, completed when it is built: where the project lives, and links that work on the
package index too. That is known where GITHUB_REPOSITORY names it; elsewhere links stay as they are."""

import os
import re
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

#: A link to a file of the repository, and one to an image of it.
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?![a-z]+:|#)([^)]+)\)")


class Links(MetadataHookInterface):
    """Adds `readme` and `urls`."""

    PLUGIN_NAME = "custom"

    def update(self, metadata):
        """Fill in both fields, which pyproject.toml calls dynamic."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        repository = os.environ.get("GITHUB_REPOSITORY")
        metadata["urls"] = {}
        if repository:
            home = f"{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}"
            files = f"{home}/blob/{os.environ.get('GITHUB_REF_NAME', 'HEAD')}"
            metadata["urls"] = {
                "Source": home,
                "Documentation": f"{files}/docs/design.md",
                "Changelog": f"{files}/CHANGELOG.md",
                "Issues": f"{home}/issues",
            }
            text = _LINK.sub(lambda link: f"{link[1]}[{link[2]}]({files}/{link[3]})", text)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
