"""The settings: config.env and the environment, read once into a frozen Config.

The environment wins over the file, the file over the defaults embedded here. A value that doesn't
fit or a key in the file that isn't a setting stops the start with one sentence that names it. The
environment comes in as an argument; nothing else in the server reads settings from it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from restore.config import values
from restore.contract import MIB
from restore.http import Network, parse_address

EMULATOR_HOST = "10.0.2.2"  # the Android emulator's name for the loopback of its host

_MAX_WORKERS = 256
_LEVELS = ("debug", "info", "warning", "error")
_SECRET = ("API_TOKENS",)  # never shown
# Relative to the base; children have another current folder.
_PATHS = ("models_dir", "shared_dir", "workers_tls_ca", "workers_tls_cert", "workers_tls_key")
_QUOTED = re.compile(r"""(["'])(.*?)\1(?:\s+#.*)?""")
_COMMENT = re.compile(r"\s#.*")
_VARIABLE = re.compile(r"\$(?:\w|\{)")


class ConfigError(Exception):
    """A setting is wrong; its text is one sentence for the person who starts the server."""


def _setting(key: str, default: str, parse: Callable[[str], Any], *, empty: bool = False) -> Any:
    """One setting; `empty` says that an empty value has a meaning of its own."""
    return field(metadata={"key": key, "default": default, "parse": parse, "empty": empty})


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting. A default of `auto` is worked out from the machine: see `load`."""

    restore_enabled: bool = _setting("RESTORE_ENABLED", "true", values.flag)
    page: bool = _setting("PAGE", "true", values.flag)
    max_image_mb: int = _setting("MAX_IMAGE_MB", "15", values.whole(1, 1024))
    result_base_url: str = _setting(
        "RESULT_BASE_URL", "http://10.0.2.2:8000", values.base_url, empty=True
    )
    storage_dir: str = _setting("STORAGE_DIR", "./data", values.folder)
    provider: str = _setting("PROVIDER", "generic", values.provider)
    model_default: str = _setting("MODEL_DEFAULT", "restoration/gfpgans-1.4", values.model)
    rate_limit_per_min: int = _setting("RATE_LIMIT_PER_MIN", "10", values.whole(0, 1_000_000_000))
    host: str = _setting("HOST", "127.0.0.1", values.host)
    allowed_hosts: frozenset[str] = _setting("ALLOWED_HOSTS", "", values.names, empty=True)
    api_tokens: tuple[tuple[str, str], ...] = _setting("API_TOKENS", "", values.tokens, empty=True)
    cors_origins: frozenset[str] = _setting("CORS_ORIGINS", "", values.origins, empty=True)
    port: int = _setting("PORT", "8000", values.whole(0, 65535))
    models_dir: str = _setting("MODELS_DIR", "", values.optional_path, empty=True)
    workers: int = _setting("WORKERS", "auto", values.whole(1, _MAX_WORKERS))
    dummy_delay_s: tuple[float, float] = _setting("DUMMY_DELAY_S", "1-2", values.delay)
    max_queue: int = _setting("MAX_QUEUE", "200", values.whole(1, 1_000_000_000))
    job_timeout_s: float = _setting("JOB_TIMEOUT_S", "300", values.number(0.1, 86400))
    shutdown_grace_s: float = _setting("SHUTDOWN_GRACE_S", "5", values.number(0, 3600))
    memory_budget_mb: int = _setting("MEMORY_BUDGET_MB", "auto", values.whole(1, 1 << 30))
    min_free_disk_mb: int = _setting("MIN_FREE_DISK_MB", "1024", values.whole(0, 1 << 30))
    retention_hours: float = _setting("RETENTION_HOURS", "0", values.number(0, 1_000_000))
    log_level: str = _setting(
        "LOG_LEVEL", "info", values.one_of("debug", "info", "warning", "error")
    )
    log_format: str = _setting("LOG_FORMAT", "text", values.one_of("text", "json"))
    metrics: bool = _setting("METRICS", "false", values.flag)
    workers_at: str = _setting("WORKERS_AT", "", values.scheduler, empty=True)
    shared_dir: str = _setting("SHARED_DIR", "", values.optional_path, empty=True)
    workers_plaintext: bool = _setting("WORKERS_PLAINTEXT", "false", values.flag)
    workers_tls_ca: str = _setting("WORKERS_TLS_CA", "", values.optional_path, empty=True)
    workers_tls_cert: str = _setting("WORKERS_TLS_CERT", "", values.optional_path, empty=True)
    workers_tls_key: str = _setting("WORKERS_TLS_KEY", "", values.optional_path, empty=True)
    trusted_proxies: tuple[Network, ...] = _setting(
        "TRUSTED_PROXIES", "", values.networks, empty=True
    )

    @property
    def max_image_bytes(self) -> int:
        return self.max_image_mb * MIB

    @property
    def listens_on_loopback(self) -> bool:
        address = parse_address(self.host)
        return address is None or address.is_loopback

    @property
    def url_host(self) -> str:
        """`host` as it stands in a URL: an IPv6 address in brackets (RFC 3986, 3.2.2)."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def base_url_host(self) -> str | None:
        return urlsplit(self.result_base_url).hostname


KEYS: Mapping[str, str] = {
    setting.metadata["key"]: setting.metadata["default"] for setting in fields(Config)
}


def load(
    base: Path, environ: Mapping[str, str], *, cores: int, memory_mib: int
) -> tuple[Config, Path]:
    """Read the settings; relative folders start at `base`. Returns them and the storage folder.

    `cores` and `memory_mib` are what the machine has: one core is left to the server itself, half
    of the memory to everybody else. Raises ConfigError.
    """
    named = _bare(environ.get("CONFIG_FILE", ""))
    file = base / (named or "config.env")
    texts = read_file(file, required=bool(named))
    auto = {
        "WORKERS": str(min(max(1, cores - 1), _MAX_WORKERS)),
        "MEMORY_BUDGET_MB": str(max(1, memory_mib // 2)),
    }
    found = {}
    for setting in fields(Config):
        key, parse = setting.metadata["key"], setting.metadata["parse"]
        text, source = setting.metadata["default"], "its default"
        for candidate, place in (
            (texts.get(key), file.name),
            (environ.get(key), "the environment"),
        ):
            value = None if candidate is None else _bare(candidate)
            if value is not None and (value or setting.metadata["empty"]):
                text, source = value, place
        if _VARIABLE.search(text):
            raise ConfigError(
                f"{key} (in {source}) refers to a variable by $, which is not looked up here:"
                " please write its value."
            )
        text = auto.get(key, text) if text == "auto" else text
        try:
            found[setting.name] = parse(text)
        except ValueError as error:
            shown = "" if key in _SECRET else f"; it is {text!r}"
            raise ConfigError(f"{key} (in {source}) {error}{shown}.") from None
    for name in _PATHS:
        if found[name]:
            found[name] = str((base / found[name]).absolute())
    config = Config(**found)
    return config, (base / config.storage_dir).absolute()


def read_file(file: Path, *, required: bool) -> dict[str, str]:
    """The lines KEY=VALUE, values as they are written; `#` begins a comment line.

    A byte order mark of UTF-8, which some editors write, is passed over.
    """
    try:
        lines = _decode(file.read_bytes()).splitlines()
    except FileNotFoundError:
        if not required:
            return {}
        raise ConfigError(f"The settings file {file} can't be read: there is none.") from None
    except OSError:
        raise ConfigError(f"The settings file {file} can't be read.") from None
    except ValueError as error:
        raise ConfigError(f"The settings file {file} can't be read: it is {error}.") from None
    texts: dict[str, str] = {}
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line or line.startswith("#"):
            continue
        key, equals, value = line.partition("=")
        key = key.strip()
        if not equals:
            raise ConfigError(f"Line {number} of {file.name} is not KEY=VALUE.")
        if key.split()[0:1] == ["export"]:
            raise ConfigError(
                f"Line {number} of {file.name} begins with export: please write KEY=VALUE alone."
            )
        if key not in KEYS:
            raise ConfigError(f"{key} (line {number} of {file.name}) is not a setting.")
        if key in texts:
            raise ConfigError(f"{key} is set twice in {file.name} (again in line {number}).")
        texts[key] = value
    return texts


def _decode(data: bytes) -> str:
    """The text of a settings file. Raises ValueError, which says what it is instead of UTF-8."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data:
        raise ValueError("UTF-16, and must be saved as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("Latin-1 or another old encoding, and must be saved as UTF-8") from None


def _bare(text: str) -> str:
    """A value without blanks around it, the quotes around it, or a comment behind a blank.

    Those in the environment get the same: container tools pass the lines of their files on with
    quotes and comments in them.
    """
    text = text.strip()
    quoted = _QUOTED.fullmatch(text)
    return quoted[2].strip() if quoted else _COMMENT.sub("", f" {text}").strip()


def port_of(url: str) -> int:
    """The port that a base URL leads to."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)
