"""A headless browser; tests of pages are skipped where there is no browser."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(
    PROGRAM is None, reason="neither chromium, chromium-browser nor google-chrome is installed"
)


class Browser:
    """One tab of a headless browser, controlled with the DevTools protocol over pipes, so that it needs no port."""

    def __init__(self, program: str, profile: Path) -> None:
        (their_in, our_out), (our_in, their_out) = os.pipe(), os.pipe()

        def connect() -> None:
            ends = os.dup(their_in), os.dup(their_out)
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        switches = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        switches += ["--remote-debugging-pipe", "--hide-scrollbars", f"--user-data-dir={profile}"]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(
            [program, *switches], preexec_fn=connect, close_fds=False, stdout=quiet, stderr=quiet
        )
        os.close(their_in)
        os.close(their_out)
        self._out, self._in = os.fdopen(our_out, "wb", 0), os.fdopen(our_in, "rb")
        self._count, self._session, self._events = 0, "", list[dict[str, Any]]()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        message |= {"sessionId": self._session} if self._session else {}
        self._out.write(json.dumps(message).encode() + b"\0")
        while (got := self._received()).get("id") != self._count:
            self._events.append(got)
        assert "error" not in got, got
        return got["result"]

    def _received(self) -> dict[str, Any]:
        text = bytearray()
        while (letter := self._in.read(1)) != b"\0":
            assert letter, "the browser has exited"
            text += letter
        return dict(json.loads(text))

    def open(self, path: str | Path, *, width: int = 1000, dark: bool = False) -> None:
        """Open a page and wait until it has loaded."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self._events.clear()
        self.call("Page.navigate", url=Path(path).resolve().as_uri())
        while not self._seen("Page.loadEventFired"):
            self._events.append(self._received())

    def _seen(self, *methods: str) -> list[dict[str, Any]]:
        return [event["params"] for event in self._events if event["method"] in methods]

    def run(self, script: str) -> Any:
        """Run a script and return its value."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def texts(self, selector: str) -> list[str]:
        return list(self.run(f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.textContent)"))

    def complaints(self) -> list[dict[str, Any]]:
        """Return everything on the console."""
        self.run("new Promise(done => setTimeout(done, 50))")
        return self._seen("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")

    def requests(self) -> list[str]:
        return [event["request"]["url"] for event in self._seen("Network.requestWillBeSent")]

    def close(self) -> None:
        self.call("Browser.close")
        self._process.wait(timeout=20)
        self._out.close()
        self._in.close()
