"""Undoing JPEG's damage: brightness by a small network, colour by a sliding 8x8 DCT.

The network gained 0.3 dB more than thresholds did (docs/MEASURED.md). Colour is thresholded in
proportion to the quantization table: a hard threshold of about a third of its entry, on the blocks
that JPEG did *not* use, takes away what its own grid put there.
"""

from PIL import Image

from restore.providers.generic import colour, tuning
from restore.providers.generic.colour import Channels
from restore.providers.generic.dct import BlockDct
from restore.providers.generic.estimators.jpeg import JpegDamage
from restore.providers.generic.network import cleaning_network
from restore.providers.generic.planes import Plane
from restore.providers.generic.shrinkage import Table, hard

_CHROMA_DCT = BlockDct(8, 4)


def deblocked(channels: Channels, damage: JpegDamage) -> Channels:
    """Grey or RGB `channels` without blocks and ringing; they begin and end on the grid."""
    if len(channels) == 1:
        return [cleaning_network()(channels[0], damage.coarseness)]
    bright, *rest = colour.ycbcr(channels)
    cleaned = cleaning_network()(bright, damage.coarseness)
    return colour.from_ycbcr([cleaned, *_chromas(rest, damage)])


def deblocked_colour(channels: Channels, damage: JpegDamage) -> Channels:
    """`channels` with their brightness as it was, for a step that knows JPEG's blocks itself."""
    if len(channels) == 1:
        return channels
    planes = colour.ycbcr(channels)
    return colour.from_ycbcr([planes[0], *_chromas(planes[1:], damage)])


def _chromas(planes: Channels, damage: JpegDamage) -> Channels:
    thresholds = _thresholds(damage.chroma_table)
    return [_chroma(plane, thresholds) for plane in planes]


def _chroma(plane: Plane, thresholds: Table) -> Plane:
    """Deblocked at half size, where most JPEGs keep their chroma; finer detail is left alone."""
    width, height = plane.size
    half = plane.resized((width // 2, height // 2), Image.Resampling.BOX)
    change = hard(half, _CHROMA_DCT, thresholds) - half
    return plane + change.resized(plane.size, Image.Resampling.BICUBIC)


def _thresholds(table: tuple[int, ...]) -> Table:
    share = tuning.JPEG_THRESHOLD
    return [[share * entry for entry in table[8 * v : 8 * v + 8]] for v in range(8)]
