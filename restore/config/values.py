"""One value of a setting: text in, value out.

Rule: a ValueError says what the value must be, as the end of a sentence.
"""

import math
import re
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from restore.http import Network, parse_address

_MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}", re.ASCII)
_PROVIDER = re.compile(r"generic|dummy|[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", re.ASCII)
_ORIGIN = re.compile(r"https?://[a-z0-9._-]+(?::[0-9]{1,5})?", re.ASCII)
_HOST_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9_])?", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,256}", re.ASCII)  # RFC 6750, section 2.1
_BASE_URL = re.compile(r"[!-~]+", re.ASCII)


def flag(text: str) -> bool:
    values = {"true": True, "1": True, "yes": True, "on": True}
    values |= {"false": False, "0": False, "no": False, "off": False}
    if text.lower() not in values:
        raise ValueError("must be true or false")
    return values[text.lower()]


def whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 12 and low <= int(text) <= high):
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def number(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text) if "_" not in text else math.nan
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g}")
        return value

    return parse


def host(text: str) -> str:
    if text != "localhost" and parse_address(text) is None:
        raise ValueError("must be an IP address or localhost")
    return text


def base_url(text: str) -> str:
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


def folder(text: str) -> str:
    message = "must be a folder such as ./data"
    if "\0" in text:
        raise ValueError(message)
    try:
        return str(Path(text).expanduser())
    except RuntimeError:  # `~name` of nobody here
        raise ValueError(message) from None


def optional_path(text: str) -> str:
    return folder(text) if text else ""


def provider(text: str) -> str:
    if not _PROVIDER.fullmatch(text):
        raise ValueError("must be generic, dummy or package.module:callable")
    return text


def model(text: str) -> str:
    if not _MODEL_ID.fullmatch(text):
        raise ValueError("must be a model's id such as restoration/classic")
    return text


def scheduler(text: str) -> str:
    """The address of a Dask scheduler; with TLS settings it is spoken to by TLS all the same."""
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("tcp", "tls") and parts.hostname and parts.port
        bare = text.rstrip("/") == f"{parts.scheme}://{parts.netloc}" and "@" not in parts.netloc
    except ValueError:
        valid = bare = False
    if text and not (valid and bare):
        raise ValueError("must be empty or an address such as tcp://192.168.1.5:8786")
    return text.rstrip("/")


def delay(text: str) -> tuple[float, float]:
    low, dash, high = text.partition("-")
    try:
        parse = number(0, 1e6)
        shortest = parse(low.strip())
        longest = parse(high.strip()) if dash else shortest
    except ValueError:
        longest = shortest = math.nan
    if not shortest <= longest:
        raise ValueError("must be a number of seconds such as 1.5, or a range such as 1-2")
    return shortest, longest


def networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError("must be IP addresses or networks, with commas between") from None


def names(text: str) -> frozenset[str]:
    names = [part.strip().lower() for part in text.split(",") if part.strip()]
    if not all(_HOST_NAME.fullmatch(name) for name in names):
        raise ValueError("must be host names without port, with commas between")
    return frozenset(names)


def tokens(text: str) -> tuple[tuple[str, str], ...]:
    pairs = [part.strip().partition(":") for part in text.split(",") if part.strip()]
    if not all(_NAME.fullmatch(name) and _TOKEN.fullmatch(token) for name, _, token in pairs):
        raise ValueError("must be name:token, with commas between; a token has 16 letters or more")
    return tuple((name, token) for name, _, token in pairs)


def origins(text: str) -> frozenset[str]:
    origins = [part.strip().lower() for part in text.split(",") if part.strip()]
    if not all(_ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError("must be origins such as https://app.example, with commas between")
    return frozenset(origins)


def one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return text.lower()

    return parse
