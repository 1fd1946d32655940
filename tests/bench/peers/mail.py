"""The mail as the alternatives write it: Jinja2 and `email.message`, texts as ours."""

import json
import os
import smtplib
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, select_autoescape

VALKEY: Final = os.environ.get("BENCH_VALKEY", "")
"""The server's socket."""
PORT: Final = int(os.environ.get("BENCH_PORT", "0"))
"""The relay's, on loopback."""
_SENDER: Final = "Acme Security <no-reply@acme.example>"

_templates: Final = Environment(
    loader=FileSystemLoader(os.environ.get("BENCH_TEMPLATES", ".")),
    autoescape=select_autoescape(),
    auto_reload=False,
)


def compose(event: dict[str, Any]) -> EmailMessage:
    """Return the mail that an event asks for."""
    user = event["user"]
    values = {
        "name": user["display_name"],
        "email": user["email"],
        "org": event["org_id"],
        "ip": event["context"]["ip"],
    }
    message = EmailMessage()
    message["From"] = _SENDER
    message["To"] = user["email"]
    message["Subject"] = _templates.get_template("subject.txt").render(values)
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain="acme.example")
    message.set_content(_templates.get_template("body.txt").render(values))
    message.add_alternative(_templates.get_template("body.html").render(values), subtype="html")
    return message


def send(event: dict[str, Any]) -> None:
    """Mail over a connection of its own, as the tutorials do."""
    with smtplib.SMTP("127.0.0.1", PORT) as relay:
        relay.send_message(compose(event))


def events(path: str) -> list[dict[str, Any]]:
    """Return the events of a file, one JSON object a line."""
    return [json.loads(line) for line in Path(path).read_text().splitlines()]
