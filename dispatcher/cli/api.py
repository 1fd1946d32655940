"""``dispatcher api``: the HTTP side, kept alive and stopped in order."""

from typing import Annotated

import typer


def command(
    *,
    processes: Annotated[int, typer.Option(min=1, max=64, help="How many processes.")] = 1,
) -> None:
    """Answer over HTTP: the policy API over REST and gRPC-Web, and over gRPC on its own port.

    It listens at DISPATCHER_HTTP_BIND and DISPATCHER_GRPC_BIND; the kernel shares connections
    out among the processes. A process that dies is started again. Ctrl-C (or SIGTERM) stops in
    order: what is being answered is answered within DISPATCHER_STOP_GRACE seconds.

    Make a token for whoever calls: `dispatcher token create --org ORG --role ORG_OWNER`. The
    reference is at /docs.

    Ends with **0** after an orderly stop, by Ctrl-C too; with **1** when a process had to be
    killed; with **2** when the settings are wrong, or something else listens there.

    For example:

        dispatcher api --processes 2
    """
    from dispatcher.cli.api_run import run

    raise typer.Exit(run(processes))
