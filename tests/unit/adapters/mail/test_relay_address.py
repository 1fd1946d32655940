"""A relay's URL says where it is and how to talk to it; what is wrong with one is said plainly."""

import pytest

from dispatcher.adapters.mail.relay_address import (
    Auth,
    RelayAddress,
    Security,
    parse_relay,
    parse_relays,
)
from dispatcher.errors import ConfigError


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://relay.example", RelayAddress("relay.example", 587)),
        ("smtp://relay.example:2587/", RelayAddress("relay.example", 2587)),
        ("smtps://relay.example", RelayAddress("relay.example", 465, Security.TLS)),
        ("smtp://relay.example?tls=none", RelayAddress("relay.example", 25, Security.NONE)),
        ("smtp://relay.example?tls=starttls", RelayAddress("relay.example", 587)),
        (
            "smtp://us%40er:p%2Ca%3Ass@relay.example:587",
            RelayAddress("relay.example", 587, username="us@er", password="p,a:ss"),
        ),
        (
            "smtp://u:token@relay.example?auth=xoauth2",
            RelayAddress(
                "relay.example", 587, username="u", password="token", auth=Auth.XOAUTH2
            ),
        ),
        (
            "smtp://u:p@127.0.0.1:25?tls=none",
            RelayAddress("127.0.0.1", 25, Security.NONE, username="u", password="p"),
        ),
        (
            "smtps://localhost?verify=no&ehlo=worker.example",
            RelayAddress("localhost", 465, Security.TLS, verify=False, ehlo="worker.example"),
        ),
        (
            "smtp://relay.example?rate=2.5&connections=8&messages=100",
            RelayAddress("relay.example", 587, rate=2.5, connections=8, messages=100),
        ),
        (
            "smtp://[::1]:25?tls=none",
            RelayAddress("::1", 25, Security.NONE),
        ),
        (
            "smtps://relay.example?ca=/etc/ca.pem&cert=/etc/me.pem&key=/etc/me.key",
            RelayAddress(
                "relay.example", 465, Security.TLS,
                ca="/etc/ca.pem", cert="/etc/me.pem", key="/etc/me.key",
            ),
        ),
    ],
)  # fmt: skip
def test_a_url_gives_the_relay(url: str, expected: RelayAddress) -> None:
    assert parse_relay(url) == expected


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("relay.example:587", "smtp://"),
        ("http://relay.example", "smtp://"),
        ("smtp://", "smtp://"),
        ("smtp://relay.example:99999", "smtp://"),
        ("smtp://relay.example:0", "no port"),
        ("smtp://relay.example/path", "%2F"),
        ("smtp://relay.example#x", "%23"),
        ("smtp://u:p@relay.example?tls=none", "clear text"),
        ("smtp://u:p@192.0.2.1?tls=none", "clear text"),
        ("smtp://relay.example?tls=maybe", "tls=none"),
        ("smtps://relay.example?tls=none", "leave out"),
        ("smtp://relay.example?auth=magic", "xoauth2"),
        ("smtp://relay.example?auth=plain", "needs a user"),
        ("smtp://:p@relay.example", "needs a user"),
        ("smtp://relay.example?verify=no", "ca="),
        ("smtp://relay.example?verify=perhaps", "verify=yes"),
        ("smtp://relay.example?key=/k", "cert="),
        ("smtp://relay.example?ehlo=two+words", "host name"),
        ("smtp://relay.example?color=red", "unknown option color"),
        ("smtp://relay.example?auth", "?auth="),
        ("smtp://relay.example?rate=0", "rate=50"),
        ("smtp://relay.example?rate=fast", "rate=50"),
        ("smtp://relay.example?rate=nan", "rate=50"),
        ("smtp://relay.example?rate=inf", "rate=50"),
        ("smtp://relay.example?connections=-1", "connections=8"),
        ("smtp://relay.example?messages=1.5", "messages=8"),
    ],
)
def test_a_url_that_cannot_work_is_refused_with_advice(url: str, advice: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_relay(url)
    assert advice in str(caught.value)


@pytest.mark.parametrize(
    "url", ["smtp://u:hunter2@[bad", "smtp://u:hunter2@relay.example?tls=none"]
)
def test_no_password_is_shown_when_a_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_relay(url)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(parse_relay("smtp://u:hunter2@relay.example"))


def test_several_relays_keep_their_order() -> None:
    relays = parse_relays("smtp://one.example, smtps://two.example ,")
    assert [relay.name for relay in relays] == ["one.example:587", "two.example:465"]


def test_every_wrong_relay_of_a_list_is_named() -> None:
    with pytest.raises(ConfigError, match=r"one\.example.*two\.example"):
        parse_relays("smtp://one.example?tls=x,smtp://fine.example,smtp://two.example?auth=x")


@pytest.mark.parametrize("urls", ["", " , "])
def test_an_empty_list_is_refused(urls: str) -> None:
    with pytest.raises(ConfigError, match="no relay"):
        parse_relays(urls)


def test_an_ipv6_relay_is_named_with_brackets() -> None:
    assert RelayAddress("::1", 25).name == "[::1]:25"
