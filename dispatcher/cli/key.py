"""``dispatcher key``: the keys that secrets are encrypted with at rest."""

import typer

from dispatcher.cli import output
from dispatcher.cli.output import AsJson
from dispatcher.cli.session import OpenStore, session

app = typer.Typer(
    no_args_is_help=True,
    help="Make and change the keys that secrets are encrypted with at rest "
    "(DISPATCHER_ENCRYPTION_KEYS).",
)


@app.command("create")
def create() -> None:
    """Print a fresh key: 32 random bytes in base64url.

    For example:

        dispatcher key create > encryption-keys
    """
    from dispatcher.adapters.store.vault import new_key

    output.line(new_key())


@app.command("rotate")
def rotate(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Encrypt everything with the newest key, the first of DISPATCHER_ENCRYPTION_KEYS.

    Put the new key first and leave the old ones behind it, restart every worker, run this, then
    take the old ones away.

    For example:

        dispatcher key rotate
    """
    resealed = session(context).with_store(_resealed)
    if as_json:
        output.document({"resealed": resealed})
        return
    what = "1 secret was" if resealed == 1 else f"{resealed} secrets were"
    output.say(f"{what} encrypted anew; everything is encrypted with the newest key.")


async def _resealed(store: OpenStore) -> int:
    return await store.senders.rotate() + await store.connections.reseal()
