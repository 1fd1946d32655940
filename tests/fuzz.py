"""Mutated calls: whatever a proven sender tells, nobody else is told of it and nothing breaks.

``python -m tests.fuzz --bodies 100000`` throws so many at each kind of source.
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Annotated, Any, Final

import typer
from rich.progress import track

from dispatcher.errors import MalformedEvent
from dispatcher.reception import bind_all
from dispatcher.sources import discover
from dispatcher.sources.hook import Call
from tests.calls import Case, cases

MARK: Final = "fuzz"
_VALUES: Final[Sequence[Any]] = (
    None, True, False, 0, -1, 1.5, 10**30, 1e308, "", MARK, f"{MARK}@example.org", "\ud800", "\0",
    "x" * 5000, [], {}, [[]], {"id": MARK}, [{"type": "User", "id": MARK}], "2026-13-45T99:99:99Z",
    f"users/{MARK}/reset-password", f"=?utf-8?q?{MARK}?=", f"{MARK}\r\nbcc: eve@example.org",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seed:
    """A recorded call that causes events.

    Args:
        case: The call.
        content: What it says, once proven.
        people: Whom its events are about.
        named: All texts in it.
    """

    case: Case
    content: bytes
    people: frozenset[str]
    named: frozenset[str]


def seeds() -> dict[str, Sequence[Seed]]:
    """Return each kind's calls that cause events."""
    found: dict[str, list[Seed]] = {kind: [] for kind in discover()}
    for case in cases():
        if case.expected.get("events"):
            found[case.connection.kind].append(asyncio.run(_seed(case)))
    return dict(found)


def throw(seed: Seed, random: Random) -> None:
    """Let a source read one mutated body, and check what comes of it.

    Raises:
        AssertionError: It broke, or somebody else would be told.
    """
    case, source = seed.case, discover()[seed.case.connection.kind]
    content, has_words = _mutated(seed.content, random)
    call = Call(content, case.call.headers, case.call.method)
    try:
        bound = bind_all(case.connection, source.parse(content, call, case.connection))
    except MalformedEvent:
        return
    for event in bound.events:
        for person in (event.user.id, event.user.email, event.user.previous_email):
            # A letter less makes one name another: that says nothing about who is read.
            assert not has_words or _is_meant(person, seed), f"{person!r} is told of {content!r}"
        assert event.org_id in _organizations(case)


async def _seed(case: Case) -> Seed:
    source = discover()[case.connection.kind]
    content = await source.verify(case.call, case.connection, case.keys, case.now)
    people = set()
    for event in case.expected["events"]:
        user = event["user"]
        people |= {user.get(name, "") for name in ("id", "email", "previous_email")}
    named = {name for part in (content, *content.splitlines()) for name in _texts(_decoded(part))}
    return Seed(case, content, frozenset(people - {""}), frozenset(named))


def _decoded(part: bytes) -> Any:
    try:
        return json.loads(part)
    except ValueError:  # a line of a whole, or one of several
        return None


def _texts(decoded: Any) -> Iterator[str]:
    if isinstance(decoded, str | int):
        yield str(decoded)
    for parent, key in _places(decoded):
        if isinstance(parent[key], str | int):
            yield str(parent[key])


def _is_meant(person: str | None, seed: Seed) -> bool:
    """Tell whether somebody is the call's subject, or whom the mutation made of them.

    Nobody else whom the call names is: whoever acted, say.
    """
    return person is None or person in seed.people or person not in seed.named


def _organizations(case: Case) -> frozenset[str]:
    connection = case.connection
    known = {connection.organization, *connection.tenants.values(), *connection.organizations}
    return frozenset(known - {""})


def _mutated(content: bytes, random: Random) -> tuple[bytes, bool]:
    """Return a mutated body, and whether each of its words is still whole."""
    if random.random() < 0.25:
        return _bytewise(content, random), False
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        content = _structured(content, random)
    return content, True


def _bytewise(content: bytes, random: Random) -> bytes:
    at, octets = random.randrange(len(content) + 1), bytearray(content)
    match random.randrange(4):
        case 0:
            octets[at : at + random.randrange(1, 9)] = b""
        case 1:
            octets[at:at] = random.randbytes(random.randrange(1, 5))
        case 2:
            octets[at:at] = random.choice((b"{", b"[", b'"', b",", b"null", b"\\u0000", b"NaN"))
        case _:
            octets = octets[:at]
    return bytes(octets)


def _structured(content: bytes, random: Random) -> bytes:
    try:
        decoded = json.loads(content)
    except ValueError:  # several documents, one a line
        return _line_by_line(content, random)
    places = list(_places(decoded))
    if not places:
        return json.dumps(random.choice(_VALUES)).encode(errors="surrogatepass")
    parent, key = random.choice(places)
    match random.randrange(4):
        case 0:
            del parent[key]
        case 1:
            parent[key] = [parent[key]]
        case _:
            parent[key] = random.choice(_VALUES)
    return json.dumps(decoded).encode(errors="surrogatepass")


def _line_by_line(content: bytes, random: Random) -> bytes:
    lines = content.splitlines()
    at = random.randrange(len(lines))
    readable = _decoded(lines[at]) is not None
    lines[at] = _structured(lines[at], random) if readable else b""
    return b"\n".join(lines)


def _places(decoded: Any) -> Iterator[tuple[Any, Any]]:
    keys: Sequence[Any] = ()
    if isinstance(decoded, dict):
        keys = list(decoded)
    elif isinstance(decoded, list):
        keys = range(len(decoded))
    for key in keys:
        yield decoded, key
        yield from _places(decoded[key])


def main(bodies: Annotated[int, typer.Option()] = 100_000, seed: int = 1) -> None:
    """Throw mutated bodies at every kind of source."""
    random = Random(seed)
    for kind, known in seeds().items():
        for _ in track(range(bodies), kind):
            throw(random.choice(known), random)


if __name__ == "__main__":
    typer.run(main)
