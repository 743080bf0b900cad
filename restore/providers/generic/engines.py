"""Who does the steps that a learned model may do better: deblocking and enlarging.

The analysis and the plan are the same for all; an engine only carries out. `CLASSIC` needs Pillow
alone. What needs more is imported when a job asks for it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from PIL import Image

from restore.providers.generic import tuning
from restore.providers.generic.colour import Channels, luma
from restore.providers.generic.estimators.jpeg import JpegDamage
from restore.providers.generic.filters.deblock import deblocked, deblocked_colour
from restore.providers.generic.filters.enlarge import gained
from restore.providers.generic.picture import Picture
from restore.providers.generic.plan import Plan
from restore.providers.onnx import Entry, Kind


class Portraits(Protocol):
    """Finds faces in a picture, and lays restored ones over the picture's result."""

    def find(self, picture: Picture) -> Sequence[Any]:
        """The faces, in whatever form `lay` takes."""

    def lay(
        self,
        image: Image.Image,
        picture: Picture,
        found: Sequence[Any],
        plan: Plan,
        advance: Callable[[float], None],
    ) -> None:
        """Restore the faces in `image`, the result of `picture`; `advance` hears 0..1."""


@dataclass(frozen=True, slots=True)
class Engine:
    """The steps, each as a function of channels (grey or RGB, 0..255).

    `deblock` gets the damage, and by how much the picture is enlarged later. `enlarge` gets the
    channels, their Lanczos enlargement and the plan, and gives channels of the enlargement's size;
    it sees `halo` px around what counts. `restore` is a model that does all repairs at once,
    whatever the plan says of noise, JPEG and blur. `tile` is how many px a side are worked on
    between two reports of progress, `part` how many are enlarged at once (0: as many as keep memory
    bounded). `threaded`: the model keeps threads, so the process must not be forked. `portraits`
    restores faces once the rest is done.
    """

    deblock: Callable[[Channels, JpegDamage, int], Channels]
    enlarge: Callable[[Channels, Channels, Plan], Channels]
    halo: int = tuning.ENLARGE_HALO
    tile: int = tuning.TILE_CORE
    part: int = 0
    threaded: bool = False
    restore: Callable[[Channels], Channels] | None = None
    portraits: Portraits | None = None


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


def file_engine(entry: Entry, threads: int) -> Engine:
    """The engine of a model file that enlarges, or restores at the picture's own size."""
    from restore.providers.generic import networks
    from restore.providers.onnx import network

    kind, scale = network.settled(entry, threads)

    def restore(channels: Channels) -> Channels:
        return networks.applied(lambda part: network.run(entry, part, 1, threads), channels)

    def enlarge(channels: Channels, large: Channels, plan: Plan) -> Channels:
        made = channels
        while made[0].size[0] < large[0].size[0]:
            made = networks.applied(lambda part: network.run(entry, part, scale, threads), made)
        return [plane.resized(large[0].size, Image.Resampling.LANCZOS) for plane in made]

    whole = kind is Kind.RESTORE
    return Engine(
        lambda channels, damage, upscale: deblocked(channels, damage),
        _classic_enlarged if whole else enlarge,
        halo=tuning.FILE_HALO,
        tile=tuning.FILE_TILE,
        part=tuning.FILE_TILE,
        threaded=True,
        restore=restore if whole else None,
    )


def _noise_level(damage: JpegDamage) -> int:
    """The waifu2x weights for this damage.

    Level 3 gains most from quality 15 to 60 (docs/MEASURED.md); above, 1 keeps more texture.
    """
    return 1 if damage.quality >= tuning.LEARNED_MILD_JPEG else 3
