"""The settings: config.env and the environment, read once into a frozen Config.

The environment wins over the file, the file over the defaults embedded here. A value that doesn't
fit or a key in the file that isn't a setting stops the start with one sentence that names it. The
environment comes in as an argument; nothing else in the server reads settings from it.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from restore.contract import MIB
from restore.http import Network, parse_address

EMULATOR_HOST = "10.0.2.2"  # the Android emulator's name for the loopback of its host

_MAX_WORKERS = 256
_SECRET = ("API_TOKENS",)  # never shown
_MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}", re.ASCII)
_PROVIDER = re.compile(r"generic|dummy|[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", re.ASCII)
_ORIGIN = re.compile(r"https?://[a-z0-9._-]+(?::[0-9]{1,5})?", re.ASCII)
_HOST_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9_])?", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,256}", re.ASCII)  # RFC 6750, section 2.1
_BASE_URL = re.compile(r"[!-~]+", re.ASCII)
_QUOTED = re.compile(r"""(["'])(.*?)\1(?:\s+#.*)?""")
_COMMENT = re.compile(r"\s#.*")
_VARIABLE = re.compile(r"\$(?:\w|\{)")


class ConfigError(Exception):
    """A setting is wrong; its text is one sentence for the person who starts the server."""


# -- one value: text in, value out; ValueError says what it must be


def _flag(text: str) -> bool:
    values = {"true": True, "1": True, "yes": True, "on": True}
    values |= {"false": False, "0": False, "no": False, "off": False}
    if text.lower() not in values:
        raise ValueError("must be true or false")
    return values[text.lower()]


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 12 and low <= int(text) <= high):
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def _number(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text) if "_" not in text else math.nan
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g}")
        return value

    return parse


def _host(text: str) -> str:
    if text != "localhost" and parse_address(text) is None:
        raise ValueError("must be an IP address or localhost")
    return text


def _base_url(text: str) -> str:
    message = "must be empty or an address such as http://10.0.2.2:8000"
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        raise ValueError(message) from None
    if text and not (valid and _BASE_URL.fullmatch(text)):
        raise ValueError(message)
    if "?" in text or "#" in text or "@" in parts.netloc:
        raise ValueError(message)
    return text.rstrip("/")


def _folder(text: str) -> str:
    message = "must be a folder such as ./data"
    if "\0" in text:
        raise ValueError(message)
    try:
        return str(Path(text).expanduser())
    except RuntimeError:  # `~name` of nobody here
        raise ValueError(message) from None


def _models_folder(text: str) -> str:
    return _folder(text) if text else ""


def _provider(text: str) -> str:
    if not _PROVIDER.fullmatch(text):
        raise ValueError("must be generic, dummy or package.module:callable")
    return text


def _model(text: str) -> str:
    if not _MODEL_ID.fullmatch(text):
        raise ValueError("must be a model's id such as restoration/classic")
    return text


def _delay(text: str) -> tuple[float, float]:
    low, dash, high = text.partition("-")
    try:
        parse = _number(0, 1e6)
        shortest = parse(low.strip())
        longest = parse(high.strip()) if dash else shortest
    except ValueError:
        longest = shortest = math.nan
    if not shortest <= longest:
        raise ValueError("must be a number of seconds such as 1.5, or a range such as 1-2")
    return shortest, longest


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError("must be IP addresses or networks, with commas between") from None


def _names(text: str) -> frozenset[str]:
    names = [part.strip().lower() for part in text.split(",") if part.strip()]
    if not all(_HOST_NAME.fullmatch(name) for name in names):
        raise ValueError("must be host names without port, with commas between")
    return frozenset(names)


def _tokens(text: str) -> tuple[tuple[str, str], ...]:
    pairs = [part.strip().partition(":") for part in text.split(",") if part.strip()]
    if not all(_NAME.fullmatch(name) and _TOKEN.fullmatch(token) for name, _, token in pairs):
        raise ValueError("must be name:token, with commas between; a token has 16 letters or more")
    return tuple((name, token) for name, _, token in pairs)


def _origins(text: str) -> frozenset[str]:
    origins = [part.strip().lower() for part in text.split(",") if part.strip()]
    if not all(_ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError("must be origins such as https://app.example, with commas between")
    return frozenset(origins)


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return text.lower()

    return parse


def _setting(key: str, default: str, parse: Callable[[str], Any], *, empty: bool = False) -> Any:
    """One setting; `empty` says that an empty value has a meaning of its own."""
    return field(metadata={"key": key, "default": default, "parse": parse, "empty": empty})


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting. A default of `auto` is worked out from the machine: see `load`."""

    restore_enabled: bool = _setting("RESTORE_ENABLED", "true", _flag)
    page: bool = _setting("PAGE", "true", _flag)
    max_image_mb: int = _setting("MAX_IMAGE_MB", "15", _whole(1, 1024))
    result_base_url: str = _setting(
        "RESULT_BASE_URL", "http://10.0.2.2:8000", _base_url, empty=True
    )
    storage_dir: str = _setting("STORAGE_DIR", "./data", _folder)
    provider: str = _setting("PROVIDER", "generic", _provider)
    model_default: str = _setting("MODEL_DEFAULT", "restoration/gfpgans-1.4", _model)
    rate_limit_per_min: int = _setting("RATE_LIMIT_PER_MIN", "10", _whole(0, 1_000_000_000))
    host: str = _setting("HOST", "127.0.0.1", _host)
    allowed_hosts: frozenset[str] = _setting("ALLOWED_HOSTS", "", _names, empty=True)
    api_tokens: tuple[tuple[str, str], ...] = _setting("API_TOKENS", "", _tokens, empty=True)
    cors_origins: frozenset[str] = _setting("CORS_ORIGINS", "", _origins, empty=True)
    port: int = _setting("PORT", "8000", _whole(0, 65535))
    models_dir: str = _setting("MODELS_DIR", "", _models_folder, empty=True)
    workers: int = _setting("WORKERS", "auto", _whole(1, _MAX_WORKERS))
    dummy_delay_s: tuple[float, float] = _setting("DUMMY_DELAY_S", "1-2", _delay)
    max_queue: int = _setting("MAX_QUEUE", "200", _whole(1, 1_000_000_000))
    job_timeout_s: float = _setting("JOB_TIMEOUT_S", "300", _number(0.1, 86400))
    shutdown_grace_s: float = _setting("SHUTDOWN_GRACE_S", "5", _number(0, 3600))
    memory_budget_mb: int = _setting("MEMORY_BUDGET_MB", "auto", _whole(1, 1 << 30))
    min_free_disk_mb: int = _setting("MIN_FREE_DISK_MB", "1024", _whole(0, 1 << 30))
    retention_hours: float = _setting("RETENTION_HOURS", "0", _number(0, 1_000_000))
    log_level: str = _setting("LOG_LEVEL", "info", _one_of("debug", "info", "warning", "error"))
    log_format: str = _setting("LOG_FORMAT", "text", _one_of("text", "json"))
    metrics: bool = _setting("METRICS", "false", _flag)
    trusted_proxies: tuple[Network, ...] = _setting("TRUSTED_PROXIES", "", _networks, empty=True)

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
    texts = _read_file(file, required=bool(named))
    auto = {
        "WORKERS": str(min(max(1, cores - 1), _MAX_WORKERS)),
        "MEMORY_BUDGET_MB": str(max(1, memory_mib // 2)),
    }
    values = {}
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
            values[setting.name] = parse(text)
        except ValueError as error:
            found = "" if key in _SECRET else f"; it is {text!r}"
            raise ConfigError(f"{key} (in {source}) {error}{found}.") from None
    if values["models_dir"]:  # children have another current folder
        values["models_dir"] = str((base / values["models_dir"]).absolute())
    config = Config(**values)
    return config, (base / config.storage_dir).absolute()


def _read_file(file: Path, *, required: bool) -> dict[str, str]:
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
