"""One picture's way through the plan, tile by tile:

    channels -> fill marks -> deblock or denoise -> deblur -> enlarge -> levels -> blend -> bytes

All in float; rounding happens once, at the end. `strength` blends the full effect with the plain
picture (its plain Lanczos enlargement where it is enlarged), so it is monotone by construction.
"""

from collections.abc import Callable

from PIL import Image

from restore.providers.generic import tuning
from restore.providers.generic.colour import Channels, luma
from restore.providers.generic.engines import CLASSIC, Engine
from restore.providers.generic.estimators.fading import Levels
from restore.providers.generic.filters.deblur import deblurred
from restore.providers.generic.filters.denoise import denoised
from restore.providers.generic.filters.enlarge import lanczos
from restore.providers.generic.filters.fill import filled
from restore.providers.generic.picture import Picture
from restore.providers.generic.plan import Plan
from restore.providers.generic.processes import spread
from restore.providers.generic.tiles import GRID, Box, Tile, mirrored_window, tiles


def restored(
    picture: Picture,
    plan: Plan,
    advance: Callable[[float], None],
    processes: int = 1,
    engine: Engine = CLASSIC,
) -> Image.Image:
    """The picture after all of `plan`, by `engine`; `advance` hears the fraction 0..1 done.

    Tiles know nothing of each other, so the result is the same with any number of `processes`.
    """
    (width, height), factor, mode = picture.size, plan.upscale, picture.image.mode
    result = Image.new(mode, (width * factor, height * factor))
    todo = list(tiles(picture.size, engine.tile, tuning.TILE_HALO, GRID))
    made = spread(
        len(todo),
        lambda number: _finished(picture, plan, todo[number], engine).tobytes(),
        1 if engine.threaded else processes,
    )
    for done, (number, pixels) in enumerate(made, 1):
        left, top, right, bottom = (factor * edge for edge in todo[number].core)
        part = Image.frombytes(mode, (right - left, bottom - top), pixels)
        result.paste(part, (left, top))
        advance(done / len(todo))
    return result


def repaired(
    channels: Channels, plan: Plan, engine: Engine = CLASSIC, worn: Image.Image | None = None
) -> Channels:
    """All steps that keep the size; `channels` themselves where there is none.

    `worn` is 255 on what the network saw of wear, in this window.
    """
    if plan.marks or worn:
        channels = filled(channels, plan.marks, worn)
    if engine.restore:
        return engine.restore(channels)
    if plan.jpeg:
        channels = engine.deblock(channels, plan.jpeg, plan.upscale)
    if plan.noise:
        channels = denoised(channels, plan.noise)
    if plan.blur:
        bright = luma(channels)
        detail = deblurred(bright, plan.blur) - bright
        channels = [plane + detail for plane in channels]
    return channels


def _finished(picture: Picture, plan: Plan, tile: Tile, engine: Engine) -> Image.Image:
    """The core of one tile: repaired, then enlarged, levelled and blended in parts."""
    plain = picture.channels(tile.window)
    worn = mirrored_window(plan.wear.mask, tile.window) if plan.wear else None
    full = repaired(plain, plan, engine, worn)
    factor = plan.upscale
    result = Image.new(picture.image.mode, (tile.size[0] * factor, tile.size[1] * factor))
    halo = engine.halo if factor > 1 else 0
    for part in tiles(tile.size, engine.part or tuning.TILE_CORE // factor, halo, 1):
        window = _moved(part.window, *tile.inset)
        bands = _blended(
            [plane.window(*window) for plane in plain],
            [plane.window(*window) for plane in full],
            plan,
            engine,
        )
        alpha = picture.alpha(_moved(part.window, tile.core[0], tile.core[1]))
        if alpha is not None:
            bands.append(lanczos(alpha, factor))
        inset, size = part.inset[0] * factor, part.size
        core = (inset, inset, inset + size[0] * factor, inset + size[1] * factor)
        place = (part.core[0] * factor, part.core[1] * factor)
        result.paste(picture.packed([band.window(*core) for band in bands]), place)
    return result


def _blended(plain: Channels, full: Channels, plan: Plan, engine: Engine) -> Channels:
    """Plain and full channels, both enlarged; the full ones levelled; mixed by strength."""
    if plan.upscale > 1:
        large = [lanczos(plane, plan.upscale) for plane in plain]
        start = large if full is plain else [lanczos(plane, plan.upscale) for plane in full]
        plain, full = large, engine.enlarge(full, start, plan)
    if plan.levels:
        full = levelled(full, plan.levels)
    if full is plain:
        return plain
    share = plan.strength
    return [a.scaled(1 - share) + b.scaled(share) for a, b in zip(plain, full, strict=True)]


def levelled(channels: Channels, levels: Levels) -> Channels:
    """`channels` with their tones stretched."""
    if levels.one_hue:
        change = luma(channels).scaled(levels.gains[0] - 1, levels.offsets[0])
        return [plane + change for plane in channels]
    lines = zip(channels, levels.gains, levels.offsets, strict=True)
    return [plane.scaled(gain, offset) for plane, gain, offset in lines]


def _moved(box: Box, dx: int, dy: int) -> Box:
    return box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy
