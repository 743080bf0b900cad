"""The web page with what the server tells beyond the contract: details, before, models.

A front door plays those routes, so that each value is chosen: the page must show what it is told.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from tests.support.browser import PageTest
from tests.support.frontdoor import FrontDoor
from tests.support.functional_testcase import picture
from tests.support.service import Answer, wait_until

SIZE = (900, 600)
DETAILS = {
    "queue_position": None,
    "strength": 0.6,
    "upscale": 1,
    "model_id": "restoration/classic",
    "result": {"width": SIZE[0], "height": SIZE[1], "bytes": 1000},
    "found": ["Fading.", "Fine scratches."],
    "done": ["Brought the contrast back."],
    "expires_at": "2026-12-24T18:30:00Z",
}
MODELS = {
    "models": [
        {"id": "restoration/classic", "name": "Classic", "default": True},
        {"id": "restoration/second", "name": "Second", "default": False},
    ]
}


class ToldTest(PageTest):
    settings: ClassVar[dict[str, str | int | float]] = {"DUMMY_DELAY_S": 2, "WORKERS": 1}

    def setUp(self) -> None:
        super().setUp()
        self.details: dict[str, Any] = dict(DETAILS)
        self.models: dict[str, Any] = {"models": MODELS["models"][:1]}
        door = FrontDoor(self.service)
        door.rule = self.rule
        self.enterContext(door)
        self.base = door.url

    def rule(self, _: str, path: str, __: Mapping[str, str]) -> Answer | None:
        if path == "/v1/models":
            return _json(self.models)
        if re.fullmatch(r"/v1/jobs/[^/]+/details", path):
            return _json(self.details)
        if re.fullmatch(r"/v1/jobs/[^/]+/before", path):
            return Answer(200, {"Content-Type": "image/jpeg"}, picture("JPEG", SIZE))
        return None

    def test_found_done_and_how_long_it_stays(self) -> None:
        self.open()
        self.choose(self.file("a.jpg", picture("JPEG", SIZE)))
        self.await_slider()
        self.assertEqual(
            "Found\nFading.\nFine scratches.\nDone\nBrought the contrast back.",
            self.text(".report"),
        )
        self.await_text(".card .body", r"Stays on the server until December 2\d, 2026")
        self.assertEqual("Restored", self.text(".state"))

    def test_a_photo_that_was_well(self) -> None:
        self.details |= {"found": [], "done": []}
        self.open()
        self.choose(self.file("a.jpg", picture("JPEG", SIZE)))
        self.await_slider()
        self.assertEqual("Nothing needed treatment", self.text(".state"))
        self.assertEqual("", self.text(".report"))

    def test_the_place_in_the_queue(self) -> None:
        self.details["queue_position"] = 3
        self.open()
        self.choose(*[self.file(f"{n}.jpg", picture("JPEG")) for n in range(2)])
        self.await_text(".state", "Number 3 in the server's queue")

    def test_heic_has_its_before_from_the_server(self) -> None:
        self.open()
        self.choose(self.file("IMG_0001.HEIC", picture("HEIF", SIZE)))
        slider = self.await_slider()
        self.assertEqual("50", slider.get_property("value"))
        for image in self.all(".compare img"):
            self.assertEqual(SIZE[0], image.get_property("naturalWidth"))
        self.assertEqual("", self.text(".note"))

    def test_a_reload_keeps_the_comparison(self) -> None:
        self.open()
        self.choose(self.file("a.jpg", picture("JPEG", SIZE)))
        self.await_slider()
        self.browser.driver.refresh()
        self.await_slider()
        self.assertEqual("Earlier photo 1", self.text(".card .name"))
        self.assertIn("strength 0.6", self.text(".card .meta"))

    def test_a_result_that_is_too_large_is_known_before_it_is_fetched(self) -> None:
        self.details["result"] = {"width": 16384, "height": 16384, "bytes": 800_000_000}
        self.open()
        self.choose(self.file("a.heic", picture("HEIF")))
        self.await_text(".note", "268 megapixels, too many to show here")
        self.assertEqual([], [url for url in self.browser.requested() if "/outputs/" in url])

    def test_one_model_is_no_choice_and_two_are(self) -> None:
        self.open()
        self.assertEqual("", self.text("#model-field"))
        self.models = MODELS
        self.open()
        wait_until(lambda: self.text("#model-field"), "the choice of a model")
        options = [option.text for option in self.all("#model option")]
        self.assertEqual(["Classic (default)", "Second"], options)
        self.assertEqual("restoration/classic", self.one("#model").get_property("value"))

    def test_the_chosen_model_goes_with_the_photo(self) -> None:
        self.refusals = {400}
        self.models = MODELS
        self.open()
        wait_until(lambda: self.text("#model-field"), "the choice of a model")
        self.browser.run("document.getElementById('model').value = 'restoration/second'")
        self.choose(self.file("a.jpg", picture("JPEG")))
        self.await_text(".sentence", r"This model_id is not offered\.")


def _json(value: object) -> Answer:
    return Answer(200, {"Content-Type": "application/json"}, json.dumps(value).encode())
