"""Which URLs lead to a store."""

import pytest
from redis.asyncio import SSLConnection, UnixDomainSocketConnection

from dispatcher.adapters.store import connect
from dispatcher.errors import ConfigError


def test_kombus_spelling_of_a_socket_is_understood() -> None:
    pool = connect("redis+socket:///run/valkey.sock?virtual_host=3").connection_pool
    assert issubclass(pool.connection_class, UnixDomainSocketConnection)
    assert (pool.connection_kwargs["path"], pool.connection_kwargs["db"]) == ("/run/valkey.sock", 3)


def test_a_socket_may_ask_for_a_user_and_a_password() -> None:
    pool = connect("redis+socket://worker:secret@/run/valkey.sock").connection_pool
    assert (pool.connection_kwargs["username"], pool.connection_kwargs["password"]) == (
        "worker",
        "secret",
    )


def test_tls_is_spoken_where_the_url_says_so() -> None:
    pool = connect("rediss://valkey.example.org:6380/1").connection_pool
    assert issubclass(pool.connection_class, SSLConnection)


@pytest.mark.parametrize("url", ["", "http://x", "amqp://x", "redis://x:port", "/run/valkey.sock"])
def test_other_urls_are_a_mistake_in_the_settings(url: str) -> None:
    with pytest.raises(ConfigError):
        connect(url)


def test_no_command_is_sent_twice_behind_the_callers_back() -> None:
    retry = connect("redis://valkey.example.org").get_retry()
    assert retry is not None
    assert retry.get_retries() == 0
