"""Providers: what really changes the picture, behind one function.

    run(image_path, model_id, strength, upscale) -> output_path

    dummy          waits and copies
    generic        restores
    learned        the extra of that name: a small network that generic may call
    onnx           whatever model file lies in MODELS_DIR: generic may call it too
    arrays         pictures as arrays, networks over tiles
    model          what is said of a model
    transparency   what nobody sees counts nowhere

Here stands how one is found by its name; how to write one stands in docs/PROVIDERS.md. Rule: a
provider that can't be used is refused in one sentence, before the first photo comes.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from types import ModuleType
from typing import Protocol

from restore.providers.model import Model, ModelError

PROVIDERS: Mapping[str, str] = {
    "generic": "restore.providers.generic:run",
    "dummy": "restore.providers.dummy:run",
}


class Provider(Protocol):
    """What a provider is. Called by position."""

    def __call__(self, image_path: str, model_id: str, strength: float, upscale: int, /) -> str: ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """A provider ready to be called; `models` is id -> one line on what it does."""

    run: Provider
    models: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Offer:
    """What a provider offers: the models by their ids, and which of them the default stands for.

    `default` is "" where the provider has no model of its own to name.
    """

    models: Mapping[str, Model]
    default: str = ""


class ProviderError(Exception):
    """The provider can't be used; the message is one sentence for whoever starts the server."""


def load(
    spec: str, dummy_delay_s: tuple[float, float] | None = None, models_dir: str = ""
) -> Loaded:
    """Import the provider `spec`: a name of PROVIDERS or "package.module:callable".

    `dummy_delay_s` is the shortest and longest wait of the dummy provider, in seconds; `models_dir`
    the folder of model files, for `generic`. Raises ProviderError, where the module raised with
    that as its `__cause__`.
    """
    module, run = _imported(spec)
    if PROVIDERS.get(spec) == PROVIDERS["dummy"] and dummy_delay_s is not None:
        run = partial(run, delay_s=dummy_delay_s)
    if PROVIDERS.get(spec) == PROVIDERS["generic"] and models_dir:
        run = partial(run, models_dir=models_dir)
    return Loaded(run, _models(spec, module))


def offered(spec: str, models_dir: str = "") -> Offer:
    """All that the provider `spec` offers, each model looked at: for the start, once.

    A model file may be opened for it, which takes seconds. Raises ProviderError.
    """
    module, _ = _imported(spec)
    if PROVIDERS.get(spec) == PROVIDERS["generic"]:
        try:
            models = module.offered(models_dir)
        except ModelError as error:
            raise ProviderError(str(error)) from error.__cause__
        return Offer(models, module.default_of(models))
    return Offer({name: Model(about) for name, about in _models(spec, module).items()})


def _imported(spec: str) -> tuple[ModuleType, Callable[..., str]]:
    target = PROVIDERS.get(spec, spec)
    module_name, colon, name = target.partition(":")
    if not (colon and module_name and name):
        known = ", ".join(PROVIDERS)
        raise ProviderError(f"PROVIDER={spec!r} is none of {known}, nor package.module:callable.")
    module = _import(spec, module_name)
    return module, _callable(spec, module, name)


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
