"""The colour that a PNG's tRNS chunk hides, brought to what Pillow decodes.

For our own providers. It corrects `info["transparency"]` and no pixel.
"""

from PIL import Image, ImageFile


def packing_of(image: ImageFile.ImageFile) -> object:
    """How the samples lie in the file, which Pillow forgets once it has decoded them."""
    return image.tile[0].args if image.tile else None


def scale_hidden(image: Image.Image, packing: object) -> None:
    """Bring the hidden colour of the decoded `image` to the scale of its samples.

    `packing` is packing_of(image) from before. Pillow 13.0 scales samples of 2, 4 and 16 bits to 8,
    this colour not, and so never finds it.
    """
    hidden = image.info.get("transparency")
    if packing in ("L;2", "L;4") and isinstance(hidden, int):
        image.info["transparency"] = min(255, hidden * (85 if packing == "L;2" else 17))
    elif packing == "RGB;16B" and isinstance(hidden, tuple):
        image.info["transparency"] = tuple(level >> 8 for level in hidden)
