"""What applies to all events of a piece of work: `leadrelay.context`, and what a web request tells of its visitor.

Contexts nest as layers in a `contextvars` variable, so that threads and asyncio tasks do not see each other's. A layer
is a mapping, or a function that gives one when an event is tracked: a request that tracks nothing costs nothing.

Two people are never mixed. A call wins over the context, an inner context over an outer one, and what else applies to a
call that names a person depends on the kind of name:

=======  ========================================================  =================================================
kind     names                                                     apply to a call that names a person
=======  ========================================================  =================================================
person   `PERSON`                                                  when both name the same one by the same name
visitor  `VISITOR`: address, User-Agent, page, language, screen    unless both do, and name different ones; never with
                                                                   `proxy=true` ("not the original source")
others   `si`, properties of the application's own                 always
=======  ========================================================  =================================================

When both have several names of a person, the first of `lane.IDENTITIES` that both have decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any, TypeAlias, TypeVar

from leadrelay.errors import InvalidEvent
from leadrelay.event import OPTIONS, merged
from leadrelay.lane import IDENTITIES
from leadrelay.trackapi.cookies import uid_of
from leadrelay.trackapi.proxy import ASKED

Layer: TypeAlias = Mapping[str, Any] | Callable[[], Mapping[str, Any]]
F = TypeVar("F", bound=Callable[..., Any])

#: Say who a person is, and whose order an event keeps.
PERSON = frozenset({*IDENTITIES, "ots", "lane"})
#: Describe whoever made a request.
VISITOR = frozenset(
    {"ip", "user_agent", "browser", "browserVersion", "platform", "lc", "ref", "locale", "tz"}
    | {"otpe", "otr", "otor", "sc", "sh", "sw", "eh", "ew"}
)
_ONE_EVENTS = ("ti", "eid", "idempotency_key")

_layers: ContextVar[tuple[Layer, ...]] = ContextVar("leadrelay", default=())


class context:  # noqa: N801 - called like a function, as those of contextlib are
    """Give all events of a block, or of a function, what their calls do not say themselves.

    ::

        with leadrelay.context(userId="42", campaign="spring"):
            leadrelay.track_event("invoice_paid")

        @leadrelay.context(campaign="spring")
        async def checkout(): ...

    asyncio tasks inherit the context in which they are made; threads do not: start what they run by
    ``contextvars.copy_context().run``.

    Args:
        properties: More wire parameters, for names that are not identifiers.
        wire: As for `track_event`, `user_agent=` and `lane=` among them.

    Raises:
        InvalidEvent: A name is given twice, or belongs to one event alone (`ti`, `eid`, `idempotency_key`).
    """

    def __init__(self, *, properties: Mapping[str, Any] | None = None, **wire: Any) -> None:
        """See the class."""
        self._layer: Layer = merged(wire, properties)
        for name in _ONE_EVENTS:
            if name in self._layer:
                raise InvalidEvent(f"{name}: belongs to one event; pass it to track_event")

    @staticmethod
    def current() -> dict[str, Any]:
        """Give what applies here: wire parameters, `user_agent` and `lane` by name."""
        found: dict[str, Any] = {}
        for layer in _layers.get():
            inner = layer() if callable(layer) else layer
            found = {**_beside(inner, found), **inner}
        return found

    def __enter__(self) -> None:
        """Let it apply."""
        _layers.set((*_layers.get(), self._layer))

    def __exit__(self, *_: object) -> None:
        """Let what applied before apply again; does nothing where it does not apply (another thread or task)."""
        layers = _layers.get()
        places = [place for place, layer in enumerate(layers) if layer is self._layer]
        if places:
            _layers.set(layers[: places[-1]])  # with what was entered inside and never left

    def __call__(self, function: F) -> F:
        """Let it apply while a function runs.

        Raises:
            TypeError: It is a generator, whose caller would see the context between its steps.
        """
        if isgeneratorfunction(function) or isasyncgenfunction(function):
            raise TypeError(f"{function.__qualname__} is a generator: use the context where it is iterated")
        if iscoroutinefunction(function):

            @wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await function(*args, **kwargs)

            return awaited  # type: ignore[return-value]

        @wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return called  # type: ignore[return-value]


class alone:  # noqa: N801 - as `context`
    """Let layers apply in a block, and nothing of what applied around it: where the work of one person begins.

    What serves many people one after the other (a thread, a connection) may still hold what an earlier one entered
    and did not leave.

    Args:
        layers: From the outermost.
    """

    def __init__(self, *layers: Layer) -> None:
        """See the class."""
        self._inside, self._around = layers, layers

    def __enter__(self) -> None:
        """Let them apply."""
        self._around = _layers.get()
        _layers.set(self._inside)

    def __exit__(self, *_: object) -> None:
        """Let what applied around apply again, whatever was entered inside and never left."""
        _layers.set(self._around)


def completed(options: Mapping[str, Any], named: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Add to a call what the context knows and the call does not say.

    Args:
        options: Of the call (`event.OPTIONS`).
        named: Its wire parameters.

    Returns:
        Both, with the context's.
    """
    if not _layers.get():
        return dict(options), dict(named)
    found = _beside({**named, **options}, context.current())
    chosen = {name: value for name, value in found.items() if name in OPTIONS}
    return {**chosen, **options}, {**{name: found[name] for name in found.keys() - chosen.keys()}, **named}


def _beside(inner: Mapping[str, Any], outer: Mapping[str, Any]) -> dict[str, Any]:
    """Give what of `outer` applies to `inner` and is not said there."""
    mine, theirs = _person(inner), _person(outer)
    shared = next((name for name in mine if name in theirs), None)
    same = shared is not None and mine[shared] == theirs[shared]
    foreign = PERSON if mine and not same else frozenset()
    if (shared and not same) or _is_proxy(inner.get("proxy")):
        foreign |= VISITOR
    return {name: value for name, value in outer.items() if name not in foreign and inner.get(name) is None}


def _person(names: Mapping[str, Any]) -> dict[str, str]:
    """Give the ids and addresses of a person, by name in the order of `IDENTITIES`, as texts that can be compared."""
    found = {name: str(names.get(name) or "").strip() for name in IDENTITIES}
    found["uid"] = found["uid"] or uid_of(found.pop("otui"))
    found["email"] = found["email"].lower()
    return {name: text for name, text in found.items() if text}


def _is_proxy(value: Any) -> bool:
    return value is not None and ASKED.get(str(value).lower()) == "true"
