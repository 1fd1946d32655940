"""``dispatcher connection``: which IAMs may bring events, and how their users are looked up."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Protocol

import typer

from dispatcher.cli import connection_catch_up, connection_change, output
from dispatcher.cli.checks.finding import Finding
from dispatcher.cli.connection_parts import Name
from dispatcher.cli.connection_view import document, fields, row
from dispatcher.cli.failures import UsageError
from dispatcher.cli.output import AsJson
from dispatcher.cli.session import OpenStore, session
from dispatcher.connection import Connection
from dispatcher.errors import ConnectionNotFound, ConnectionUnreadable


class Kind(Protocol):
    """A kind of source, or of directory."""

    @property
    def kind(self) -> str:
        """Return its name on the command line."""
        ...

    @property
    def title(self) -> str:
        """Return its name for people."""
        ...


app = typer.Typer(
    no_args_is_help=True,
    help="Say which IAMs may bring events to `/hooks/NAME`, for whom, and how that is proven.\n\n"
    "Everything counts from the next call on.",
)

app.command("add")(connection_change.add)


@app.command("list")
def listing(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List all connections, those of the settings file, too; never a secret.

    For example:

        dispatcher connection list
    """
    here = session(context)
    found = here.with_store(_all)
    if as_json:
        output.document({"connections": [_listed(name, each) for name, each in found]})
    elif not found:
        output.note("there are no connections; `dispatcher connection add` makes one")
    else:
        columns = ("name", "kind", "speaks for", "secrets", "directory", "kept in")
        output.table(columns, [row(name, each, here.now()) for name, each in found])


@app.command("show")
def show(context: typer.Context, name: Name, *, as_json: AsJson = False) -> None:
    """Show a connection; of its secrets only how many there are, and how old.

    Ends with 1 when there is none.

    For example:

        dispatcher connection show okta
    """
    here = session(context)
    connection = here.with_store(lambda store: store.connections.get(name))
    if as_json:
        output.document(document(connection))
        return
    for what, said in fields(connection, here.now()):
        output.say(f"{what}: {said}")


@app.command("kinds")
def kinds(*, as_json: AsJson = False) -> None:
    """List the kinds of IAM that can be connected, and of directories, with their options.

    For example:

        dispatcher connection kinds
    """
    from dispatcher.adapters.directory import kinds as directories
    from dispatcher.sources import discover

    sources, places = discover().values(), directories.KINDS.values()
    if as_json:
        everywhere = dict(directories.OPTIONS)
        output.document(
            {
                "sources": [_kind(each, each.options) for each in sources],
                "directories": [_kind(each, everywhere | dict(each.options)) for each in places],
            }
        )
        return
    rows = [line for each in sources for line in _lines(each, "--option", each.options)]
    output.table(("--kind", "what sends it", ""), rows)
    output.say("")
    rows = [line for each in places for line in _lines(each, "--directory-option", each.options)]
    rows += _options("--directory-option", directories.OPTIONS)
    output.table(("--directory", "where users are looked up", ""), rows)


app.command("change")(connection_change.change)
app.command("rotate")(connection_change.rotate)
app.command("catch-up")(connection_catch_up.catch_up)


@app.command("test")
def try_out(
    context: typer.Context,
    name: Name,
    *,
    url: Annotated[
        str, typer.Option(metavar="URL", help="Where the API is; by default DISPATCHER_HTTP_BIND.")
    ] = "",
    user: Annotated[
        str, typer.Option(metavar="ID", help="Look this user up in the connection's directory.")
    ] = "",
    tenant: Annotated[
        str, typer.Option(metavar="T", help="The IAM's tenant that the user is of.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Make calls as that IAM does, one that is proven and one that is not; ask its directory.

    The calls tell of nobody, so that no mail leaves. What is wrong comes with what to mend. Ends
    with 1 when something fails.

    For example:

        dispatcher connection test zitadel --user 301122
    """
    from dispatcher.cli.checks.connection import api_url, check_connection
    from dispatcher.cli.checks.directory import check_directory
    from dispatcher.cli.doctor import report

    here = session(context)
    connection = here.with_store(lambda store: store.connections.get(name))
    place = url or api_url()

    async def checked() -> list[Finding]:
        findings = await check_connection(connection, place, here.now())
        return [*findings, *await check_directory(connection, user, tenant)]

    with output.waiting("Making calls"):
        findings = asyncio.run(checked())
    report(findings, as_json=as_json)


@app.command("remove")
def remove(
    context: typer.Context,
    name: Name,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove a connection: its calls are refused from the next one on.

    For example:

        dispatcher connection remove okta
    """
    if as_json and not yes:
        raise UsageError("--json cannot ask: add --yes")
    if not yes:
        typer.confirm(f"Refuse {name}'s calls, and forget its secrets?", abort=True, err=True)
    session(context).with_store(lambda store: store.connections.remove(name))
    if as_json:
        output.document({"effect": "removed", "name": name})
    else:
        output.say(f"{name} is removed: nothing that it sends is taken any more.")


async def _all(store: OpenStore) -> Sequence[tuple[str, Connection | None]]:
    """Return all connections by their names; None is one that cannot be read here."""
    found: list[tuple[str, Connection | None]] = []
    for name in await store.connections.names():
        try:
            found.append((name, await store.connections.get(name)))
        except ConnectionUnreadable:
            found.append((name, None))
        except ConnectionNotFound:
            continue  # it was removed meanwhile
    return found


def _listed(name: str, connection: Connection | None) -> dict[str, object]:
    return {"name": name, "unreadable": True} if connection is None else document(connection)


def _kind(kind: Kind, options: Mapping[str, str]) -> dict[str, object]:
    return {"kind": kind.kind, "title": kind.title, "options": dict(options)}


def _lines(kind: Kind, option: str, options: Mapping[str, str]) -> Iterator[Sequence[str]]:
    yield kind.kind, kind.title, ""
    yield from _options(option, options)


def _options(option: str, options: Mapping[str, str]) -> Iterator[Sequence[str]]:
    for name, says in options.items():
        yield "", f"  {option} {name}=…", says
