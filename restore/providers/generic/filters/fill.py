"""Filling marks: what lies around them, carried in from near by and then from further away.

Normalized convolution (Knutsson and Westin 1993): the mean of the unmarked pixels around, weighted
by a small Gaussian, then by a wider one where the small one found too little.
"""

from PIL import ImageFilter

from restore.providers.generic import tuning
from restore.providers.generic.colour import Channels
from restore.providers.generic.estimators.marks import Marks, mark_severity
from restore.providers.generic.filters.gauss import blurred
from restore.providers.generic.planes import Plane


def filled(channels: Channels, marks: Marks) -> Channels:
    """`channels` without the marks more severe than `marks.severity`."""
    severity = mark_severity(channels, marks.grain)
    marked = severity.above(Plane.filled(severity.size, marks.severity)).scaled(255.0).to_bytes()
    if marked.getbbox() is None:
        return channels
    grown = marked.filter(ImageFilter.MaxFilter(tuning.FILL_GROWN))
    return _carried_in(channels, Plane(grown).scaled(-1 / 255, 1.0))


def _carried_in(channels: Channels, whole: Plane) -> Channels:
    """`channels` where `whole` is 1.0, else the mean of such pixels around."""
    known, weight = [plane * whole for plane in channels], whole
    for sigma in tuning.FILL_SIGMAS:
        near = blurred(weight, sigma)
        enough = near.above(Plane.filled(near.size, tuning.FILL_LEAST_WEIGHT))
        missing = enough - enough * weight
        share = missing / near
        known = [plane + blurred(plane, sigma) * share for plane in known]
        weight = weight + missing
    rest = weight.scaled(-1.0, 1.0)
    return [done + plane * rest for done, plane in zip(known, channels, strict=True)]
