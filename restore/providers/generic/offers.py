"""Which models `generic` offers here, and who carries out each: the extras that are installed.

Only `offered` looks closely, once at the start; a job asks for its own engine alone.
"""

from collections.abc import Mapping
from functools import lru_cache

from restore.providers import learned
from restore.providers.generic.engines import CLASSIC, Engine, learned_engine
from restore.providers.model import Model

CLASSIC_ID, LEARNED_ID = "restoration/classic", "restoration/learned"

_CLASSIC = Model(
    "Removes noise, JPEG damage, scratches, blur and fading; enlarges.", licence="MIT", s_per_mp=2.4
)
_LEARNED = Model(
    "As classic; a small network enlarges and removes JPEG damage.",
    licence=learned.LICENCE,
    s_per_mp=3.5,
    memory_bytes=150_000_000,
)


def offered(models_dir: str) -> Mapping[str, Model]:
    """All models by id. Raises ModelError for one that is there and can't be used."""
    models = {CLASSIC_ID: _CLASSIC}
    if learned.installed():
        learned.check()
        models[LEARNED_ID] = _LEARNED
    return models


def default_of(models: Mapping[str, Model]) -> str:
    """The id that a request without one means. An extra that is installed changes none of it."""
    return CLASSIC_ID


def engine_of(model_id: str, models_dir: str) -> Engine:
    """Who carries out `model_id`; any id that is not offered is the default's alias."""
    return _learned(1) if model_id == LEARNED_ID else CLASSIC


@lru_cache(maxsize=1)
def _learned(threads: int) -> Engine:
    return learned_engine(threads)
