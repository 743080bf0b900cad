"""The lowest and the highest of what lies around each pixel of a plane."""

from collections.abc import Callable

from restore.providers.generic.planes import Plane


def lowest_around(plane: Plane, radius: int) -> Plane:
    """The lowest value of the square that reaches `radius` pixels to each side; cut at the edge."""
    return _extreme(plane, radius, Plane.minimum)


def highest_around(plane: Plane, radius: int) -> Plane:
    """The highest value of the same square."""
    return _extreme(plane, radius, Plane.maximum)


def _extreme(plane: Plane, radius: int, chosen: Callable[[Plane, Plane], Plane]) -> Plane:
    for dx, dy in ((1, 0), (0, 1)):
        for _ in range(radius):
            plane = chosen(_moved(plane, dx, dy), chosen(plane, _moved(plane, -dx, -dy)))
    return plane


def _moved(plane: Plane, dx: int, dy: int) -> Plane:
    """`plane` with each value `dx`, `dy` further; its edge stays where it is."""
    moved = plane.image.copy()
    moved.paste(plane.image, (dx, dy))
    return Plane(moved)
