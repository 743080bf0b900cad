"""How well `generic` restores, and what it harms, told by Pillow alone: see `__main__`.

pictures, fields    clean pictures: painted scenes, photos of a folder; drawn kinds of harm
damages             ways to spoil them; marks are training.damage's, things training.negatives'
measures            PSNR and its brothers
yardstick, marks, harm, real    one table each
"""

from bench.quality.damages import as_jpeg, blurred, faded, noisy, scratched
from bench.quality.measures import psnr
from bench.quality.pictures import gauss_noise, scene

__all__ = [
    "as_jpeg",
    "blurred",
    "faded",
    "gauss_noise",
    "noisy",
    "psnr",
    "scene",
    "scratched",
]
