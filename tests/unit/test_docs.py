"""What the documents point at is there: files, headings, commands with their options."""

import re
import shlex
from functools import cache
from pathlib import Path

import click
import pytest
from leadrelay.cli import group

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("ops/**/*.md")})
#: Of documents whose commands are written as they are typed, without `[…]` for what may be left out.
COMMANDS = sorted(
    {
        (document.name, " ".join(line.split("#")[0].rstrip(" &").split()))
        for document in DOCUMENTS
        for line in re.findall(r"^ {4}(leadrelay .+)", document.read_text(), re.MULTILINE)
        if not re.search(r"[\[…|<]|\.\.\.", line)
    }
)


def named(path):
    return str(path.relative_to(ROOT))


def prose(document):
    """Give the text without its blocks of code."""
    return re.sub(r"^```.*?^```", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)


@cache
def anchors(document):
    """Give the anchors of its headings, as GitHub makes them."""
    found = []
    for heading in re.findall(r"^#+ (.+)", prose(document), re.MULTILINE):
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-")
        found.append(f"{slug}-{found.count(slug)}" if slug in found else slug)
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_links_lead_somewhere(document):
    links = re.findall(r"\]\(([^)\s]+)\)", prose(document))
    for link in links:
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize(("document", "line"), COMMANDS)
def test_commands_and_their_options_exist(document, line):
    command, words = group, shlex.split(line)[1:]
    context = click.Context(command, info_name="leadrelay", **command.context_settings)  # its help option is kept
    while isinstance(command, click.Group):
        _, command, words = command.resolve_command(context, words)
        context = click.Context(command, info_name=command.name, parent=context)
    command.make_parser(context).parse_args(words)


def test_every_document_can_be_reached_from_the_readme():
    seen, new = set(), {ROOT / "README.md"}
    while new:
        seen |= new
        links = {
            (page.parent / link.partition("#")[0]).resolve()
            for page in new
            for link in re.findall(r"\]\(([^)\s]+)\)", prose(page))
        }
        pages = {
            page
            for link in links
            for page in ([link] if link.suffix == ".md" else link.glob("*.md") if link.is_dir() else [])
        }
        new = pages - seen
    ours = {page for page in DOCUMENTS if page.parent != ROOT}
    assert {named(page) for page in ours - seen} == set()
