"""The `generic` provider: classical restoration, analysed first, on Pillow alone.

It removes noise, grain, JPEG damage, thin scratches and dust, blur and fading, and enlarges; it
does only what the picture calls for, and hands a clean one back as it came. It invents nothing: no
faces, no torn-off corners.

    run -> picture.opened -> analysis.analysed -> plan.planned -> pipeline.restored -> picture.saved
"""

from pathlib import Path

from restore import progress
from restore.providers.generic import tuning
from restore.providers.generic.analysis import analysed
from restore.providers.generic.memory import block_cache
from restore.providers.generic.picture import opened, saved
from restore.providers.generic.pipeline import restored
from restore.providers.generic.plan import planned, told

MODELS = {
    "restoration/classic": "Removes noise, JPEG damage, scratches, blur and fading; enlarges.",
}


def run(image_path: str, model_id: str, strength: float, upscale: int) -> str:
    """Restore the upright JPEG or PNG at `image_path`; returns the path of the result.

    `strength` 0.1..1.0 blends in the effect; `upscale` 1, 2 or 4 multiplies both sides. `model_id`
    is taken as it is: there is one method. The result is of the input's kind, in the input's
    folder; it is the input itself where nothing was found to do. Raises what Pillow raises for a
    file that does not decode.
    """
    path = Path(image_path)
    with block_cache():
        picture = opened(path)
        share = tuning.ANALYSIS_SHARE
        findings = analysed(picture, lambda done: progress.report(share * done))
        plan = planned(findings, strength, upscale)
        progress.note(told(findings, plan))
        if plan.is_empty:
            progress.report(1.0)
            return image_path
        rest = tuning.TILES_SHARE
        image = restored(
            picture, plan, lambda done: progress.report(share + rest * done), progress.cores()
        )
    result = saved(image, picture, path.parent)
    progress.report(1.0)
    return str(result)
