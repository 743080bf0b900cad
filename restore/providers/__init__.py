"""Providers: what really changes the picture, behind one function.

    run(image_path, model_id, strength, upscale) -> output_path

    dummy          waits and copies
    generic        restores
    transparency   what nobody sees counts nowhere

Here stands how one is found by its name; how to write one is told in docs/PROVIDERS.md. The rule
kept here: a provider that can't be used is told of in one sentence, before the first photo comes.
"""

import importlib
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from types import ModuleType
from typing import Protocol

PROVIDERS: Mapping[str, str] = {
    "generic": "restore.providers.generic:run",
    "dummy": "restore.providers.dummy:run",
}


class Provider(Protocol):
    """What a provider is. Called by position; a coroutine function is awaited."""

    def __call__(
        self, image_path: str, model_id: str, strength: float, upscale: int, /
    ) -> str | Awaitable[str]: ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """A provider ready to be called; `models` is id -> one line on what it does."""

    run: Provider
    models: Mapping[str, str]


class ProviderError(Exception):
    """The provider can't be used; the message is one sentence for whoever starts the server."""


def load(spec: str, dummy_delay_s: tuple[float, float] | None = None) -> Loaded:
    """Import the provider `spec`: a name of PROVIDERS or "package.module:callable".

    `dummy_delay_s` is the shortest and longest wait of the dummy provider, in seconds. Raises
    ProviderError, where the module raised with that as its `__cause__`.
    """
    target = PROVIDERS.get(spec, spec)
    module_name, colon, name = target.partition(":")
    if not (colon and module_name and name):
        known = ", ".join(PROVIDERS)
        raise ProviderError(f"PROVIDER={spec!r} is none of {known}, nor package.module:callable.")
    module = _import(spec, module_name)
    run = _callable(spec, module, name)
    if target == PROVIDERS["dummy"] and dummy_delay_s is not None:
        run = partial(run, delay_s=dummy_delay_s)
    return Loaded(run, _models(spec, module))


def _import(spec: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = "it" if error.name and _covers(error.name, name) else f"its {error.name!r}"
        raise ProviderError(
            f"PROVIDER={spec!r} can't be imported: there is no module for {missing}."
        ) from error
    except BaseException as error:  # a module may do anything, sys.exit() too
        raise ProviderError(
            f"PROVIDER={spec!r} can't be imported: it raises {type(error).__name__}."
        ) from error


def _covers(missing: str, wanted: str) -> bool:
    return wanted == missing or wanted.startswith(f"{missing}.")


def _callable(spec: str, module: ModuleType, name: str) -> Callable[..., str]:
    try:
        run = attrgetter(name)(module)
    except AttributeError:
        raise ProviderError(f"PROVIDER={spec!r}: the module has no {name!r}.") from None
    if not callable(run):
        raise ProviderError(f"PROVIDER={spec!r}: {name!r} can't be called.")
    try:
        inspect.signature(run).bind("", "", 0.5, 1)
    except TypeError:
        raise ProviderError(
            f"PROVIDER={spec!r}: {name!r} doesn't take (image_path, model_id, strength, upscale)."
        ) from None
    except ValueError:
        pass  # written in C, without a signature to look at
    return run  # type: ignore[no-any-return]


def _models(spec: str, module: ModuleType) -> Mapping[str, str]:
    models = getattr(module, "MODELS", {})
    if not isinstance(models, dict) or not all(
        isinstance(text, str) and text for item in models.items() for text in item
    ):
        raise ProviderError(f"PROVIDER={spec!r}: MODELS must map ids to one line of text each.")
    return dict(models)
