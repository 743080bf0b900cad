"""Filling marks: what lies around them, carried in from as near as it can be had."""

from PIL import Image, ImageChops

from restore.providers.generic.colour import Channels
from restore.providers.generic.estimators.marks import Marks, grown, marks_in
from restore.providers.generic.filters.pullpush import pulled_pushed
from restore.providers.generic.planes import Plane


def filled(channels: Channels, marks: Marks | None, worn: Image.Image | None = None) -> Channels:
    """`channels` without the marks that a picture is known to have, and without what is `worn`."""
    found = worn or Image.new("L", channels[0].size)
    if marks:
        found = ImageChops.lighter(found, marks_in(channels, marks))
    if found.getbbox() is None:
        return channels
    return _carried_in(channels, Plane(grown(found)).scaled(-1 / 255, 1.0))


def _carried_in(channels: Channels, whole: Plane) -> Channels:
    """`channels` where `whole` is 1.0, else the mean of such pixels around."""
    missing, known = whole.scaled(-1.0, 1.0), [plane * whole for plane in channels]
    return [plane + pulled_pushed(plane, whole) * missing for plane in known]
