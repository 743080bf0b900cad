"""The web page in a real browser: a photo's way from the chooser to the download."""

import io
import json
from typing import ClassVar

from PIL import Image

from tests.support.browser import TENTHS, PageTest
from tests.support.frontdoor import FrontDoor
from tests.support.functional_testcase import picture
from tests.support.service import wait_until

WIDE = (900, 600)


class WayTest(PageTest):
    """With a provider that restores, and the result_url of the shipped settings."""

    settings: ClassVar[dict[str, str | int | float]] = {"RESULT_BASE_URL": "http://10.0.2.2:8000"}

    def test_from_the_chooser_over_the_slider_to_the_download(self) -> None:
        self.open()
        self.choose(self.file("Grandma 1931.jpg", picture("JPEG", WIDE)))
        slider = self.await_slider()
        self.assertEqual(["done"], self.stages())
        for image in self.all(".compare img"):
            self.assertEqual(WIDE[0], image.get_property("naturalWidth"))
        self.assertEqual("50", slider.get_property("value"))
        self.press("Download")
        content = self.downloaded("Grandma 1931-restored.jpg")
        [job] = self.service.events("restore.succeeded")[-1:]
        result = self.service.request("GET", f"/outputs/{job['job_id']}.jpg")
        self.assertEqual(result.body, content)

    def test_the_limits_are_said_before_the_upload(self) -> None:
        self.open()
        self.await_text("#limits", "up to 15 MB and 4096 . 4096 pixels")

    def test_the_settings_go_with_the_photo(self) -> None:
        self.open()
        self.browser.run(
            "const s = document.getElementById('strength'); s.value = 0.9;"
            "s.dispatchEvent(new Event('input'))"
        )
        self.assertEqual("0.9", self.text("#strength-value"))
        self.browser.run("document.querySelector('[name=upscale][value=\"2\"]').click()")
        self.choose(self.file("small.png", picture("PNG", (90, 60))))
        self.await_slider()
        after = self.one(".compare .after")
        self.assertEqual(
            [180, 120], [after.get_property(f"natural{a}") for a in ("Width", "Height")]
        )
        self.assertIn("strength 0.9, 2 \N{MULTIPLICATION SIGN} larger", self.text(".card .meta"))
        self.press("Download")
        self.assertTrue(self.downloaded("small-restored.png").startswith(b"\x89PNG"))

    def test_before_stands_as_upright_as_after(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6  # Orientation: lies on its side
        photo = picture("JPEG", WIDE, exif=exif)
        self.open()
        self.choose(self.file("turned.jpg", photo))
        self.await_slider()
        sizes = [
            (image.get_property("naturalWidth"), image.get_property("naturalHeight"))
            for image in self.all(".compare img")
        ]
        self.assertEqual([(WIDE[1], WIDE[0])] * 2, sizes)

    def test_dropped_anywhere(self) -> None:
        self.open()
        paths = [str(self.file(name, picture("JPEG"))) for name in ("one.jpg", "two.jpg")]
        data = {"items": [], "files": paths, "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.browser.command("Input.dispatchDragEvent", type=kind, x=900, y=700, data=data)
        self.await_stages("done", "done")
        self.assertEqual("one.jpg | two.jpg", self.text(".card .name"))

    def test_a_dropped_folder_gives_its_pictures(self) -> None:
        self.open()
        (self.folder / "album").mkdir()
        self.file("album/a.jpg", picture("JPEG"))
        self.file("album/notes.txt", b"not a picture")
        data = {"items": [], "files": [str(self.folder / "album")], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.browser.command("Input.dispatchDragEvent", type=kind, x=900, y=700, data=data)
        self.await_stages("done")
        self.assertEqual("a.jpg", self.text(".card .name"))

    def test_pasted(self) -> None:
        self.open()
        self.browser.run(
            "const data = new DataTransfer();"
            "const bytes = Uint8Array.from(arguments[0]);"
            "data.items.add(new File([bytes], 'image.png', { type: 'image/png' }));"
            "const event = new ClipboardEvent('paste', { clipboardData: data, bubbles: true });"
            "document.body.dispatchEvent(event)",
            list(picture("PNG")),
        )
        self.await_stages("done")
        self.await_slider()
        self.press("Download")
        self.downloaded("pasted-restored.png")

    def test_the_example_is_a_photo_like_any_other(self) -> None:
        self.open()
        self.one("#example").click()
        self.await_slider()
        self.assertEqual("example.jpg", self.text(".card .name"))

    def test_what_was_well_can_be_restored_again_beside_the_first(self) -> None:
        self.open()
        self.choose(self.file("a.jpg", picture("JPEG")))
        self.await_slider()
        self.press("Restore again")
        self.await_stages("done", "done")

    def test_ten_photos_at_once_and_all_saved(self) -> None:
        self.open()
        files = [self.file(f"{n:02}.png", picture("PNG", (60 + n, 40))) for n in range(10)]
        self.choose(*files)
        self.await_stages(*["done"] * 10)
        wait_until(lambda: len(self.all(".divider")) == 10, "ten sliders")
        self.press("Download all 10")
        for number, file in enumerate(files):
            content = self.downloaded(f"{file.stem}-restored.png")
            self.assertEqual((60 + number, 40), Image.open(io.BytesIO(content)).size)

    def test_delete_asks_first_and_leaves_nothing(self) -> None:
        self.open()
        self.choose(self.file("a.jpg", picture("JPEG")))
        self.await_slider()
        [job_id] = self.ids()
        self.press("Delete")
        self.press("Keep")
        self.assertEqual(["done"], self.stages())
        self.press("Delete")
        self.press("Yes, delete")
        wait_until(lambda: not self.stages(), "the card's end", TENTHS)
        self.assertEqual(404, self.service.request("GET", f"/v1/jobs/{job_id}").status)
        self.assertEqual([], self.ids())
        self.assertIn("a.jpg: deleted.", self.spoken())

    def test_below_a_path_of_a_proxy(self) -> None:
        with FrontDoor(self.service, "/photos/") as door:
            self.base = door.url
            self.open()
            self.choose(self.file("a.jpg", picture("JPEG")))
            self.await_slider()
            self.press("Download")
            self.downloaded("a-restored.jpg")

    def test_only_ids_are_kept(self) -> None:
        self.open()
        self.choose(self.file("secret name.jpg", picture("JPEG")))
        self.await_slider()
        kept = self.browser.run(
            "return [{...sessionStorage}, {...localStorage}, document.cookie,"
            " location.pathname + location.search + location.hash]"
        )
        self.assertEqual([{"restore.jobs": self.ids()[0]}, {}, "", "/"], kept)

    def ids(self) -> list[str]:
        kept = self.browser.run("return sessionStorage.getItem('restore.jobs') ?? ''")
        return str(kept).split()


class SlowTest(PageTest):
    """With a provider that takes its time, and one worker: what is seen in mid-job."""

    settings: ClassVar[dict[str, str | int | float]] = {"DUMMY_DELAY_S": 4, "WORKERS": 1}

    def test_work_is_told_apart_from_upload_and_cancel_ends_it(self) -> None:
        self.open()
        self.choose(self.file("a.jpg", picture("JPEG")))
        self.await_stages("running")
        self.await_text(".state", "Restoring, [1-9]")
        bars = {node["name"] for node in self.accessible("progressbar")}
        self.assertEqual({"Upload of a.jpg", "Restoration of a.jpg"}, bars)
        [job_id] = str(self.browser.run("return sessionStorage.getItem('restore.jobs')")).split()
        self.press("Cancel")
        wait_until(lambda: not self.stages(), "the card's end", TENTHS)
        self.assertEqual(404, self.service.request("GET", f"/v1/jobs/{job_id}").status)

    def test_a_reload_in_mid_job_finds_it(self) -> None:
        self.open()
        self.choose(self.file("a.jpg", picture("JPEG")))
        self.await_stages("running")
        self.browser.driver.refresh()
        self.await_stages("running")
        self.await_stages("done")
        self.press("Download")
        self.downloaded("photo-restored.jpg")

    def test_all_are_cancelled_at_once(self) -> None:
        self.open()
        self.choose(*[self.file(f"{n}.jpg", picture("JPEG")) for n in range(3)])
        under_way = [{"running", "queued"}, {"queued"}]  # which of both is a matter of the moment
        wait_until(lambda: len(self.stages()) == 3 and set(self.stages()) in under_way, "3 cards")
        self.press("Cancel all")
        wait_until(lambda: not self.stages(), "the cards' end", TENTHS)

    def test_half_and_end_are_said(self) -> None:
        self.open()
        self.choose(self.file("a.jpg", picture("JPEG")))
        self.await_stages("done")
        for line in ("1 photo added.", "a.jpg: half restored.", "a.jpg: Restored."):
            self.assertIn(line, self.spoken())


class HeicTest(PageTest):
    """What browsers don't show themselves."""

    def test_heic_has_its_result(self) -> None:
        self.open()
        self.choose(self.file("IMG_0001.HEIC", picture("HEIF", WIDE)))
        self.await_stages("done")
        wait_until(lambda: self.all(".compare .after"), "the result")
        self.press("Download")
        self.downloaded("IMG_0001-restored.jpg")


class HugeTest(PageTest):
    """A result too large to show is offered, not shown."""

    def test_over_50_megapixels(self) -> None:
        self.open()
        self.browser.run("document.querySelector('[name=upscale][value=\"4\"]').click()")
        flat = io.BytesIO()
        Image.new("L", (2000, 1900), 128).save(flat, "PNG")
        self.choose(self.file("plan.png", flat.getvalue()))
        self.await_stages("done")
        self.await_text(".note", "61 megapixels, too many to show here")
        self.assertEqual([], self.all(".compare"))
        outputs = [url for url in self.browser.requested() if "/outputs/" in url]
        self.assertEqual([], outputs, json.dumps(outputs))
        self.press("Download")
        self.assertTrue(self.downloaded("plan-restored.png"))
