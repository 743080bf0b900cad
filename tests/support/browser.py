"""A real Chromium for the tests of the web page, driven by selenium; they skip where it is lacking.

`PageTest` gives each test a server, a fresh tab and its console: an error in the console, or a
request to anywhere but the server, fails the test that caused it.
"""

import atexit
import base64
import importlib.util
import json
import os
import re
import shutil
import tempfile
import unittest
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from tests.support.service import Service, wait_until

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
DRIVER = shutil.which("chromedriver")
LACKING = (
    "no selenium: pip install -e '.[browser]'"
    if importlib.util.find_spec("selenium") is None
    else "no chromium and chromedriver"
    if not (CHROMIUM and DRIVER)
    else ""
)
TOOLS = Path(os.environ.get("RESTORE_TOOLS", "~/.cache/restore-tools")).expanduser()
AXE_FILE = TOOLS / "node_modules" / "axe-core" / "axe.min.js"  # as .ci/install puts it there
_SWITCHES = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--disable-quic", "--disable-background-networking", "--no-first-run", "--hide-scrollbars"),
    *("--force-device-scale-factor=1", "--lang=en"),
)
_STATUS = re.compile(r"responded with a status of (\d{3})")
TENTHS = 10.0  # seconds that something in the page may take at most, the server's work apart


@cache
def axe_source() -> str:
    """The text of axe-core, empty where it isn't installed."""
    return AXE_FILE.read_text(encoding="utf-8") if AXE_FILE.is_file() else ""


class Browser:
    """One Chromium with a profile of its own; what it downloads lies in `downloads`."""

    def __init__(self) -> None:
        from selenium import webdriver

        self._profile = Path(tempfile.mkdtemp(prefix="restore-browser-"))
        self.downloads = self._profile / "downloads"
        self.downloads.mkdir()
        options = webdriver.ChromeOptions()
        options.binary_location = str(CHROMIUM)
        for switch in (*_SWITCHES, f"--user-data-dir={self._profile / 'profile'}"):
            options.add_argument(switch)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = webdriver.ChromeService(str(DRIVER))
        self.driver = webdriver.Chrome(options, service)

    def close(self) -> None:
        self.driver.quit()
        shutil.rmtree(self._profile, ignore_errors=True)

    def command(self, name: str, **arguments: object) -> Any:
        """A command of the Chrome DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, arguments)

    def run(self, script: str, *arguments: object) -> Any:
        """Run the body of a function in the page; what it returns."""
        return self.driver.execute_script(script, *arguments)

    def fresh_tab(self) -> None:
        """A tab without a past; the old one is closed."""
        old = self.driver.current_window_handle
        self.driver.switch_to.new_window("tab")
        new = self.driver.current_window_handle
        self.driver.switch_to.window(old)
        self.driver.close()
        self.driver.switch_to.window(new)
        self.command(
            "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads)
        )

    def appear(self, width: int, height: int = 900, *, phone: bool = False, **media: str) -> None:
        """Show the page at this size in CSS pixels; `media` are media features, _ for -."""
        features = [{"name": name.replace("_", "-"), "value": media[name]} for name in media]
        self.command("Emulation.setEmulatedMedia", features=features)
        self.command("Emulation.setTouchEmulationEnabled", enabled=phone)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        self.command("Emulation.setDeviceMetricsOverride", **size)

    def screenshot(self, file: Path) -> None:
        """All of the page as a PNG."""
        shot = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))

    def console(self) -> list[str]:
        """The errors and warnings of the console since last asked."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requested(self) -> list[str]:
        """The addresses that the page has asked since last asked."""
        events = [json.loads(entry["message"]) for entry in self.driver.get_log("performance")]
        return [
            event["message"]["params"]["request"]["url"]
            for event in events
            if event["message"]["method"] == "Network.requestWillBeSent"
        ]


@cache
def shared_browser() -> Browser:
    """The one Chromium of a run: its start costs more than most tests."""
    browser = Browser()
    atexit.register(browser.close)
    return browser


@unittest.skipIf(LACKING, LACKING)
class PageTest(unittest.TestCase):
    """One server for a class, a fresh tab for each test."""

    settings: ClassVar[dict[str, str | int | float]] = {}
    service: ClassVar[Service]
    browser: ClassVar[Browser]

    @classmethod
    def setUpClass(cls) -> None:
        cls.service = Service(None, **cls.settings).start()
        cls.addClassCleanup(cls.service.__exit__)
        cls.browser = shared_browser()

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="restore-page-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.refusals: set[int] = set()  # statuses that this test provokes
        self.base = f"http://127.0.0.1:{self.service.port}/"
        self.browser.fresh_tab()
        self.browser.appear(1280)
        self.browser.console()
        self.browser.requested()

    def tearDown(self) -> None:
        errors = [line for line in self.browser.console() if not self._provoked(line)]
        self.assertEqual([], errors, "errors in the console")
        origin = self.base[: self.base.index("/", len("http://")) + 1]
        for url in self.browser.requested():
            self.assertTrue(url.startswith((self.base, f"blob:{origin}")), url)

    def _provoked(self, line: str) -> bool:
        """Whether a line of the console only tells of a refusal that the test wanted."""
        status = _STATUS.search(line)
        if status is None:
            return 0 in self.refusals and "net::ERR_" in line
        return int(status.group(1)) in self.refusals

    # -- doing

    def open(self, path: str = "") -> None:
        self.browser.driver.get(self.base + path)
        wait_until(lambda: self.all("#chooser:not([hidden])"), "the page", TENTHS)

    def file(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def choose(self, *files: Path) -> None:
        self.one("#files").send_keys("\n".join(map(str, files)))

    def press(self, text: str, within: str = "body") -> None:
        """Click the one visible button with this text."""
        self.button(text, within).click()

    # -- seeing

    def one(self, selector: str) -> Any:
        return self.browser.driver.find_element("css selector", selector)

    def all(self, selector: str) -> list[Any]:
        found: list[Any] = self.browser.driver.find_elements("css selector", selector)
        return found

    def button(self, text: str, within: str = "body") -> Any:
        """The one button that says this; a card that only appears has no text yet."""

        def found() -> list[Any]:
            return [each for each in self.all(f"{within} button") if each.text.strip() == text]

        self._await(lambda: len(found()) == 1, f"a button {text!r}", lambda: self.buttons(within))
        return found()[0]

    def buttons(self, within: str = ".card") -> list[str]:
        return [each.text for each in self.all(f"{within} button") if each.is_displayed()]

    def stages(self) -> list[str]:
        found: list[str] = self.browser.run(
            "return [...document.querySelectorAll('.card')].map((card) => card.dataset.stage)"
        )
        return found

    def text(self, selector: str) -> str:
        """What the visible ones of these elements say, with bars between."""
        found: str = self.browser.run(
            "return [...document.querySelectorAll(arguments[0])]"
            ".filter((each) => each.checkVisibility()).map((each) => each.innerText).join(' | ')",
            selector,
        )
        return found

    def await_stages(self, *stages: str) -> None:
        """Wait until there are exactly these cards."""
        self._await(lambda: self.stages() == list(stages), f"cards {stages}", self.stages)

    def await_text(self, selector: str, wanted: str) -> None:
        """Wait until the visible text of these elements has this pattern in it."""

        def seen() -> str:
            return self.text(selector)

        self._await(lambda: re.search(wanted, seen()), f"{wanted!r} in {selector}", seen)

    def _await(
        self, condition: Callable[[], object], what: str, instead: Callable[[], object]
    ) -> None:
        try:
            wait_until(condition, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {instead()!r}") from None

    def await_slider(self) -> Any:
        """The slider of the first comparison, once both pictures are there."""
        wait_until(lambda: self.all(".divider"), "the slider")
        return self.one(".divider")

    def downloaded(self, name: str) -> bytes:
        """The file of this name once it is downloaded whole."""
        file = self.browser.downloads / name
        self._await(
            lambda: file.is_file() and file.stat().st_size,
            name,
            lambda: sorted(self.browser.downloads.iterdir()),
        )
        content = file.read_bytes()
        file.unlink()
        return content

    def accessible(self, role: str) -> Iterator[dict[str, Any]]:
        """The nodes of the accessibility tree with this role, as name, value text and more."""
        for node in self.browser.command("Accessibility.getFullAXTree")["nodes"]:
            if not node.get("ignored") and node.get("role", {}).get("value") == role:
                properties = {
                    each["name"]: each["value"].get("value") for each in node["properties"]
                }
                yield properties | {"name": node["name"]["value"]}

    def spoken(self) -> str:
        """All that a screen reader has been told."""
        said: str = self.browser.run(
            "return [...document.querySelectorAll('#said p, #warned p')]"
            ".map((line) => line.textContent).join(' ')"
        )
        return said
