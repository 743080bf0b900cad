"""Which models `generic` offers here, and who carries out each: extras that are installed, files.

Only `offered` looks closely, once at the start; a job opens what it needs alone.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from restore import progress
from restore.providers import learned, onnx
from restore.providers.generic.engines import CLASSIC, Engine, file_engine, learned_engine
from restore.providers.model import Model, ModelError
from restore.providers.onnx import Entry, Kind

CLASSIC_ID, LEARNED_ID = "restoration/classic", "restoration/learned"

_CLASSIC = Model(
    "Removes noise, JPEG damage, scratches, blur and fading; enlarges.", licence="MIT", s_per_mp=2.5
)
_LEARNED = Model(
    "As classic; a small network enlarges and removes JPEG damage.",
    licence=learned.LICENCE,
    s_per_mp=3.5,
    memory_bytes=130_000_000,
)
_ABOUT = {
    Kind.UPSCALE: "Enlarges by the model file {}; the rest as classic.",
    Kind.RESTORE: "Restores by the model file {}; enlarges as classic.",
    Kind.FACE: "Restores faces by the model file {}; the rest as {}.",
}
_GFPGAN = re.compile(r"gfpgan-1\.\d")
_LOADED = 3  # times its size in the file: what a model holds in memory, its tile's layers beside


def offered(models_dir: str) -> Mapping[str, Model]:
    """All models by id. Raises ModelError for one that is there and can't be used."""
    models = {CLASSIC_ID: _CLASSIC}
    if learned.installed():
        learned.check()
        models[LEARNED_ID] = _LEARNED
    if models_dir:
        if not onnx.installed():
            raise ModelError("MODELS_DIR is set, but restore[onnx] is not installed.")
        for entry in onnx.entries(models_dir):
            model = _model_of(entry)
            if model is not None:
                if entry.model_id in models:
                    raise ModelError(f"{entry.path.name} in MODELS_DIR must have another name.")
                models[entry.model_id] = model
    return models


def default_of(models: Mapping[str, Model]) -> str:
    """The id that a request without one means: GFPGAN's, where there is such a file.

    An extra that is installed changes none of it.
    """
    named = (name for name in models if _GFPGAN.fullmatch(name.partition("/")[2]))
    return max(named, default=CLASSIC_ID)


def engine_of(model_id: str, models_dir: str) -> Engine:
    """Who carries out `model_id`; any id that is not offered is the default's alias.

    Raises ModelError where a file can't be used any more.
    """
    if model_id == LEARNED_ID and learned.installed():
        return learned_engine(1)  # its processes are forked, so each keeps to one core
    files = {entry.model_id: entry for entry in onnx.entries(models_dir)} if models_dir else {}
    if model_id not in (CLASSIC_ID, *files):
        model_id = default_of(dict.fromkeys(files, _CLASSIC))
    if model_id not in files:
        return CLASSIC
    return _engine_of_file(files[model_id], list(files.values()))


def _engine_of_file(entry: Entry, all_files: list[Entry]) -> Engine:
    threads = progress.cores()
    if entry.kind is not Kind.FACE:
        return file_engine(entry, threads)
    from restore.providers.generic.portraits import FilePortraits

    detector = next((file for file in all_files if file.kind is Kind.DETECTOR), None)
    rest = learned_engine(threads) if learned.installed() else CLASSIC
    portraits = FilePortraits(entry, detector, threads)
    return replace(rest, portraits=portraits, threaded=True)


def _model_of(entry: Entry) -> Model | None:
    """What is said of a file, which is run once; None of a detector."""
    from restore.providers.onnx import network
    from restore.providers.onnx.session import Session

    kind, _ = network.looked_at(entry, Session(entry.path, threads=1, quick=True))
    if kind is Kind.DETECTOR:
        return None
    if kind is Kind.FACE and entry.kind is not Kind.FACE:
        raise ModelError(
            f"{entry.path.name} in MODELS_DIR takes one size alone, as face models do: say"
            f' {{"kind": "face"}} or "restore" in {entry.path.stem}.json.'
        )
    rest = "learned" if learned.installed() else "classic"
    return Model(
        entry.about or _ABOUT[kind].format(entry.path.name, rest),
        licence=entry.licence,
        upscales=(2, 4) if kind is Kind.UPSCALE else (1, 2, 4),
        memory_bytes=_LOADED * entry.path.stat().st_size,
    )
