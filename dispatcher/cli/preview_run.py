"""Showing the gallery until told to stop."""

from dispatcher.adapters.mail.relay_address import parse_relays
from dispatcher.bootstrap import SystemClock
from dispatcher.cli import output, parts
from dispatcher.cli.failures import ExitCode
from dispatcher.cli.preview_gallery import Gallery
from dispatcher.cli.preview_mails import Look
from dispatcher.cli.preview_post import Post
from dispatcher.cli.preview_server import PreviewServer
from dispatcher.settings import Settings, load_settings


def run(port: int) -> ExitCode:
    """Serve the gallery until a signal; return how it ended.

    Args:
        port: Where; 0 for any free port.

    Raises:
        ConfigError: The settings cannot work. A template that cannot is shown instead.
    """
    settings = load_settings()
    gallery = Gallery(Look.of(settings), SystemClock())
    gallery.edition()  # now, so that a mistake in the first save has a version before it
    post, remark = _post(settings, gallery)
    with parts.interruptible(), PreviewServer(port, gallery, post, remark=remark) as server:
        try:
            _introduce(server, port, gallery)
            server.serve_forever()
        except KeyboardInterrupt:
            output.note("The preview has stopped.")
    return ExitCode.OK


def _post(settings: Settings, gallery: Gallery) -> tuple[Post | None, str]:
    if settings.smtp_url is None:
        return None, ""
    relays = parse_relays(settings.smtp_url.get_secret_value())
    if settings.mail_from is None:
        return None, "Set DISPATCHER_MAIL_FROM to send one of these mails to yourself."
    return Post(gallery, relays), ""


def _introduce(server: PreviewServer, port: int, gallery: Gallery) -> None:
    if port not in {0, server.server_port}:
        output.note(f"port {port} is taken; the preview uses {server.server_port} instead")
    output.say(f"The mails: {server.url}")
    for folder in gallery.look.folders:
        output.note(output.faint(f"reloads when a file in {folder} is saved"))
    output.note(output.faint("Ctrl-C stops"))
