"""What kind of picture this is, and by which signs: asked before any treatment.

A restorer that erases a word, a star or a wire is worse than none, for nobody sees it. So a
treatment does not ask how single pixels look alone; it asks here first. Four kinds are told apart:

- a *print* that was photographed or scanned, by what only paper has;
- a *camera photo*, by the exposure that only a camera writes into its file;
- a *graphic* (screen, drawing, text, code, chart), by exactly flat ground and few tones;
- *doubt*, where neither side is proven. What no sign proves to be damage stays there as it is.

It changes no pixel and knows no filter; the signs are measured by the estimators.
"""

from dataclasses import dataclass
from enum import StrEnum

from restore.providers.generic import tuning
from restore.providers.generic.tiles import Box


class Kind(StrEnum):
    """What a picture is, as far as its signs tell."""

    PRINT = "print"
    CAMERA = "camera photo"
    GRAPHIC = "graphic"
    DOUBT = "doubt"


class Sign(StrEnum):
    """One thing that was seen and that speaks for or against a print."""

    EXPOSURE = "exposure data"
    FEW_TONES = "few tones on flat ground"
    BORDER = "border"
    GRAIN = "grain"
    ONE_HUE = "one hue"
    CAST = "yellowed white"
    ENDS = "light beside shade"
    WEAR = "scratches and dust"
    DUST = "dust"
    SPECKS = "specks"
    LINES = "lines among specks"
    DULL_WHITE = "dull white"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The kind, the signs that told it, and the box inside border, mount and scanner lid.

    The box is in pixels of the picture; it is the whole picture where nothing lies around it.
    """

    kind: Kind
    signs: frozenset[Sign]
    inside: Box

    @property
    def is_graphic(self) -> bool:
        """Whether edges are ideal steps and flat ground is exact: nothing there is damage."""
        return self.kind is Kind.GRAPHIC

    @property
    def may_be_faded(self) -> bool:
        """Whether a lack of contrast is damage: a print whose light and shade lie together."""
        worn = Sign.CAST in self.signs and bool(self.signs & {Sign.BORDER, Sign.DUST, Sign.GRAIN})
        return self.is_print and (Sign.ENDS in self.signs or worn)

    @property
    def has_marks(self) -> bool:
        """Whether lonely specks and lines are wear: by their own pattern, or dust on a print."""
        if not self.is_print:
            return False
        scanned = bool(self.signs & {Sign.BORDER, Sign.GRAIN})
        return bool(self.signs & {Sign.WEAR, Sign.DUST}) or (scanned and Sign.LINES in self.signs)

    @property
    def is_scanned(self) -> bool:
        """Whether grain or wear prove paper, not only tones that a print has too."""
        return self.is_print and bool(self.signs & {Sign.GRAIN, Sign.WEAR, Sign.DUST})

    @property
    def may_be_snow(self) -> bool:
        """Whether there are specks of one side of grey alone: snow and stars look so, and dust."""
        return Sign.SPECKS in self.signs and not self.is_scanned

    @property
    def is_print(self) -> bool:
        """Whether fading and marks may be looked for at all."""
        return self.kind is Kind.PRINT


def evidence_of(signs: frozenset[Sign], inside: Box) -> Evidence:
    """The kind that `signs` prove; exposure data and flat ground outweigh all that speaks for."""
    if Sign.FEW_TONES in signs:
        kind = Kind.GRAPHIC
    elif Sign.EXPOSURE in signs:
        kind = Kind.CAMERA
    elif _weight(signs) >= tuning.PRINT_LEAST_WEIGHT:
        kind = Kind.PRINT
    else:
        kind = Kind.DOUBT
    return Evidence(kind, signs, inside)


def _weight(signs: frozenset[Sign]) -> int:
    """How much speaks for a print: a border and wear for themselves, other signs by twos.

    One hue and yellowed white are one sign, for sepia is both; ends are none, for every sharp
    photo has them.
    """
    single = (Sign.GRAIN, Sign.DUST, Sign.SPECKS, Sign.DULL_WHITE)
    toned = bool(signs & {Sign.ONE_HUE, Sign.CAST})
    proof = 2 * len(signs & {Sign.BORDER, Sign.WEAR})
    return proof + toned + sum(sign in signs for sign in single)
