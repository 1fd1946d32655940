"""The settings: read once, checked together, secrets from files."""

from pathlib import Path

import pytest

from dispatcher.errors import ConfigError
from dispatcher.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def loaded(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(f"DISPATCHER_{name}", value)
    return load_settings()


def test_has_a_default_for_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch)
    assert (settings.concurrency, settings.smtp_connections, settings.max_age) == (128, 16, 86_400)
    assert settings.broker_url is None
    assert settings.default_password_change is None


def test_names_every_mistake_at_once_and_shows_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError) as refusal:
        loaded(
            monkeypatch,
            CONCURRENCY="many",
            BROKER_URL="kafka://user:hunter2@host",
            STORE_URL="amqp://host",
            SECRET_KEY="short",
            DEFAULT_PASSWORD_CHANGE="perhaps",
        )
    text = str(refusal.value)
    assert len(text.splitlines()) == 5
    assert "DISPATCHER_BROKER_URL: expected redis://" in text
    assert "DISPATCHER_STORE_URL: expected redis://" in text
    assert "DISPATCHER_SECRET_KEY: expected at least 16 characters" in text
    assert "hunter2" not in text


def test_takes_an_empty_variable_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, BROKER_URL="", SMTP_URL="", DEFAULT_PASSWORD_CHANGE="")
    assert (settings.broker_url, settings.smtp_url) == (None, None)
    assert settings.default_password_change is None


def test_reads_a_secret_from_the_file_that_a_variable_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("a secret of some length\n")
    settings = loaded(monkeypatch, SECRET_KEY_FILE=str(tmp_path / "key"))
    assert settings.secret_key is not None
    assert settings.secret_key.get_secret_value() == "a secret of some length"


def test_says_which_file_it_cannot_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="DISPATCHER_SMTP_URL_FILE: cannot read /nowhere"):
        loaded(monkeypatch, SMTP_URL_FILE="/nowhere")


def test_reads_a_dotenv_file_after_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("DISPATCHER_CONCURRENCY=7\nDISPATCHER_CONTACT=+43 1 234\n")
    settings = loaded(monkeypatch, CONCURRENCY="9")
    assert (settings.concurrency, settings.contact) == (9, "+43 1 234")


@pytest.mark.parametrize(
    ("url", "fits"), [("redis://h", True), ("sentinel://h", False), ("amqp://h", False)]
)
def test_knows_whether_the_broker_can_be_the_store(
    monkeypatch: pytest.MonkeyPatch, url: str, *, fits: bool
) -> None:
    assert loaded(monkeypatch, BROKER_URL=url).broker_is_store is fits


@pytest.mark.parametrize("name", ["BROKER_URL", "STORE_URL"])
def test_wants_a_socket_as_celery_spells_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(ConfigError, match=rf"{name}: expected redis://, .*redis\+socket://"):
        loaded(monkeypatch, **{name: "unix:///run/valkey/socket"})


def test_shows_no_secret_when_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, SMTP_URL="smtp://u:hunter2@host:587")
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("url", "rabbitmq"), [("amqp://h", True), ("amqps://h", True), ("redis://h", False)]
)
def test_knows_which_broker_it_is(
    monkeypatch: pytest.MonkeyPatch, url: str, *, rabbitmq: bool
) -> None:
    assert loaded(monkeypatch, BROKER_URL=url).uses_rabbitmq is rabbitmq


@pytest.mark.parametrize("url", ["amqp://u:p@a;amqp://u:p@b", "sentinel://a;sentinel://b"])
def test_takes_several_nodes_of_one_cluster(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    broker = loaded(monkeypatch, BROKER_URL=url).broker_url
    assert broker is not None
    assert broker.get_secret_value() == url


@pytest.mark.parametrize("url", ["redis://a;redis://b", "amqp://a;redis://b", "amqp://a;amqps://b"])
def test_takes_no_servers_that_do_not_know_each_other(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    with pytest.raises(ConfigError, match="DISPATCHER_BROKER_URL: expected several nodes of one"):
        loaded(monkeypatch, BROKER_URL=url)
