"""What a check finds."""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit


class Health(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Args:
        health: How it is.
        subject: What was looked at.
        found: What was seen; no password, no address.
        mend: What to do about it, or "".
    """

    health: Health
    subject: str
    found: str
    mend: str = ""


def place(url: str) -> str:
    """Return a URL, or several, as they may be shown: without user, password and options."""
    return ", ".join(_place(one) for one in url.split(";"))


def _place(url: str) -> str:
    parts = urlsplit(url)
    if parts.hostname is None:
        return f"{parts.scheme}://{parts.path}"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
