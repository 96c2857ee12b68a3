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
    """Measures and results take their place in the menu; what it does not name is a how-to."""
    unnamed = [page for page in _own_pages(Path(config.docs_dir)) if page not in str(config.nav)]
    for entry in config.nav:
        if isinstance(entry, dict) and "How to" in entry:
            entry["How to"] += unnamed
        if isinstance(entry, dict) and "Measures" in entry:
            entry["Measures"] = measures.navigation()
        if isinstance(entry, dict) and "What was found" in entry:
            entry["What was found"].append({"Numbers": outside.navigation(ROOT)})
    return config


def _own_pages(folder: Path) -> list[str]:
    """The pages of the guide that are files, in order."""
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.md"))
    return [page for page in found if not page.startswith("site/")]


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
