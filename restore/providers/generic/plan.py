"""From findings to steps: what is done to a picture, decided in one place, and said in one line."""

from dataclasses import dataclass

from restore.providers.generic import tuning
from restore.providers.generic.analysis import Findings
from restore.providers.generic.estimators.fading import Levels
from restore.providers.generic.estimators.jpeg import JpegDamage
from restore.providers.generic.estimators.marks import Marks
from restore.providers.generic.estimators.noise import Noise
from restore.providers.generic.estimators.wear import Wear


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in their order; None (or 1, or nothing) leaves one out."""

    marks: Marks | None
    wear: Wear | None
    jpeg: JpegDamage | None
    noise: Noise | None
    blur: float | None
    upscale: int
    levels: Levels | None
    strength: float

    @property
    def repairs(self) -> bool:
        """Whether anything is done to the pixels before they are enlarged."""
        return any(
            step is not None for step in (self.marks, self.wear, self.jpeg, self.noise, self.blur)
        )

    @property
    def is_empty(self) -> bool:
        """Whether the picture can leave as it came."""
        return not self.repairs and self.levels is None and self.upscale == 1


def planned(findings: Findings, strength: float, upscale: int) -> Plan:
    """What to do about `findings`."""
    if findings.evidence.is_graphic:
        return Plan(None, None, None, None, None, upscale, None, strength)
    noise = findings.noise if findings.noise.strongest >= tuning.NOISE_ACT_ABOVE else None
    jpeg = findings.jpeg
    if noise and jpeg:
        if noise.strongest > tuning.NOISE_PER_COARSENESS * jpeg.coarseness:
            jpeg = None  # grain is worse than quantization: a well kept scan of a grainy print
        else:
            noise = None
    blur = findings.blur
    if noise and noise.strongest > tuning.BLUR_MOST_NOISE:
        blur = None
    if jpeg and jpeg.coarseness > tuning.BLUR_MOST_COARSENESS:
        blur = None
    if findings.evidence.may_be_snow:
        blur = None  # flakes are soft by themselves, and their edges are all there is to tell by
    if upscale > 1:
        blur = None  # enlarging sharpens, and a small picture's softness may be wanted
    marks = findings.marks if findings.evidence.has_marks else None
    fading = findings.fading if findings.evidence.may_be_faded else None
    return Plan(marks, findings.wear, jpeg, noise, blur, upscale, fading, strength)


def told(findings: Findings, plan: Plan) -> str:
    """One line for the log: what was found, and what is done."""
    noise, jpeg, fading = findings.noise, findings.jpeg, findings.fading
    found = [
        f"{findings.evidence.kind} ({', '.join(sorted(findings.evidence.signs)) or 'no sign'})",
        f"noise {noise.sigma:.1f}/{noise.planes[0][1]:.1f}",
        f"blur {findings.blur:.2f}" if findings.blur else "blur no",
        f"jpeg q{jpeg.quality}" if jpeg else "jpeg no",
        f"marks {findings.marks.share:.2%}" if findings.marks else "marks no",
        f"wear {findings.wear.share:.2%}" if findings.wear else "wear no",
        f"fade x{max(fading.gains):.2f}{' one hue' * fading.one_hue}" if fading else "fade no",
    ]
    steps = {
        "fill": plan.marks or plan.wear,
        "deblock": plan.jpeg,
        "denoise": plan.noise,
        "deblur": plan.blur,
        f"enlarge x{plan.upscale}": plan.upscale > 1 or None,
        "levels": plan.levels,
    }
    done = ", ".join(name for name, step in steps.items() if step is not None)
    return f"{', '.join(found)}; steps: {done or 'none'}"
