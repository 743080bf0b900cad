"""Who does the steps that a learned model may do better: deblocking and enlarging.

The analysis and the plan are the same for all; an engine only carries out. `CLASSIC` needs Pillow
alone. What needs more is imported when a job asks for it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from restore.providers.generic import tuning
from restore.providers.generic.colour import Channels, luma
from restore.providers.generic.estimators.jpeg import JpegDamage
from restore.providers.generic.filters.deblock import deblocked, deblocked_colour
from restore.providers.generic.filters.enlarge import gained
from restore.providers.generic.plan import Plan


@dataclass(frozen=True, slots=True)
class Engine:
    """The steps, each as a function of channels (grey or RGB, 0..255).

    `deblock` gets the damage, and by how much the picture is enlarged later. `enlarge` gets the
    channels, their Lanczos enlargement and the plan, and gives channels of the enlargement's size;
    it sees `halo` px around what counts. `restore` is a model that does all repairs at once,
    whatever the plan says of noise, JPEG and blur. `tile` is how many px a side are worked on
    between two reports of progress, `part` how many are enlarged at once (0: as many as keep memory
    bounded). `threaded`: the model keeps threads, so the process must not be forked.
    """

    deblock: Callable[[Channels, JpegDamage, int], Channels]
    enlarge: Callable[[Channels, Channels, Plan], Channels]
    halo: int = tuning.ENLARGE_HALO
    tile: int = tuning.TILE_CORE
    part: int = 0
    threaded: bool = False
    restore: Callable[[Channels], Channels] | None = None


def _classic_deblocked(channels: Channels, damage: JpegDamage, upscale: int) -> Channels:
    """Where it enlarges, its network takes the blocks off brightness itself."""
    return (deblocked if upscale == 1 else deblocked_colour)(channels, damage)


def _classic_enlarged(channels: Channels, large: Channels, plan: Plan) -> Channels:
    detail = gained(luma(channels), plan.upscale, plan.jpeg is not None)
    return [plane + detail for plane in large]


CLASSIC = Engine(_classic_deblocked, _classic_enlarged)


def learned_engine(threads: int) -> Engine:
    """The engine of the extra `learned`; `threads` are the cores that one run may keep busy."""
    from restore.providers.generic import networks
    from restore.providers.learned import waifu2x

    def deblock(channels: Channels, damage: JpegDamage, upscale: int) -> Channels:
        if upscale > 1:
            return channels  # enlarging takes the damage away, and best as JPEG left it
        return networks.applied(
            lambda picture: waifu2x.cleaned(picture, _noise_level(damage), threads), channels
        )

    def enlarge(channels: Channels, large: Channels, plan: Plan) -> Channels:
        noise = _noise_level(plan.jpeg) if plan.jpeg else 0
        return networks.applied(
            lambda picture: waifu2x.enlarged(picture, plan.upscale, noise, threads), channels
        )

    return Engine(deblock, enlarge, halo=tuning.LEARNED_HALO)


def _noise_level(damage: JpegDamage) -> int:
    """The waifu2x weights for this damage.

    Level 3 gains most from quality 15 to 60 (docs/MEASURED.md); above, 1 keeps more texture.
    """
    return 1 if damage.quality >= tuning.LEARNED_MILD_JPEG else 3
