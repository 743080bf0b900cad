"""What a file says beside its pixels, in one shape for all formats.

Broken or oversized metadata is simply not there: it never breaks a job.
"""

from dataclasses import dataclass, replace

from restore.images.metadata import exif, xmp

_METRE_PER_INCH, _METRE_PER_CM = 0.0254, 0.01
_JFIF_MOST = 65_535


@dataclass(frozen=True, slots=True)
class Metadata:
    """EXIF (as TIFF data), XMP packet, ICC profile, resolution and PNG's colour chunks.

    The resolution stands in its format's own numbers, so that it leaves as it came: `jfif` is
    (unit, x, y) with 1 for dots per inch and 2 per cm, `phys` the same with 1 for dots per metre;
    0 is a ratio alone in both. `colour` holds (type, content) of gAMA, cHRM, sRGB and cICP. `unfit`
    is a profile that stood in the file and didn't fit it: it never leaves, and is kept to be known
    again.
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    icc: bytes | None = None
    jfif: tuple[int, int, int] | None = None
    phys: tuple[int, int, int] | None = None
    colour: tuple[tuple[bytes, bytes], ...] = ()
    unfit: bytes | None = None

    def orientation(self) -> int:
        """1..8, how the stored pixels are to be turned; 1 where nothing valid says otherwise.

        EXIF's word counts before XMP's, as in Pillow's exif_transpose.
        """
        turn = exif.orientation(self.exif) if self.exif else None
        if turn is None and self.xmp:
            turn = xmp.orientation(self.xmp)
        return turn if turn is not None and 1 <= turn <= 8 else 1

    def cleaned(
        self, before: tuple[int, int], after: tuple[int, int], *, turned: bool = False
    ) -> "Metadata":
        """The same for a changed picture that stands upright.

        `before` and `after` are its width and height; `turned`: by a quarter.
        """
        return replace(
            self,
            exif=exif.clean(self.exif, before, after, turned=turned) if self.exif else None,
            xmp=xmp.clean(self.xmp) if self.xmp else None,
            jfif=_swapped(self.jfif) if turned else self.jfif,
            phys=_swapped(self.phys) if turned else self.phys,
        )

    def as_phys(self) -> tuple[int, int, int] | None:
        """The resolution in pHYs' numbers: (1, dots per metre across, down), or (0, a ratio)."""
        if self.phys or not self.jfif or self.jfif[0] == 0:
            return self.phys or self.jfif
        metre = _METRE_PER_INCH if self.jfif[0] == 1 else _METRE_PER_CM
        return 1, round(self.jfif[1] / metre), round(self.jfif[2] / metre)

    def as_jfif(self) -> tuple[int, int, int] | None:
        """The resolution in JFIF's numbers: (1, dots per inch across, down), or (0, a ratio)."""
        if self.jfif or not self.phys or self.phys[0] not in (0, 1):
            return self.jfif
        unit, most = self.phys[0], max(self.phys[1:])
        scale = _METRE_PER_INCH if unit else min(1.0, _JFIF_MOST / most)
        x, y = (round(dots * scale) for dots in self.phys[1:])
        return (unit, x, y) if 0 < x <= _JFIF_MOST and 0 < y <= _JFIF_MOST else None


def _swapped(density: tuple[int, int, int] | None) -> tuple[int, int, int] | None:
    return density and (density[0], density[2], density[1])


def of_info(info: dict[str | tuple[int, int], object]) -> Metadata:
    """What Pillow's `info` holds of a HEIC, or of a picture in a format that isn't read here."""
    kept = {key: info.get(key) for key in ("exif", "xmp", "icc_profile")}
    found = {key: value for key, value in kept.items() if isinstance(value, bytes) and value}
    raw = found.get("exif")
    return Metadata(
        exif=exif.strip_prefix(raw) if raw else None,
        xmp=found.get("xmp"),
        icc=found.get("icc_profile"),
    )
