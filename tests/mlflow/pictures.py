"""Pictures of web pages by a Chromium without a window, after some seconds of real time: charts are
drawn by threads of the page, for which the time that `--virtual-time-budget` makes up does not pass.

    pictures.py CHROMIUM PROFILE (OUT.png URL WIDTH HEIGHT)...
"""

import base64
import fcntl
import json
import os
import subprocess
import sys
import time

# What a page of MLflow mostly takes on a slow machine, and how much longer one is waited for that
# shows nothing yet.
SECONDS, LONGEST = 20, 120
# A page that is drawn has more characters than this.
FEWEST = 100


class Browser:
    """Speaks the protocol of the developer tools over a pair of pipes."""

    def __init__(self, chromium, profile):
        # Above the two numbers that the browser wants them to have.
        to_browser, self.out = (fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in os.pipe())
        self.into, from_browser = (fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in os.pipe())
        flags = (
            "--headless --no-sandbox --disable-gpu --no-first-run --hide-scrollbars "
            "--disable-background-networking --disable-component-update --disable-sync"
        ).split()
        self.process = subprocess.Popen(
            [chromium, *flags, f"--user-data-dir={profile}", "--remote-debugging-pipe"],
            preexec_fn=lambda: (os.dup2(to_browser, 3), os.dup2(from_browser, 4)),
            pass_fds=(3, 4),
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self.rest = b""
        self.count = 0

    def ask(self, method, session=None, **params):
        self.count += 1
        message = {"id": self.count, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.count:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']}")
                return answer["result"]

    def read(self):
        while b"\0" not in self.rest:
            more = os.read(self.into, 1 << 16)
            if not more:
                sys.exit("the browser ended")
            self.rest += more
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def picture(self, path, url, width, height):
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            session,
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.ask("Page.navigate", session, url=url)
        time.sleep(SECONDS)
        deadline = time.monotonic() + LONGEST
        while self.characters(session) < FEWEST:
            if time.monotonic() > deadline:
                sys.exit(f"{url} is still empty: no picture is taken")
            time.sleep(1)
        data = self.ask("Page.captureScreenshot", session, format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
        self.ask("Target.closeTarget", targetId=target)
        print(path)

    def characters(self, session):
        """How much text a page shows."""
        text = "document.body ? document.body.innerText.length : 0"
        return self.ask("Runtime.evaluate", session, expression=text)["result"]["value"]


def main():
    chromium, profile, *pages = sys.argv[1:]
    browser = Browser(chromium, profile)
    try:
        for at in range(0, len(pages), 4):
            path, url, width, height = pages[at : at + 4]
            browser.picture(path, url, int(width), int(height))
    finally:
        browser.process.terminate()
        browser.process.wait()


main()
