"""The `generic` provider: classical restoration, analysed first, on Pillow alone; learned models
where they are installed and asked for.

It removes noise, grain, JPEG damage, thin scratches and dust, blur and fading, and enlarges; it
does only what the picture calls for, and hands a clean one back as it came. It invents nothing: no
faces, no torn-off corners.

    run -> picture.opened -> analysis.analysed -> plan.planned -> pipeline.restored -> picture.saved
"""

from dataclasses import replace
from pathlib import Path

from restore import progress
from restore.providers.generic import tuning
from restore.providers.generic.analysis import analysed
from restore.providers.generic.memory import block_cache
from restore.providers.generic.offers import CLASSIC_ID, default_of, engine_of, offered
from restore.providers.generic.picture import opened, saved
from restore.providers.generic.pipeline import restored
from restore.providers.generic.plan import planned, told

__all__ = ["MODELS", "default_of", "offered", "run"]

MODELS = {CLASSIC_ID: "Removes noise, JPEG damage, scratches, blur and fading; enlarges."}


def run(
    image_path: str, model_id: str, strength: float, upscale: int, *, models_dir: str = ""
) -> str:
    """Restore the upright JPEG or PNG at `image_path`; returns the path of the result.

    `strength` 0.1..1.0 blends in the effect; `upscale` 1, 2 or 4 multiplies both sides. An
    unknown `model_id` is the default's alias. `models_dir` is the folder of model files, "" without
    one. The result is of the input's kind, in the input's folder; it is the input itself where
    nothing was found to do. Raises what Pillow raises for a file that does not decode.
    """
    path = Path(image_path)
    with block_cache():
        picture = opened(path)
        share = tuning.ANALYSIS_SHARE
        findings = analysed(picture, lambda done: progress.report(share * done))
        plan = planned(findings, strength, upscale)
        progress.note(told(findings, plan))
        engine = engine_of(model_id, models_dir)
        if findings.evidence.is_graphic:
            engine = replace(engine, restore=None, portraits=None)
        faces = engine.portraits.find(picture) if engine.portraits else ()
        if plan.is_empty and not faces and not engine.restore:
            progress.report(1.0)
            return image_path
        if engine.restore:
            progress.note("model: the whole picture")
        rest = tuning.TILES_SHARE * (0.5 if faces else 1.0)
        image = restored(
            picture,
            plan,
            lambda done: progress.report(share + rest * done),
            progress.cores(),
            engine,
        )
        if engine.portraits:
            engine.portraits.lay(
                image,
                picture,
                faces,
                plan,
                lambda done: progress.report(share + rest * (1 + done)),
            )
    result = saved(image, picture, path.parent)
    progress.report(1.0)
    return str(result)
