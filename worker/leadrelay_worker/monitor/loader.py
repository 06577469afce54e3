"""Templates: ours, then Flower's, with our pages in Flower's navigation."""

from __future__ import annotations

from pathlib import Path

import flower
from tornado.template import Loader, Template

_OURS = Path(__file__).parent / "templates"
_FLOWERS = Path(flower.__file__).parent / "templates"
#: Where Flower's list of pages begins in its navigation.
_LIST = '<ul class="app-nav navbar-nav">'


class Templates(Loader):  # type: ignore[misc] # Tornado is not checked
    """Finds a template by its name."""

    def __init__(self) -> None:
        """Look in our folder first."""
        super().__init__(str(_OURS))

    def _create_template(self, name: str) -> Template:
        own = _OURS / name
        return Template(own.read_bytes() if own.exists() else _flowers(name), name=name, loader=self)


def _flowers(name: str) -> bytes:
    text = (_FLOWERS / name).read_text("utf-8")
    if name == "navbar.html":
        text = text.replace(_LIST, f"{_LIST}{{% include leadrelay-pages.html %}}", 1)
    return text.encode()
