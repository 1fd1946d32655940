"""The settings: the only module that reads the environment.

Each setting is a variable ``DISPATCHER_<NAME>``, in the environment or in a
``.env`` file; ``DISPATCHER_<NAME>_FILE`` names a file to read it from instead,
which is how secrets are mounted. All are checked at once.
"""

import os
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from dispatcher.errors import ConfigError

_PREFIX: Final = "DISPATCHER_"
_STORE_SCHEMES: Final = frozenset({"redis", "rediss", "redis+socket"})
_VALKEY_SCHEMES: Final = _STORE_SCHEMES | {"sentinel"}
_RATE: Final = r"^([1-9]\d{0,8}/(second|minute|hour|day))?$"
_SHORTEST_SECRET: Final = 16
_ADDRESS: Final = r"^(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+):\d{1,5}$"
_RABBITMQ_SCHEMES: Final = frozenset({"amqp", "amqps"})
_CLUSTER_SCHEMES: Final = _RABBITMQ_SCHEMES | {"sentinel"}
"""What may name several nodes, with a semicolon between them: one is as good as another."""


def _scheme(url: str) -> str:
    return urlsplit(url).scheme


def _broker(url: SecretStr) -> SecretStr:
    kinds = {_scheme(node) for node in url.get_secret_value().split(";")}
    if not kinds <= _VALKEY_SCHEMES | _RABBITMQ_SCHEMES:
        raise ValueError(
            "expected redis://, rediss://, redis+socket:// (Valkey or Redis), amqp:// or amqps:// "
            "(RabbitMQ), such as redis://user:password@valkey:6379/0"
        )
    several = ";" in url.get_secret_value()
    if several and (len(kinds) > 1 or not kinds <= _CLUSTER_SCHEMES):
        raise ValueError(
            "expected several nodes of one RabbitMQ cluster, or several Sentinels, such as "
            "amqp://rabbit-1;amqp://rabbit-2: other brokers do not know each other's messages"
        )
    return url


def _store(url: SecretStr) -> SecretStr:
    if _scheme(url.get_secret_value()) in _VALKEY_SCHEMES:
        return url
    raise ValueError(
        "expected redis://, rediss:// or redis+socket://: the store is Valkey or Redis"
    )


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) >= _SHORTEST_SECRET:
        return secret
    raise ValueError(f"expected at least {_SHORTEST_SECRET} characters")


def _empty_is_unset(value: object) -> object:
    return None if value == "" else value


_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9A-Fa-f:]+\]|[\w.-]+)(:\d{1,5})?|\*")


def _origins(value: object) -> object:
    if not isinstance(value, str):
        return value
    origins = tuple(origin.strip() for origin in value.split(",") if origin.strip())
    if all(_ORIGIN.fullmatch(origin) for origin in origins):
        return origins
    raise ValueError("expected origins without paths, such as https://console.acme.example, or *")


_Unset = BeforeValidator(_empty_is_unset)


def _networks(text: str) -> str:
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            ip_network(part)
        except ValueError:
            raise ValueError(
                "expected addresses or networks, separated by commas, such as 10.0.0.0/8"
            ) from None
    return text


def _issuer(url: str) -> str:
    if not url or _scheme(url) in {"https", "http"}:
        return url
    raise ValueError("expected the issuer's URL, such as https://login.acme.example")


class Settings(BaseSettings):
    """Everything an operator may set; the README's table says what each means."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    broker_url: Annotated[Annotated[SecretStr, AfterValidator(_broker)] | None, _Unset] = None
    store_url: Annotated[Annotated[SecretStr, AfterValidator(_store)] | None, _Unset] = None
    sentinel_master: str = "mymaster"
    store_prefix: str = Field(default="nd:", pattern=r"^[A-Za-z0-9._:-]{1,32}$")
    smtp_url: Annotated[SecretStr | None, _Unset] = None
    mail_from: Annotated[str | None, _Unset] = None
    bounce_address: str = ""
    dkim_keys: str = ""
    contact: str = ""
    default_locale: str = "en"
    templates_dir: Annotated[Path | None, _Unset] = None
    default_password_change: Annotated[bool | None, _Unset] = None
    concurrency: int = Field(default=128, ge=1, le=10_000)
    worker_pool: Literal["strands", "prefork", "threads", "solo"] = "strands"
    smtp_connections: int = Field(default=16, ge=1, le=1_000)
    max_age: float = Field(default=86_400.0, gt=0)
    fold_window: float = Field(default=0.0, ge=0, le=3_600)
    retention: float = Field(default=604_800.0, ge=60)
    former_address_age: float = Field(default=604_800.0, ge=0)
    suppression_age: float = Field(default=2_592_000.0, ge=60)
    secret_key: Annotated[Annotated[SecretStr, AfterValidator(_long_enough)] | None, _Unset] = None
    encryption_keys: Annotated[SecretStr | None, _Unset] = None
    sender_local_relays: bool = False
    http_bind: str = Field(default="127.0.0.1:8080", pattern=_ADDRESS)
    grpc_bind: str = Field(default="127.0.0.1:8081", pattern=_ADDRESS)
    metrics_bind: str = Field(default="127.0.0.1:9464", pattern=f"^$|{_ADDRESS}")
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = ()
    connections_file: Annotated[Path | None, _Unset] = None
    webhook_secrets: Annotated[SecretStr | None, _Unset] = None
    zitadel_strict: bool = False
    rate_limit_token: str = Field(default="6000/minute", pattern=_RATE)
    rate_limit_address: str = Field(default="300/minute", pattern=_RATE)
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = ""
    oidc_issuer: Annotated[str, AfterValidator(_issuer)] = ""
    oidc_audience: str = ""
    oidc_roles_claim: str = "urn:zitadel:iam:org:project:roles"
    oidc_org_claim: str = "urn:zitadel:iam:user:resourceowner:id"
    oidc_role_map: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: Annotated[SecretStr | None, _Unset] = None
    oidc_scopes: str = "openid profile"
    console: bool = True
    instance_id: str = Field(default="instance", pattern=r"^[A-Za-z0-9._-]{1,64}$")
    data_dir: Path = Path("var")
    stop_grace: float = Field(default=30.0, ge=0)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_rate: int = Field(default=100, ge=0)
    traces: bool = False
    log_format: Literal["auto", "json", "text"] = "auto"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read, in this order: arguments, the environment, named files, ``.env``."""
        del file_secret_settings
        return init_settings, env_settings, _NamedFiles(settings_cls), dotenv_settings

    @property
    def broker_is_store(self) -> bool:
        """Tell whether the broker's URL leads to a server that can be the store, too."""
        broker = self.broker_url
        return broker is not None and _scheme(broker.get_secret_value()) in _STORE_SCHEMES

    @property
    def uses_rabbitmq(self) -> bool:
        """Tell whether the broker is RabbitMQ."""
        broker = self.broker_url
        return broker is not None and _scheme(broker.get_secret_value()) in _RABBITMQ_SCHEMES


class _NamedFiles(EnvSettingsSource):
    """Takes a setting from the file that ``DISPATCHER_<NAME>_FILE`` names."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field
        variable = f"{_PREFIX}{field_name}_FILE".upper()
        path = os.environ.get(variable)
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except OSError as error:
            raise ConfigError(f"{variable}: cannot read {path}: {error.strerror}") from error


def load_settings() -> Settings:
    """Return the settings.

    Raises:
        ConfigError: Some are wrong; the text names every one, and what was expected.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigError(_mistakes(error)) from None
    except SettingsError as error:  # pydantic's wrapping of what _NamedFiles says
        raise ConfigError(str(error.__cause__)) from error


def environment_with(**settings: str) -> dict[str, str]:
    """Return this process's environment with some settings changed, for a child process."""
    return dict(os.environ) | {
        f"{_PREFIX}{name}".upper(): value for name, value in settings.items()
    }


def _mistakes(error: ValidationError) -> str:
    lines = []
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        message = item["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
        name = f"{_PREFIX}{item['loc'][0]}".upper() + ": " if item["loc"] else ""
        lines.append(f"{name}{message}")
    return "\n".join(lines)
