"""What the product's own app tells Celery about its engine."""

from typing import Any

import pytest
from kombu import transport

from dispatcher.celery import configuration


@pytest.fixture(autouse=True)
def _names_of_transports_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("redis", "rediss", "sentinel"):
        monkeypatch.setitem(transport.TRANSPORT_ALIASES, name, transport.TRANSPORT_ALIASES[name])


@pytest.mark.parametrize(
    ("setting", "pool"),
    [
        (None, "dispatcher.adapters.broker.pool:TaskPool"),
        ("prefork", "prefork"),
        ("threads", "threads"),
        ("solo", "solo"),
    ],
)
def test_an_operator_may_insist_on_a_pool_of_celery_s(
    monkeypatch: pytest.MonkeyPatch, setting: str | None, pool: str
) -> None:
    if setting:
        monkeypatch.setenv("DISPATCHER_WORKER_POOL", setting)
    monkeypatch.setenv("DISPATCHER_BROKER_URL", "redis://127.0.0.1:1/0")
    settings: dict[str, Any] = configuration()
    assert settings["worker_pool"] == pool
