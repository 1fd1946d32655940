"""``dispatcher preview``: every mail there is, in the browser, while its templates are edited."""

from typing import Annotated, Final

import typer

_PORT: Final = 8026


def command(
    *,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where the page is; 0 for any free port.")
    ] = _PORT,
) -> None:
    """Show every mail in the browser, and again whenever a template is saved, until Ctrl-C.

    Every kind, variant and language; at desktop and phone width, in light and dark; with text
    part, headers, source and a download. A mistake in a template is shown with its place, and
    goes away once it is mended. The templates are ours and those of DISPATCHER_TEMPLATES_DIR.

    With DISPATCHER_SMTP_URL and DISPATCHER_MAIL_FROM set, each mail can be sent to an address,
    to see it in a real mail program. Nothing else is sent, and no event is recorded.

    For example:

        DISPATCHER_TEMPLATES_DIR=my-templates dispatcher preview
    """
    from dispatcher.cli.preview_run import run

    raise typer.Exit(run(port))
