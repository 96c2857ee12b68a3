"""What mkdocs asks while it builds the guide: pages made of the code, links that lead out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from generated import configuration, measures, names, outside
from mkdocs.structure.files import File

ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):(?=<code)")
ROOT = Path(__file__).resolve().parents[3]


def on_config(config: Any) -> Any:
    """The list of measures takes its place in the navigation."""
    for entry in config.nav:
        if isinstance(entry, dict) and "Measures" in entry:
            entry["Measures"] = measures.navigation()
        if isinstance(entry, dict) and "What was found" in entry:
            entry["What was found"].append({"Numbers": outside.navigation(ROOT)})
    return config


def on_files(files: Any, config: Any) -> Any:
    """Pages that are made of the code, or lie elsewhere in the repository, join the others."""
    made = {**measures.pages(), **configuration.pages(), **names.pages(), **outside.pages(ROOT)}
    for place, text in made.items():
        files.append(File.generated(config, place, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Links to files that lie elsewhere in the repository lead to their pages here."""
    here = outside.home(page.file.src_uri, ROOT)
    return outside.within(markdown, here, page.file.src_uri, ROOT)


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """Docstrings have reStructuredText's marks of names, of which the code is left."""
    return ROLE.sub("", html).replace("Example::", "Example:")
