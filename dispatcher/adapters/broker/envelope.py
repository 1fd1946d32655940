"""Open what lies on a queue: a Celery task message of either protocol, or the reason why not."""

from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Container
from json import loads
from typing import Any, Final, NamedTuple

from msgspec.json import Decoder

from dispatcher.errors import RejectedInput
from dispatcher.events import is_traceparent


class Malformed(RejectedInput):
    """What was taken is no task message we run. Its only argument is the reason, one word."""

    @property
    def reason(self) -> str:
        """The reason as counted and listed: a word of `[a-z_]`, never content of the message."""
        return str(self.args[0])


class Envelope(NamedTuple):
    """A task message, opened and in the form of Celery's message protocol 2.

    `task_headers` holds only headers of known names and types, so that nothing a foreign producer
    writes there can break Celery's request. `call` is `(args, kwargs, embed)`.
    """

    task: str
    task_id: str
    task_headers: dict[str, Any]
    call: tuple[list[Any], dict[str, Any], dict[str, Any]]
    body: bytes
    outer: dict[str, Any]


#: Canvas: a message that carries calls of other tasks is refused (design.md section 7).
_EMBEDDED: Final = ("callbacks", "errbacks", "chain", "chord")
_ENCODINGS: Final = frozenset({None, "utf-8", "utf8", "us-ascii", "ascii", "binary"})
_NUMBER: Final = (int, float)
_decode: Final = Decoder().decode
_TEXT: Final = (str, type(None))
_HEADER_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "lang": _TEXT,
    "root_id": _TEXT,
    "parent_id": _TEXT,
    "group": _TEXT,
    "group_index": (int, type(None)),
    "shadow": _TEXT,
    "eta": _TEXT,
    "expires": (str, int, float, type(None)),
    "retries": (int, type(None)),
    "origin": _TEXT,
    "ignore_result": (bool, type(None)),
    "replaced_task_nesting": (int, type(None)),
}


def open_envelope(raw: bytes, tasks: Container[str] | None = None) -> Envelope:
    """Open one raw queue item.

    Args:
        raw: The bytes as taken.
        tasks: Names that may be called; None allows any.

    Raises:
        Malformed: It is not a JSON task message of Celery's protocol 1 or 2 that we may run.
    """
    outer = _json(raw, "not_json")
    if type(outer) is not dict or type(outer.get("properties")) is not dict:
        raise Malformed("no_envelope")
    headers = outer.get("headers")
    if headers is None:
        headers = outer["headers"] = {}
    if type(headers) is not dict:
        raise Malformed("bad_headers")
    body = _body(outer, headers)
    content = _json(body, "bad_body")
    if type(content) is list:
        fields, call = headers, content
    elif type(content) is dict:
        # Protocol 1 keeps everything in the body; hybrid clients repeat some of it in headers.
        fields = {**content, **headers}
        call = [content.get("args"), content.get("kwargs"), content]
    else:
        raise Malformed("bad_body")
    return Envelope(*_identity(fields, tasks), _known(fields), _call(call), body, outer)


def _json(raw: bytes, reason: str) -> Any:  # noqa: ANN401 -- JSON is anything
    try:
        return _decode(raw)
    except (ValueError, RecursionError):
        return _python_json(raw, reason)


def _python_json(raw: bytes, reason: str) -> Any:  # noqa: ANN401 -- JSON is anything
    """Read what only Python's own decoder takes: NaN, lone surrogates, numbers out of range."""
    try:
        return loads(raw.decode())
    except (ValueError, RecursionError):
        raise Malformed(reason) from None


def _body(outer: dict[str, Any], headers: dict[str, Any]) -> bytes:
    properties = outer["properties"]
    if not properties.get("delivery_tag"):
        raise Malformed("no_delivery_tag")
    if outer.get("content-type") != "application/json":
        raise Malformed("content_type")
    encoding = outer.get("content-encoding")
    if encoding not in _ENCODINGS if isinstance(encoding, _TEXT) else True:
        raise Malformed("content_encoding")
    if headers.get("compression"):
        # A few hundred bytes can unpack to gigabytes; nothing we accept needs it.
        raise Malformed("compressed")
    body = outer.get("body")
    if type(body) is not str:
        raise Malformed("bad_body")
    wrapping = properties.get("body_encoding")
    if wrapping in (None, "utf-8"):
        return body.encode("utf-8", "surrogatepass")
    if wrapping != "base64":
        raise Malformed("body_encoding")
    try:
        return a2b_base64(body, strict_mode=True)
    except (Base64Error, ValueError):
        raise Malformed("body_encoding") from None


def _identity(fields: dict[str, Any], tasks: Container[str] | None) -> tuple[str, str]:
    task, task_id = fields.get("task"), fields.get("id")
    if type(task) is not str or not task:
        raise Malformed("no_task")
    if type(task_id) is not str or not task_id:
        raise Malformed("no_id")
    if tasks is not None and task not in tasks:
        raise Malformed("unknown_task")
    return task, task_id


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    # Where a request has no "headers" of its own, Celery looks for them among all others.
    known: dict[str, Any] = {"task": fields["task"], "id": fields["id"], "headers": {}}
    for name, types in _HEADER_TYPES.items():
        if name in fields:
            value = fields[name]
            if not isinstance(value, types):
                raise Malformed("bad_headers")
            known[name] = value
    trace = fields.get("traceparent")
    if is_traceparent(trace):  # one that is invalid is ignored: a trace is worth no mail
        known["traceparent"] = trace
    limits = fields.get("timelimit")
    if limits is not None:
        if type(limits) is not list or len(limits) != len(("hard", "soft")):
            raise Malformed("bad_headers")
        if not all(limit is None or isinstance(limit, _NUMBER) for limit in limits):
            raise Malformed("bad_headers")
        known["timelimit"] = limits
    return known


def _call(call: list[Any]) -> tuple[list[Any], dict[str, Any], dict[str, Any]]:
    try:
        args, kwargs, embed = call
    except ValueError:
        raise Malformed("bad_body") from None
    args = [] if args is None else args
    kwargs = {} if kwargs is None else kwargs
    if type(args) is not list or type(kwargs) is not dict:
        raise Malformed("bad_body")
    if type(embed) is dict:
        if any(embed.get(name) for name in _EMBEDDED):
            raise Malformed("embedded_calls")
    elif embed is not None:
        raise Malformed("bad_body")
    return args, kwargs, dict.fromkeys(_EMBEDDED)
