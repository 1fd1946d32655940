"""The server's side of AUTH: what to ask a client, and whether its answer is right."""

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping

_CHALLENGE = "<1@relay>"

Verdict = Callable[[str], bool]


def question(mechanism: str, initial: str, users: Mapping[str, str]) -> tuple[str, Verdict]:
    """Return the challenge ("" when there is nothing to ask) and the judge of the answer.

    Args:
        mechanism: PLAIN, LOGIN, CRAM-MD5 or XOAUTH2.
        initial: The client's initial response.
        users: Names and their passwords or tokens.
    """
    claim = decoded(initial)
    match mechanism:
        case "PLAIN":
            _, name, password = claim.split("\0")
            right = users.get(name) == password
        case "LOGIN":
            return encoded("Password:"), lambda answer: users.get(claim) == decoded(answer)
        case "CRAM-MD5":
            return encoded(_CHALLENGE), lambda answer: _is_digest(decoded(answer), users)
        case _:
            name = claim.partition("user=")[2].partition("\x01")[0]
            right = users.get(name) == claim.partition("Bearer ")[2].partition("\x01")[0]
            if not right:
                return encoded('{"status":"401"}'), lambda _: False
    return "", lambda _: right


def _is_digest(answer: str, users: Mapping[str, str]) -> bool:
    name, _, digest = answer.partition(" ")
    expected = hmac.new(users.get(name, "").encode(), _CHALLENGE.encode(), "md5").hexdigest()
    return expected == digest


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
