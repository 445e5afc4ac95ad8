"""Hooks of the documentation site: pages from outside docs/, the API page, and links between all of them.

The documents are written for the repository, where a link is a path from the document's own folder. Here each such
link is led to the page, or to the copy, that the site has of its target; mkdocs then checks them all.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "benchmarks/RESULTS.md": "benchmarks.md",
    "src/twinlens/photographs/CREDITS.md": "photographs.md",
}
"""Pages of the site by the documents outside docs/ that they show."""
DOCUMENTS = {page: document for document, page in PAGES.items()}
COPIES = "files/"
"""Folder of the site with the files of the repository, such as examples, that documents link to."""
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)\s#]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"(^```.*?^```)", re.DOTALL | re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Name headings in links as the repository's host does."""
    config.mdx_configs.setdefault("toc", {})["slugify"] = slugify(case="lower")
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the documents from outside docs/, the API page, and copies of other files that are linked to."""
    for document, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / document)))
    files.append(File.generated(config, "api.md", content=api_page()))
    pages = [file for file in files if file.src_uri.endswith(".md") and file.src_uri != "api.md"]
    for target in sorted({target for page in pages for target in copied(page)}):
        files.append(File.generated(config, COPIES + target, abs_src_path=str(ROOT / target)))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Lead the links of a page to what the site has of their targets."""
    return with_links(markdown, page.file.src_uri)


def api_page() -> str:
    """Return the page of the public names, each to be filled from its docstrings."""
    import twinlens

    entries = "\n\n".join(f"::: twinlens.{name}" for name in twinlens.__all__)
    return f"# API\n\nThe names that `twinlens` exports, from their docstrings.\n\n{entries}\n"


def copied(file: File) -> list[str]:
    """Return the files that a page links to and that are pages of no site, as paths in the repository."""
    targets = [repository_path(match[3], file.src_uri) for match in LINK.finditer(file.content_string)]
    return [target for target in targets if page_of(target) is None and (ROOT / target).is_file()]


def with_links(markdown: str, page: str) -> str:
    """Return the text of a page with its links, outside of code, as links of the site."""
    parts = FENCE.split(markdown)
    prose = [LINK.sub(lambda match: link(match, page), part) for part in parts[::2]]
    parts[::2] = prose
    return "".join(parts)


def link(match: re.Match[str], page: str) -> str:
    """Return one link as the site has it; a folder of the repository, of which it has no page, as its text alone."""
    mark, text, target, anchor = match.groups(default="")
    path = repository_path(target, page)
    if (ROOT / path).is_dir():
        return text
    found = page_of(path) or COPIES + path
    return f"{mark}[{text}]({posixpath.relpath(found, posixpath.dirname(page) or '.')}{anchor})"


def repository_path(target: str, page: str) -> str:
    """Return a link's target as a path in the repository."""
    document = DOCUMENTS.get(page, f"docs/{page}")
    return posixpath.normpath(posixpath.join(posixpath.dirname(document), target))


def page_of(path: str) -> str | None:
    """Return the page, or the picture, of the site that shows a file of the repository."""
    if path in PAGES:
        return PAGES[path]
    return path.removeprefix("docs/") if path.startswith("docs/") else None
