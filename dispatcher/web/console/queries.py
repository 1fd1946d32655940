"""What a filter's form asks for, as the API would be asked: blanks are left out."""

from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request

from dispatcher.ports import Clock

PERIODS: Final = {"1h": "the last hour", "24h": "the last day", "7d": "the last 7 days"}
_LENGTHS: Final = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7)}
_ROWS: Final = "20"


def as_api(request: Request, clock: Clock) -> Request:
    """Return a request as the API takes it: no blank fields, a period as a time, short pages."""
    asked = {name: text.strip() for name, text in request.query_params.items() if text.strip()}
    period = _LENGTHS.get(asked.pop("within", ""))
    if period is not None:
        asked["since"] = (clock.now() - period).isoformat()
    query = urlencode(asked | {"limit": _ROWS})
    return Request({**request.scope, "query_string": query.encode()}, request.receive)


def as_asked(request: Request) -> dict[str, str]:
    """Return what the filter's form said, to be shown again and asked again."""
    names = ("org", "state", "reason", "within")
    return {name: request.query_params.get(name, "").strip() for name in names}
