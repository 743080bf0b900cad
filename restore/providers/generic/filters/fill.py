"""Filling marks: what lies around them, carried in from ever further away.

Normalized convolution (Knutsson and Westin 1993): the mean of the unmarked pixels near by, weighted
by a small Gaussian, then by wider ones where the small one found none.
"""

from restore.providers.generic import tuning
from restore.providers.generic.colour import Channels
from restore.providers.generic.estimators.marks import Marks, mark_severity
from restore.providers.generic.filters.gauss import blurred
from restore.providers.generic.planes import Plane
from PIL import ImageFilter


def filled(channels: Channels, marks: Marks) -> Channels:
    """`channels` without the marks more severe than `marks.severity`."""
    severity = mark_severity(channels)
    marked = severity.above(Plane.filled(severity.size, marks.severity))
    grown = Plane(marked.scaled(255.0).to_bytes().filter(ImageFilter.MaxFilter(3)))
    whole = grown.scaled(-1 / 255, 1.0)
    return [_carried_in(plane, whole) for plane in channels]


def _carried_in(plane: Plane, whole: Plane) -> Plane:
    """`plane` where `whole` is 1.0, else the mean of such pixels around."""
    known, weight = plane * whole, whole
    for sigma in tuning.FILL_SIGMAS:
        near = blurred(weight, sigma)
        enough = near.above(Plane.filled(near.size, tuning.FILL_LEAST_WEIGHT))
        missing = enough - enough * weight
        known = known + (blurred(known, sigma) / near) * missing
        weight = weight + missing
    return known + (plane - plane * weight)
