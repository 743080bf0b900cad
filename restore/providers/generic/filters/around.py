"""The lowest and the highest of what lies around each pixel of a plane."""

from restore.providers.generic.planes import Plane


def lowest_around(plane: Plane, radius: int) -> Plane:
    """The lowest value of the square that reaches `radius` pixels to each side; cut at the edge."""
    return highest_around(plane.scaled(-1.0), radius).scaled(-1.0)


def highest_around(plane: Plane, radius: int) -> Plane:
    """The highest value of the same square."""
    for dx, dy in ((1, 0), (0, 1)):
        for _ in range(radius):
            plane = plane.maximum(_moved(plane, dx, dy)).maximum(_moved(plane, -dx, -dy))
    return plane


def _moved(plane: Plane, dx: int, dy: int) -> Plane:
    """`plane` with each value `dx`, `dy` further; its edge stays where it is."""
    moved = plane.image.copy()
    moved.paste(plane.image, (dx, dy))
    return Plane(moved)
