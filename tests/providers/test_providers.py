import asyncio
import io
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

from PIL import Image

from restore import progress, providers
from restore.images import pixels, png
from restore.progress import Listener
from restore.providers import ProviderError, dummy, load
from tests.support import pictures

# Module texts, each with the spec that names it and what the sentence must say.
UNUSABLE = {
    "raising": ("raise ValueError('no')", "raising:run", "raises ValueError"),
    "exiting": ("import sys; sys.exit(3)", "exiting:run", "raises SystemExit"),
    "needing": ("import not_there.at_all", "needing:run", "no module for its 'not_there'"),
    "broken": ("def run(:", "broken:run", "raises SyntaxError"),
    "empty": ("", "empty:run", "has no 'run'"),
    "constant": ("run = 3", "constant:run", "can't be called"),
    "other": ("def run(image_path): ...", "other:run", "doesn't take"),
    "listing": ("MODELS = ['a']\ndef run(*args): ...", "listing:run", "MODELS"),
    "figures": ("MODELS = {'a': 1}\ndef run(*args): ...", "figures:run", "MODELS"),
    "nameless": ("MODELS = {'': 'x'}\ndef run(*args): ...", "nameless:run", "MODELS"),
}


class LoadTest(unittest.TestCase):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)
        self.enterContext(mock.patch.object(sys, "path", [holder.name, *sys.path]))
        self.enterContext(mock.patch.dict(sys.modules))

    def test_the_built_in_ones(self) -> None:
        for name in providers.PROVIDERS:
            loaded = load(name)
            self.assertTrue(callable(loaded.run))
            self.assertTrue(loaded.models)

    def test_the_built_in_ones_are_nothing_special(self) -> None:
        self.assertIs(load("restore.providers.dummy:run").run, dummy.run)
        self.assertIs(load("dummy").run, dummy.run)

    def test_ones_own(self) -> None:
        text = "MODELS = {'a/b': 'does it'}\nclass Model:\n def run(self, a, b, c, d): return a\n"
        (self.folder / "own.py").write_text(text + "model = Model()\n", encoding="ascii")
        loaded = load("own:model.run")
        self.assertEqual(loaded.run("x", "a/b", 0.5, 1), "x")
        self.assertEqual(loaded.models, {"a/b": "does it"})

    def test_without_models(self) -> None:
        (self.folder / "plain.py").write_text("async def run(a, b, c, d): ...", encoding="ascii")
        self.assertEqual(load("plain:run").models, {})

    def test_written_in_c(self) -> None:
        self.assertIs(load("builtins:max").run, max)

    def test_a_name_that_is_none(self) -> None:
        for spec in ("", "gfpgan", "package.module:", ":run", ":"):
            with self.subTest(spec), self.assertRaisesRegex(ProviderError, "generic, dummy"):
                load(spec)

    def test_a_module_that_is_missing(self) -> None:
        for spec in ("not_there:run", "restore.not_there:run", "not_there.either:run"):
            with self.subTest(spec), self.assertRaisesRegex(ProviderError, "no module for it"):
                load(spec)

    def test_each_thing_that_can_be_wrong_is_one_sentence(self) -> None:
        for name, (text, spec, wrong) in UNUSABLE.items():
            (self.folder / f"{name}.py").write_text(text, encoding="ascii")
            with self.subTest(spec), self.assertRaises(ProviderError) as caught:
                load(spec)
            sentence = str(caught.exception)
            self.assertIn(wrong, sentence)
            self.assertIn(spec, sentence)
            self.assertRegex(sentence, r"^[^\n]+\.$")


class DocumentTest(unittest.TestCase):
    def test_the_example_in_the_document_works_as_it_stands(self) -> None:
        project = Path(providers.__file__).parents[2]
        text = (project / "docs" / "PROVIDERS.md").read_text(encoding="utf-8")
        code = text.partition("```python\n")[2].partition("```")[0]
        folder = self.enterContext(tempfile.TemporaryDirectory())
        Path(folder, "grey.py").write_text(code, encoding="utf-8")
        Image.new("RGB", (6, 4), "red").save(Path(folder, "in.png"))
        with mock.patch.object(sys, "path", [folder, *sys.path]), mock.patch.dict(sys.modules):
            loaded = load("grey:run")
            output = loaded.run(str(Path(folder, "in.png")), "grey/plain", 1.0, 2)
        with Image.open(str(output)) as image:
            self.assertEqual((image.size, image.getpixel((3, 3))), ((12, 8), (76, 76, 76)))
        self.assertEqual(list(loaded.models), ["grey/plain"])


class DummyTest(unittest.TestCase):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)

    def picture(self, name: str, mode: str = "RGB", dpi: int = 300) -> Path:
        path = self.folder / name
        image = Image.linear_gradient("L").resize((12, 8)).convert(mode)
        exif = Image.Exif()
        exif[0x010E] = "a description"
        image.save(path, exif=exif, dpi=(dpi, dpi))
        return path

    def test_waits_as_long_as_it_is_told(self) -> None:
        path = self.picture("in.png")
        started = time.monotonic()
        dummy.run(str(path), "any", 0.6, 1, delay_s=(0.2, 0.3))
        self.assertGreaterEqual(time.monotonic() - started, 0.2)

    def test_waits_one_to_two_seconds_when_it_is_told_nothing(self) -> None:
        with mock.patch("random.uniform", return_value=0.0) as chosen:
            dummy.run(str(self.picture("in.png")), "any", 0.6, 1)
        chosen.assert_called_once_with(1.0, 2.0)

    def test_the_wait_is_progress(self) -> None:
        seen: list[float] = []
        with progress.listening(Listener(seen.append, lambda line: None)):
            dummy.run(str(self.picture("in.png")), "any", 0.6, 1, delay_s=(0.3, 0.3))
        self.assertEqual(seen, sorted(seen))
        self.assertGreater(len(set(seen)), 4)
        self.assertEqual(seen[-1], 1.0)

    def test_the_copy_is_the_file_byte_for_byte(self) -> None:
        for name in ("in.png", "in.jpg", "in.webp"):
            path = self.picture(name)
            output = Path(dummy.run(str(path), "any", 0.6, 1, delay_s=(0, 0)))
            self.assertNotEqual(output, path)
            self.assertEqual((output.parent, output.suffix), (path.parent, path.suffix))
            self.assertEqual(output.read_bytes(), path.read_bytes())

    def test_enlarged_plainly_keeping_format_and_metadata(self) -> None:
        for name, mode in (("in.png", "RGBA"), ("p.png", "P"), ("i.png", "I;16"), ("in.jpg", "L")):
            for upscale in (2, 4):
                path = self.picture(name, mode)
                output = dummy.run(str(path), "any", 0.6, upscale, delay_s=(0, 0))
                with self.subTest(name), Image.open(path) as before, Image.open(output) as after:
                    self.assertEqual(after.size, (12 * upscale, 8 * upscale))
                    self.assertEqual((after.format, after.mode), (before.format, before.mode))
                    self.assertEqual(after.getexif()[0x010E], "a description")
                    self.assertAlmostEqual(after.info["dpi"][0], 300, delta=1)
                    if after.format == "PNG":
                        blocks = before.resize(after.size, Image.Resampling.NEAREST)
                        self.assertEqual(after.tobytes(), blocks.tobytes())

    def test_enlarged_with_what_trns_hides(self) -> None:
        """In grey of every depth and in RGB of 16 bits, of which Pillow makes 8."""
        path = self.folder / "in.png"
        depths = ((1, 0, 1), (2, 0, 1), (4, 0, 9), (8, 0, 200), (16, 0, 40_000), (16, 2, 40_000))
        for depth, colour, hidden in depths:
            path.write_bytes(pictures.half_hidden_png(depth, colour, hidden))
            output = Path(dummy.run(str(path), "any", 0.6, 2, delay_s=(0, 0))).read_bytes()
            file = io.BytesIO(output)
            with self.subTest(depth=depth, colour=colour):
                found = pixels.plain(pixels.decode_png(file, png.parse(file)))
                self.assertEqual((16, 32), found.size)
                alpha = found.getchannel("A")
                self.assertEqual((0, 255), (alpha.getpixel((8, 4)), alpha.getpixel((8, 29))))


class DelayTest(unittest.TestCase):
    def test_the_server_says_how_long(self) -> None:
        run = load("dummy", (0.0, 0.0)).run
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "in.png")
            Image.new("L", (2, 2)).save(path)
            started = time.monotonic()
            self.assertIsInstance(run(str(path), "any", 0.6, 1), str)
            self.assertLess(time.monotonic() - started, 0.9)

    def test_a_wait_of_an_hour_moves(self) -> None:
        seen: list[float] = []

        def stop_at_three(fraction: float) -> None:
            seen.append(fraction)
            if len(seen) == 3:
                raise asyncio.CancelledError

        listener = Listener(stop_at_three, lambda line: None)
        with progress.listening(listener), self.assertRaises(asyncio.CancelledError):
            dummy.run("", "any", 0.6, 1, delay_s=(3600.0, 3600.0))
        self.assertEqual(len(set(seen)), 3)
