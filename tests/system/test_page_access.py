"""The web page for everybody: keyboard alone, touch, screen readers, small and large windows."""

import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from tests.support.browser import PageTest, axe_source
from tests.support.functional_testcase import picture
from tests.support.service import wait_until

LARGE = (1600, 1200)
WIDTHS = (320, 390, 1280, 2560)
TARGET_PX = 44  # of whatever is pressed (WCAG 2.5.5; 2.5.8 asks for 24)
SCHEMES = ("light", "dark")

_SMALL_TARGETS = """
    const pressed = 'button, select, a[href], .pick, .segments label, input[type=range]';
    return [...document.querySelectorAll(pressed)]
        .filter((each) => each.checkVisibility())
        .map((each) => [each, each.getBoundingClientRect()])
        .filter(([_, box]) => box.width < arguments[0] || box.height < arguments[0])
        .map(([each, box]) => `${each.outerHTML.slice(0, 80)}: ${box.width} x ${box.height}`);
"""


class AccessTest(PageTest):
    """With photos that are done at once."""

    def done(self, size: tuple[int, int] = LARGE) -> Any:
        """Open the page and have one photo restored; its slider."""
        self.open()
        self.choose(self.file("a.jpg", picture("JPEG", size)))
        return self.await_slider()

    def geometry(self) -> tuple[list[str], float]:
        """How the pictures lie, each as its computed transform and size, and where the cut is."""
        lie: list[str] = self.browser.run(
            "return [...document.querySelectorAll('.compare img')].map(getComputedStyle)"
            ".map((style) => `${style.transform} ${style.width} ${style.height}`)"
        )
        cut = self.browser.run(
            "return parseFloat(document.querySelector('.compare').style.getPropertyValue('--cut'))"
        )
        return lie, cut

    # -- the slider

    def test_a_screen_reader_meets_a_slider_with_words(self) -> None:
        """The tree that Chromium tells of has the name; words for the value it leaves out there."""
        slider = self.done()
        names = [node["name"] for node in self.accessible("slider")]
        self.assertEqual(["Strength", "Before and after of a.jpg"], names)
        self.assertEqual("50 % before, 50 % after", slider.get_dom_attribute("aria-valuetext"))

    def test_its_keys(self) -> None:
        from selenium.webdriver import Keys

        slider = self.done()
        steps = ((Keys.ARROW_LEFT, 49), (Keys.ARROW_RIGHT, 50), (Keys.HOME, 0), (Keys.END, 100))
        cuts = []
        for key, value in steps:
            slider.send_keys(key)
            self.assertEqual(str(value), slider.get_property("value"))
            cuts.append(self.geometry()[1])
        self.assertEqual("only before", slider.get_attribute("aria-valuetext"))
        self.assertEqual(
            sorted((cuts[2], cuts[0], cuts[1], cuts[3])), [cuts[i] for i in (2, 0, 1, 3)]
        )

    def test_pressed_anywhere_and_dragged(self) -> None:
        from selenium.webdriver import ActionChains

        slider = self.done()
        width = slider.size["width"]
        chain = ActionChains(self.browser.driver)
        chain.move_to_element_with_offset(slider, int(-width * 0.25), 60).click().perform()
        self.assertAlmostEqual(25, float(slider.get_property("value")), delta=3)
        chain.click_and_hold().move_by_offset(int(width * 0.4), 20).release().perform()
        self.assertAlmostEqual(67, float(slider.get_property("value")), delta=4)

    def test_buttons_do_what_the_slider_does(self) -> None:
        slider = self.done()
        for text, value in (("Before", "100"), ("After", "0")):
            self.press(text)
            self.assertEqual(value, slider.get_property("value"))

    def test_a_finger(self) -> None:
        self.browser.appear(390, 844, phone=True)
        slider = self.done()
        self.browser.run("arguments[0].scrollIntoView({ block: 'center' })", slider)
        box = self.browser.run("return arguments[0].getBoundingClientRect().toJSON()", slider)
        y = box["top"] + box["height"] * 0.5
        points = [{"x": box["left"] + box["width"] * part, "y": y} for part in (0.5, 0.6, 0.7, 0.8)]
        self.touch("touchStart", points[0])
        for point in points[1:]:
            self.touch("touchMove", point)
        self.touch("touchEnd")
        self.assertGreater(float(slider.get_property("value")), 70)

    def touch(self, kind: str, *points: dict[str, float]) -> None:
        self.browser.command("Input.dispatchTouchEvent", type=kind, touchPoints=list(points))

    # -- zoom and pan

    def test_both_pictures_move_together(self) -> None:
        from selenium.webdriver import ActionChains, Keys

        self.done()
        whole, _ = self.geometry()
        self.press("100 %")
        closer, _ = self.geometry()
        self.assertNotEqual(whole, closer)
        self.assertIn("1600px 1200px", closer[0])
        surface = self.one(".surface")
        chain = ActionChains(self.browser.driver)
        chain.move_to_element_with_offset(surface, 150, 90).click_and_hold()
        chain.move_by_offset(-60, -40).release().perform()
        dragged, cut = self.geometry()
        self.assertNotEqual(closer, dragged)
        surface.send_keys(Keys.ARROW_RIGHT)
        keyed, _ = self.geometry()
        self.assertNotEqual(dragged, keyed)
        chain = ActionChains(self.browser.driver)
        chain.move_to_element_with_offset(surface, -200, -100).click().perform()
        clicked, _ = self.geometry()
        self.assertNotEqual(keyed, clicked)
        for lie in (whole, closer, dragged, keyed, clicked):
            self.assertEqual(lie[0], lie[1])
        self.assertEqual(cut, self.geometry()[1], "the line stays in the middle of what is seen")
        self.press("Fit")
        self.assertEqual(whole, self.geometry()[0])

    def test_enlarged_the_thumb_still_moves_the_line(self) -> None:
        from selenium.webdriver import ActionChains

        slider = self.done()
        self.press("100 %")
        lie, before = self.geometry()
        frame = self.one(".compare")
        chain = ActionChains(self.browser.driver)
        chain.move_to_element(frame).click_and_hold().move_by_offset(80, 0).release().perform()
        self.assertGreater(float(slider.get_property("value")), 50)
        now, after = self.geometry()
        self.assertEqual(lie, now)
        self.assertAlmostEqual(before + 80, after, delta=8)

    def test_the_large_view(self) -> None:
        from selenium.webdriver import Keys

        self.done()
        small = self.one(".compare").size["width"]
        self.press("Enlarge")
        wait_until(lambda: self.one(".compare").size["width"] > small, "the large view")
        self.assertEqual(1280, self.one(".compare").size["width"])
        self.press("100 %")
        self.assertIn("1600px", self.geometry()[0][0])
        self.browser.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
        wait_until(lambda: self.one(".compare").size["width"] == small, "the card again")
        self.assertEqual("Enlarge", self.browser.driver.switch_to.active_element.text)

    # -- the keyboard alone

    def test_from_choosing_to_deleting_without_a_mouse(self) -> None:
        from selenium.webdriver import Keys

        self.open()
        self.tab_to("#files")
        self.focused().send_keys(str(self.file("a.jpg", picture("JPEG", LARGE))))
        self.await_slider()
        self.tab_to(".divider")
        self.focused().send_keys(Keys.ARROW_LEFT)
        self.assertEqual("49", self.one(".divider").get_property("value"))
        self.tab_to_text("100 %").send_keys(Keys.ENTER)
        self.tab_to(".surface", back=True)
        self.tab_to_text("Download").send_keys(Keys.SPACE)
        self.downloaded("a-restored.jpg")
        self.tab_to_text("Delete").send_keys(Keys.ENTER)
        self.assertEqual("Keep", self.focused().text)
        self.tab_to_text("Yes, delete", back=True).send_keys(Keys.ENTER)
        wait_until(lambda: not self.stages(), "the card's end")
        self.assertEqual("files", self.focused().get_property("id"))

    def test_the_focus_stays_with_the_cards(self) -> None:
        from selenium.webdriver import Keys

        self.refusals = {415}
        self.open()
        self.choose(self.file("a.txt", b"text" * 9), self.file("b.txt", b"text" * 9))
        self.await_stages("refused", "refused")
        self.all(".card")[0].find_element("xpath", ".//button[.='Remove']").send_keys(Keys.ENTER)
        self.await_stages("refused")
        self.assertEqual("b.txt", self.focused().text)

    def focused(self) -> Any:
        return self.browser.driver.switch_to.active_element

    def _tab(self, arrived: Any, what: str, back: bool) -> Any:
        from selenium.webdriver import ActionChains, Keys

        for _ in range(40):
            if arrived():
                return self.focused()
            chain = ActionChains(self.browser.driver)
            if back:
                chain.key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
            else:
                chain.send_keys(Keys.TAB).perform()
        return self.fail(f"the Tab key never came to {what}")

    def tab_to(self, selector: str, *, back: bool = False) -> Any:
        script = "return document.activeElement.matches(arguments[0])"
        return self._tab(lambda: self.browser.run(script, selector), selector, back)

    def tab_to_text(self, text: str, *, back: bool = False) -> Any:
        return self._tab(lambda: self.focused().text.strip() == text, text, back)

    # -- windows of every size

    def test_nothing_sticks_out_and_everything_can_be_hit(self) -> None:
        for width in WIDTHS:
            with self.subTest(width):
                self.browser.appear(width, 844, phone=width < 500)
                self.open()
                self.assert_fits()
                self.choose(self.file("a.jpg", picture("JPEG", LARGE)))
                self.await_slider()
                self.assert_fits()
                self.press("Delete")
                self.assert_fits()
                self.browser.run("sessionStorage.clear()")

    def assert_fits(self) -> None:
        root = "document.documentElement"
        over = self.browser.run(f"return {root}.scrollWidth - {root}.clientWidth")
        self.assertEqual(0, over, "the page is wider than the window")
        self.assertEqual([], self.browser.run(_SMALL_TARGETS, TARGET_PX - 0.5))

    def test_a_phone_has_a_camera_and_still_its_gallery(self) -> None:
        self.browser.appear(390, 844, phone=True)
        self.open()
        camera = self.one("#camera")
        self.assertEqual("environment", camera.get_dom_attribute("capture"))
        self.assertIn("Take a photo", self.text(".pickers"))
        self.assertIsNone(self.one("#files").get_dom_attribute("capture"))
        camera.send_keys(str(self.file("shot.jpg", picture("JPEG"))))
        self.await_stages("done")

    def test_no_motion_for_those_who_want_none(self) -> None:
        moving = (
            "return [...document.querySelectorAll('*')].map((e) => getComputedStyle(e))"
            ".filter((style) => style.animationName !== 'none'"
            " || !/^0s(, 0s)*$/.test(style.transitionDuration)).length"
        )
        self.browser.appear(1280, prefers_reduced_motion="reduce")
        self.done()
        self.assertEqual(0, self.browser.run(moving))
        self.browser.appear(1280, prefers_reduced_motion="no-preference")
        self.assertGreater(self.browser.run(moving), 0, "this test sees motion where there is some")


@unittest.skipUnless(axe_source(), "no axe-core: .ci/install brings it")
class AxeTest(PageTest):
    """axe-core finds nothing in any state, by day and by night."""

    settings: ClassVar[dict[str, str | int | float]] = {"DUMMY_DELAY_S": 3, "WORKERS": 1}

    def test_every_state(self) -> None:
        self.refusals = {415}
        self.open()
        for scheme in SCHEMES:
            with self.scheme(scheme):
                self.open()
                self.assert_accessible("empty")
                self.choose(
                    self.file("a.jpg", picture("JPEG", LARGE)),
                    self.file("b.txt", b"text" * 9),
                    self.file("c.heic", picture("HEIF")),
                )
                self.await_stages("running", "refused", "queued")
                self.assert_accessible("working")
                self.await_stages("done", "refused", "running")
                self.await_slider()
                self.assert_accessible("done")
                self.all(".card")[0].find_element("xpath", ".//button[.='100 %']").click()
                self.all(".card")[0].find_element("xpath", ".//button[.='Delete']").click()
                self.assert_accessible("enlarged, and asked about deleting")
                self.all(".card")[0].find_element("xpath", ".//button[.='Keep']").click()
                self.all(".card")[0].find_element("xpath", ".//button[.='Enlarge']").click()
                self.assert_accessible("large view")

    @contextmanager
    def scheme(self, name: str) -> Iterator[None]:
        with self.subTest(name):
            self.browser.run("sessionStorage.clear()")
            self.browser.appear(1280, prefers_color_scheme=name, prefers_reduced_motion="reduce")
            yield

    def assert_accessible(self, state: str) -> None:
        self.browser.run(axe_source())
        violations = self.browser.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, { resultTypes: ['violations'] }).then((found) => done("
            "found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`)))"
        )
        self.assertEqual([], violations, state)


class ForcedColoursTest(PageTest):
    def test_what_is_chosen_is_seen(self) -> None:
        self.browser.appear(1280, forced_colors="active")
        self.open()
        colours = self.browser.run(
            "return [...document.querySelectorAll('.segments span')].slice(0, 2)"
            ".map((span) => getComputedStyle(span).backgroundColor)"
        )
        self.assertNotEqual(colours[0], colours[1])
