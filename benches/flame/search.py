"""`search.py PAGE...`: how long pages take in a browser to open, and to find, the best of five."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tests" / "flame_viewer"))
from browser import Browser

SEARCHES = ["f", "io|read", "^[a-m].*[0-9]$", "nothing of that name"]


def main():
    with Browser() as browser:
        browser.size(1400, 800)
        for path in sys.argv[1:]:
            browser.open(pathlib.Path(path).resolve().as_uri())
            browser.wait_for("typeof page !== 'undefined' && page.state !== null && ids.message.hidden")
            opened = browser.run("performance.now()")
            took = [min(found(browser, text) for _ in range(5)) for text in SEARCHES]
            nodes = browser.run("page.tree.count")
            print(f"{path}: {nodes:,} nodes, open after {opened:.0f} ms, search {min(took):.0f} to {max(took):.0f} ms")


def found(browser, text):
    return browser.run(f"(() => {{ const start = performance.now(); setState({{ search: {text!r} }}); paintNow(); return performance.now() - start; }})()")


main()
