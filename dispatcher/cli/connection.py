"""``dispatcher connection``: which IAMs may bring events, and how their users are looked up."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from dispatcher.cli import connection_catch_up, connection_change, output
from dispatcher.cli.connection_parts import Name
from dispatcher.cli.connection_view import document, fields, row
from dispatcher.cli.failures import UsageError
from dispatcher.cli.output import AsJson
from dispatcher.cli.session import OpenStore, session
from dispatcher.connection import Connection
from dispatcher.errors import ConnectionNotFound, ConnectionUnreadable

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
    """List the kinds of IAM that can be connected, with their options.

    For example:

        dispatcher connection kinds
    """
    from dispatcher.sources import discover

    sources = discover().values()
    if as_json:
        output.document(
            [
                {"kind": each.kind, "title": each.title, "options": dict(each.options)}
                for each in sources
            ]
        )
        return
    rows: list[Sequence[str]] = []
    for source in sources:
        rows.append((source.kind, source.title, ""))
        rows += [("", f"  --option {name}=…", says) for name, says in source.options.items()]
    output.table(("kind", "what sends it", ""), rows)


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
    as_json: AsJson = False,
) -> None:
    """Make calls as that IAM does, one that is proven and one that is not, and say what to mend.

    They tell of nobody, so that no mail leaves. Ends with 1 when something fails.

    For example:

        dispatcher connection test okta --url https://notify.acme.example
    """
    from dispatcher.cli.checks.connection import api_url, check_connection
    from dispatcher.cli.doctor import report

    here = session(context)
    connection = here.with_store(lambda store: store.connections.get(name))
    place = url or api_url()
    with output.waiting("Making calls"):
        findings = asyncio.run(check_connection(connection, place, here.now()))
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
