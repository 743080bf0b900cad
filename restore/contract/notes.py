"""What a provider found and did, as sentences for people.

It says so in one line, for the log; the tables here turn that line into sentences, and a provider
that writes another line has none.
"""

_NONE = "no"  # what a sign says that wasn't found
# The words are those of providers/generic/plan.py; noise is named in any case, so that it counts as
# found where something was done about it.
_FOUND = {
    "marks": "Scratches or dust.",
    "wear": "Wear of the print.",
    "jpeg": "Damage by strong JPEG compression.",
    "blur": "Blur.",
    "fade": "Fading.",
}
_FOUND_BY_STEP = {"denoise": "Noise or grain."}
_DONE = {
    "fill": "Scratches, dust and wear were filled in.",
    "deblock": "Blocks and rings of the JPEG compression were smoothed.",
    "denoise": "Noise and grain were reduced.",
    "deblur": "Blur was reduced.",
    "enlarge": "The photo was enlarged.",
    "levels": "Faded tones and colours were brought back.",
    "faces": "Faces were restored.",
    "model": "The chosen model went over the whole photo.",
}


def sentences(note: str) -> tuple[list[str] | None, list[str] | None]:
    """What was found and what was done, by a provider's line; (None, None) by no such line."""
    parts = dict(part.partition(": ")[::2] for part in note.split("; "))
    if not parts.get("steps"):
        return None, None
    signs = dict(sign.partition(" ")[::2] for sign in note.partition("; ")[0].split(", "))
    steps = [step.partition(" ")[0] for step in parts["steps"].split(", ")]
    # "faces: 2", "faces: taken for one ...", but "faces: 0", "faces: not looked for ..."
    steps += [more for more in ("faces", "model") if parts.get(more, "0")[:1] not in "0n"]
    found = [text for sign, text in _FOUND.items() if signs.get(sign, _NONE) != _NONE]
    found += [text for step, text in _FOUND_BY_STEP.items() if step in steps]
    return found, [text for step, text in _DONE.items() if step in steps]
