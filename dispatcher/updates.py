"""The update tasks: what they do with their arguments, and what they answer; they never fail."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog

from dispatcher import look_wire, policy_wire, sender_wire, status
from dispatcher.bootstrap_worker import Services
from dispatcher.errors import (
    DispatcherError,
    InvalidLook,
    InvalidPolicy,
    InvalidSender,
    RejectedInput,
)
from dispatcher.look import Look
from dispatcher.patience import insist
from dispatcher.policy import Details
from dispatcher.sender import Sender
from dispatcher.sources import native

Arguments = tuple[tuple[object, ...], Mapping[str, object]]
"""A task's positional and named arguments."""

_log: Final = structlog.get_logger("dispatcher")


async def update_policy(services: Services, arguments: Arguments) -> dict[str, Any]:
    """Set an organization's policy; return the API's body of success or of failure."""
    try:
        org_id, body = _two(arguments, InvalidPolicy)
        switches = policy_wire.parse_update(body, services.switches)
        written = await insist(
            lambda: services.policies.update(org_id, switches, by="task"), services.observer
        )
    except DispatcherError as error:
        services.observer.policy_refused(error)
        return status.failure(error)
    services.observer.policy_written(written)
    return policy_wire.changed(services.policies.details(written))


async def update_sender(services: Services, arguments: Arguments) -> dict[str, Any]:
    """Set an organization's sender; return a body like the policy's, without any secret."""

    async def update(org_id: str, body: object) -> tuple[Sender, bool]:
        written = await services.senders.update(org_id, sender_wire.parse_change(body))
        return written.sender, written.changed

    return await _update(services, arguments, "sender", InvalidSender, update)


async def update_branding(services: Services, arguments: Arguments) -> dict[str, Any]:
    """Set what an organization's mails look like; return a body like the policy's."""

    async def update(org_id: str, body: object) -> tuple[Look, bool]:
        written = await services.looks.brand(org_id, look_wire.parse_branding(body))
        return written.look, written.changed

    return await _update(services, arguments, "look", InvalidLook, update)


async def update_texts(services: Services, arguments: Arguments) -> dict[str, Any]:
    """Set what an organization's mails say; return a body like the policy's."""

    async def update(org_id: str, body: object) -> tuple[Look, bool]:
        written = await services.looks.reword(org_id, look_wire.parse_texts(body))
        return written.look, written.changed

    return await _update(services, arguments, "look", InvalidLook, update)


async def _update(
    services: Services,
    arguments: Arguments,
    what: str,
    refusal: type[RejectedInput],
    update: Callable[[str, object], Awaitable[tuple[Sender | Look, bool]]],
) -> dict[str, Any]:
    try:
        org_id, body = _two(arguments, refusal)
        standing, changed = await insist(lambda: update(org_id, body), services.observer)
    except DispatcherError as error:
        _log.warning(what, effect="refused", detail=str(error))
        return status.failure(error)
    effect = "changed" if changed else "unchanged"
    _log.info(what, effect=effect, org_id=org_id, sequence=standing.sequence)
    return policy_wire.changed(Details(standing.sequence, None, standing.changed_at, org_id))


def _two(arguments: Arguments, refusal: type[RejectedInput]) -> tuple[str, object]:
    positional, named = arguments
    if named or len(positional) > 2:  # noqa: PLR2004 - the two that the text names
        raise refusal("expected two positional arguments: the organization's id and the body")
    org_id, body = (*positional, None, None)[:2]
    valid = native.valid_org_id(org_id)
    if valid is None:
        raise refusal(
            "expected the organization's id first: a string of 1-64 characters of A-Za-z0-9._-"
        )
    return valid, body
