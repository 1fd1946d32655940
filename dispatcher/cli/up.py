"""``dispatcher up``: the whole system on one machine, staying up."""

from typing import Annotated

import typer


def command(
    *,
    processes: Annotated[int, typer.Option(min=1, max=64, help="How many worker processes.")] = 1,
) -> None:
    """Run the whole system on this machine, until Ctrl-C.

    Broker and store are an embedded Valkey, with its data under DISPATCHER_DATA_DIR, unless
    DISPATCHER_BROKER_URL names another. Mails go to DISPATCHER_SMTP_URL; without it, to an
    inbox for looking at, which refuses refused@… and nobody@…, and puts off greylisted@… once.

    The API answers at DISPATCHER_HTTP_BIND, or at any free port where that is taken and nobody
    set it; `dispatcher token create` makes a token for it.

    A part that dies is started again. Ctrl-C stops in order: the workers finish what they
    have in flight, then the inbox stops, Valkey last. Nothing is lost, not even by kill -9:
    the next start goes on with the same data.

    For example:

        dispatcher up --processes 2
    """
    from dispatcher.cli import up_run

    raise typer.Exit(up_run.run(processes))
