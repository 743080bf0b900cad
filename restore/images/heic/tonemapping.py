"""HDR levels as an SDR screen shows them: the curves of PQ and HLG, and what becomes of highlights.

Numbers alone, no picture. The rules kept: diffuse white of 203 cd/m2 is the screen's white and what
is darker stays as it is, unless the picture is brighter somewhere: then the upper part is pressed
together by the curve of BT.2390, only as far as this picture needs. Hue is kept as displays keep
it: the curve is applied to R, G and B alike.
"""

import math
from collections.abc import Callable
from itertools import product

WHITE_CD_M2 = 203.0  # HDR reference white, ITU-R BT.2408 section 2.2
_HLG_PEAK_CD_M2 = 1000.0  # the nominal display of BT.2100, for which the system gamma is 1.2
_HLG_GAMMA = 1.2
_LUMA = (0.2627, 0.6780, 0.0593)  # BT.2020's, which BT.2100 keeps
_GRID = 33  # nodes a channel of HLG's table: 8 levels apart, on curves that are nearly straight

Curve = Callable[[float], float]


def pq_to_light(signal: float) -> float:
    """Light in cd/m2, 0..10000, of a PQ signal of 0..1 (SMPTE ST 2084, BT.2100 table 4)."""
    root = math.pow(max(0.0, signal), 32 / 2523)
    bent = max(0.0, root - 107 / 128) / (2413 / 128 - 2392 / 128 * root)
    return 10_000 * math.pow(bent, 16384 / 2610)


def light_to_pq(light: float) -> float:
    """The PQ signal, 0..1, of light in cd/m2: `pq_to_light` backwards."""
    power = math.pow(max(0.0, light) / 10_000, 2610 / 16384)
    return math.pow((107 / 128 + 2413 / 128 * power) / (1 + 2392 / 128 * power), 2523 / 32)


def hlg_to_scene(signal: float) -> float:
    """Light of the scene, 0..1, of an HLG signal of 0..1 (BT.2100 table 5)."""
    if signal <= 0.5:
        return max(0.0, signal) ** 2 / 3
    return (math.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12


def hlg_to_light(red: float, green: float, blue: float) -> tuple[float, float, float]:
    """What a display of 1000 cd/m2 makes of a scene's light, in cd/m2 (BT.2100 table 5, OOTF)."""
    luma = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
    gain = _HLG_PEAK_CD_M2 * math.pow(luma, _HLG_GAMMA - 1)
    return gain * red, gain * green, gain * blue


def srgb(light: float) -> float:
    """The sRGB level, 0..1, of linear light, 0..1 (IEC 61966-2-1)."""
    if light <= 0.0031308:
        return max(0.0, light) * 12.92
    return min(1.0, 1.055 * math.pow(light, 1 / 2.4) - 0.055)


def _shown(light: float, brightest: float) -> float:
    """The sRGB level of light in cd/m2 in a picture whose brightest parts have `brightest`.

    ITU-R BT.2390 section 5.4.1: below a knee light stays, above a Hermite spline bends it so that
    `brightest` becomes white.
    """
    if brightest > WHITE_CD_M2:
        top = light_to_pq(brightest)
        white = light_to_pq(WHITE_CD_M2) / top
        knee, level = 1.5 * white - 0.5, min(1.0, light_to_pq(light) / top)
        if level > knee:
            t = (level - knee) / (1 - knee)
            bent = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee)
            light = pq_to_light(top * (bent + (3 * t**2 - 2 * t**3) * white))
    return srgb(light / WHITE_CD_M2)


def pq_curve(brightest: float) -> Curve:
    """PQ signal to sRGB level, both 0..1, in a picture whose brightest parts have `brightest`."""
    return lambda signal: _shown(pq_to_light(signal), brightest)


def hlg_table(brightest: float) -> tuple[int, list[float]]:
    """(nodes a channel, table) from HLG signals to sRGB levels, 0..1, R changing fastest.

    HLG's levels depend on each other, for its system gamma is one of luminance.
    """
    scene = [hlg_to_scene(node / (_GRID - 1)) for node in range(_GRID)]
    lights = (hlg_to_light(red, green, blue) for blue, green, red in product(scene, repeat=3))
    return _GRID, [_shown(light, brightest) for each in lights for light in each]
