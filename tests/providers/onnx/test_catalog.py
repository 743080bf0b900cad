"""Which files are models, under which ids, and what a wrong `.json` beside one is told."""

import json
import unittest
from pathlib import Path
from tempfile import TemporaryDirectory

from restore.providers.model import ModelError
from restore.providers.onnx import Entry, Kind, entries


class CatalogTest(unittest.TestCase):
    def setUp(self) -> None:
        holder = TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)

    def put(self, name: str, said: object = None) -> list[Entry]:
        (self.folder / name).touch()
        if said is not None:
            text = said if isinstance(said, str) else json.dumps(said)
            (self.folder / name).with_suffix(".json").write_text(text)
        return entries(str(self.folder))

    def test_ids_are_those_that_people_know(self) -> None:
        for name, model_id, kind in (
            ("GFPGANv1.4.onnx", "restoration/gfpgan-1.4", Kind.FACE),
            ("gfpgan_1.3.onnx", "restoration/gfpgan-1.3", Kind.FACE),
            ("RealESRGAN_x4plus.onnx", "restoration/realesrgan-x4plus", Kind.AUTO),
            ("face_detection_yunet_2026may.onnx", "", Kind.DETECTOR),
        ):
            with self.subTest(name):
                found = {entry.path.name: entry for entry in self.put(name)}[name]
                self.assertEqual(kind, found.kind)
                if model_id:
                    self.assertEqual(model_id, found.model_id)

    def test_licences_that_bind_are_named(self) -> None:
        self.assertIn("non-commercial", self.put("codeformer.onnx")[0].licence)

    def test_what_the_json_says_counts(self) -> None:
        said = {"kind": "restore", "tile": 64, "mean": 0.5, "std": 0.5, "licence": "CC0 1.0"}
        (entry,) = self.put("mine.onnx", said)
        found = (entry.kind, entry.tile, entry.mean, entry.licence)
        self.assertEqual((Kind.RESTORE, 64, 0.5, "CC0 1.0"), found)

    def test_what_is_no_model_is_passed_over(self) -> None:
        self.assertEqual([], self.put("readme.txt"))

    def test_a_wrong_json_is_a_sentence(self) -> None:
        for said, sentence in (
            ("{", "a.json in MODELS_DIR is not readable JSON."),
            ([], "a.json in MODELS_DIR must be one JSON object."),
            ({"kind": "magic"}, "kind must be one of"),
            ({"tile": 1.5}, "tile must be a number from 32 to 1024."),
            ({"tile": True}, "tile must be a number"),
            ({"std": 0}, "std must be a number"),
            ({"licence": ""}, "licence must be a line of text."),
            ({"bgr": 1}, "bgr must be true or false."),
            ({"path": "x"}, "path is not known; known are kind"),
        ):
            with self.subTest(said), self.assertRaises(ModelError) as caught:
                self.put("a.onnx", said)
            self.assertIn(sentence, str(caught.exception))

    def test_two_files_of_one_name_and_no_folder_are_sentences(self) -> None:
        self.put("GFPGANv1.4.onnx")
        with self.assertRaisesRegex(ModelError, "have the same name"):
            self.put("gfpgan_1.4.onnx")
        with self.assertRaisesRegex(ModelError, "MODELS_DIR=.*can't be read"):
            entries(str(self.folder / "nowhere"))


if __name__ == "__main__":
    unittest.main()
