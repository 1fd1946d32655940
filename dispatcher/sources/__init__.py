"""Kinds of IAM: each module here turns what one kind sends into events.

This is the edge: what comes from outside is checked here, once, and is a core
value from then on. Sources are pure: no clock, no network, no store.

A module with a ``SOURCE`` is one kind that calls ``/hooks/<connection>``; adding one is
one module, its recorded calls under ``tests/calls/`` and its page under ``docs/connect/``.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from dispatcher.sources.hook import Source


@cache
def discover() -> Mapping[str, Source]:
    """Return the kinds of source that call us, by their names, in order."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    sources = (module.SOURCE for module in modules if hasattr(module, "SOURCE"))
    return MappingProxyType({source.kind: source for source in sorted(sources, key=_kind)})


def _kind(source: Source) -> str:
    return source.kind
