"""A hook of mkdocs.yml: pages of the root stand in the site too, and links to them lead there.

Links to what is no page, such as a test, become text: the site is read without the repository.
"""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
# By the name that they have in the site.
PAGES = {
    "model-card.md": "model-card.md",
    "changelog.md": "CHANGELOG.md",
    "readme.md": "README.md",
    "security-report.md": "SECURITY.md",
}
SITE = {source: name for name, source in PAGES.items()}
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|mailto:|#)([^)#]*)(#[^)]*)?\)")
# Of pages that the theme's menu does not list.
UNLISTED = ("readme.md", "security-report.md")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the root."""
    for name, source in PAGES.items():
        content = (ROOT / source).read_text("utf-8")
        made = File.generated(config, name, content=content)
        if name in UNLISTED:
            made.inclusion = made.inclusion.NOT_IN_NAV
        files.append(made)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - as mkdocs calls it
    """Lead links from docs/ to the root, and from the root to docs/, to pages of the site."""
    of_root = page.file.src_uri in PAGES
    return LINK.sub(lambda found: _link(found, of_root=of_root), markdown)


def _link(found: re.Match[str], *, of_root: bool) -> str:
    picture, words, target, anchor = found.groups()
    if of_root:
        target = target.removeprefix("docs/") if target.startswith("docs/") else f"../{target}"
    if target.startswith("../"):
        known = SITE.get(target.removeprefix("../"))
        if known is None:
            return words
        target = known
    return f"{picture}[{words}]({target}{anchor or ''})"
