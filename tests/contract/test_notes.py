"""notes: sentences from a provider's line."""

import unittest

from restore.contract import sentences

NOTHING = "camera photo, noise 1.0/0.8, blur no, jpeg no, marks no, wear no, fade no; steps: none"
MUCH = (
    "print, noise 9.0/2.0, blur 1.20, jpeg q35, marks 0.42%, wear 1.00%, fade x1.80 one hue;"
    " steps: fill, denoise, enlarge x2, levels; faces: 2"
)


class SentencesTest(unittest.TestCase):
    def test_nothing_found_is_an_empty_list(self) -> None:
        self.assertEqual(([], []), sentences(NOTHING))

    def test_what_was_found_and_what_was_done(self) -> None:
        found, done = sentences(MUCH)
        assert found is not None and done is not None
        self.assertEqual(6, len(found))
        self.assertEqual(5, len(done))
        self.assertEqual("Scratches or dust.", found[0])
        self.assertIn("Faces were restored.", done)
        self.assertNotIn("Blur was reduced.", done)  # found, and left as it is

    def test_noise_counts_where_it_was_treated(self) -> None:
        self.assertEqual(["Noise or grain."], sentences(NOTHING.replace("none", "denoise"))[0])

    def test_faces_that_were_not_looked_for_were_not_restored(self) -> None:
        for said, restored in (("0", 0), ("not looked for", 0), ("3", 1), ("taken for one", 1)):
            self.assertEqual(restored, len(sentences(f"{NOTHING}; faces: {said}")[1] or ()), said)

    def test_another_line_is_no_finding(self) -> None:
        for note in ("", "done", "steps", "my provider: all well; twice"):
            self.assertEqual((None, None), sentences(note))


if __name__ == "__main__":
    unittest.main()
