"""Networks over tiles: sizes, halos, edges, and no seam between two tiles."""

import unittest

try:
    import numpy as np

    from restore.providers.arrays import Array, Tiling, tiled
except ImportError:
    raise unittest.SkipTest("numpy is part of the extras [learned] and [onnx]") from None


def scene(height: int, width: int, channels: int = 3) -> Array:
    return np.random.default_rng(7).random((height, width, channels), np.float32)


def blurred(picture: Array) -> Array:
    """The mean of 5 x 5 pixels, zeros beyond the edge: a network that looks 2 px far."""
    height, width = picture.shape[:2]
    wide = np.pad(picture, ((2, 2), (2, 2), (0, 0)))
    shifts = [wide[y : y + height, x : x + width] for y in range(5) for x in range(5)]
    mean: Array = np.mean(shifts, axis=0, dtype=np.float32)
    return mean


def doubled(picture: Array) -> Array:
    return picture.repeat(2, axis=0).repeat(2, axis=1)


class TiledTest(unittest.TestCase):
    def test_the_result_is_that_of_one_run_over_the_mirrored_picture(self) -> None:
        for size in ((1, 1), (2, 9), (40, 33), (64, 65)):
            picture = scene(*size)
            margins = ((2, 2), (2, 2), (0, 0))
            whole = blurred(np.pad(picture, margins, "symmetric"))[2:-2, 2:-2]
            for tiling in (
                Tiling(core=16, halo=2),
                Tiling(core=7, halo=3, multiple=4),
                Tiling(core=1, halo=5, fixed=(24, 20)),
                Tiling(core=100, halo=2, multiple=32),
            ):
                with self.subTest(size=size, tiling=tiling):
                    found = tiled(blurred, picture, tiling, 1)
                    self.assertLess(float(abs(found - whole).max()), 1e-6)

    def test_without_a_halo_there_is_a_seam(self) -> None:
        """What the test above would miss if it could not fail."""
        picture = scene(40, 33)
        whole = tiled(blurred, picture, Tiling(core=64, halo=2), 1)
        cut = tiled(blurred, picture, Tiling(core=16, halo=0), 1)
        self.assertGreater(float(abs(cut - whole).max()), 0.1)

    def test_a_network_without_padding(self) -> None:
        picture = scene(21, 30)
        whole = tiled(blurred, picture, Tiling(core=64, halo=2), 1)

        def trimming(given: Array) -> Array:
            return blurred(given)[2:-2, 2:-2]

        found = tiled(trimming, picture, Tiling(core=8, halo=2, trimmed=2), 1)
        self.assertLess(float(abs(found - whole).max()), 1e-6)

    def test_enlarging(self) -> None:
        picture = scene(37, 50)
        found = tiled(doubled, picture, Tiling(core=16, halo=4), 2)
        self.assertTrue(np.array_equal(found, doubled(picture)))

    def test_every_input_has_the_size_that_the_network_takes(self) -> None:
        seen = []

        def watched(given: Array) -> Array:
            seen.append(given.shape[:2])
            return given

        tiled(watched, scene(70, 90), Tiling(core=24, halo=3, multiple=8), 1)
        self.assertTrue(all(side % 8 == 0 for size in seen for side in size), seen)
        seen.clear()
        tiled(watched, scene(70, 90), Tiling(core=24, halo=3, fixed=(64, 48)), 1)
        self.assertEqual(set(seen), {(64, 48)})
        self.assertEqual(len(seen), 2 * 3)

    def test_channels_may_change_in_number(self) -> None:
        found = tiled(lambda given: given[..., :1], scene(20, 20), Tiling(core=8, halo=2), 1)
        self.assertEqual(found.shape, (20, 20, 1))

    def test_an_output_of_the_wrong_size_is_an_error(self) -> None:
        with self.assertRaisesRegex(ValueError, "the network made"):
            tiled(doubled, scene(20, 20), Tiling(core=8, halo=2), 4)


if __name__ == "__main__":
    unittest.main()
