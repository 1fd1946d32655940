"""Celery's request, which never shows its arguments."""

from typing import Any, Final

from celery.worker.request import Request as CeleryRequest

#: What stands for arguments in logs, monitoring events and replies to `inspect`: they hold
#: addresses, and producers write their own representations of them into the headers.
HIDDEN: Final = "(…)"


class Request(CeleryRequest):  # type: ignore[misc]  # celery ships no types
    """A request whose arguments reach the task and nobody else."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- Celery's signature
        super().__init__(*args, **kwargs)
        self._argsrepr = self._kwargsrepr = HIDDEN
        # The tracer looks here before it makes a representation of its own for the log.
        self._request_dict["argsrepr"] = self._request_dict["kwargsrepr"] = HIDDEN

    def info(self, safe: bool = False) -> dict[str, Any]:  # noqa: ARG002, FBT001, FBT002 -- Celery's signature
        """Describe the request for `inspect`; there is no unsafe way."""
        described: dict[str, Any] = super().info(safe=True)
        return described
