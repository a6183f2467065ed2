#!/usr/bin/env python3
r"""Draws a terminal's output as SVG: ANSI text on standard input, SVG on standard output.

The picture of the README is made by

    file=fixtures/order-list/as-found.otlp.zst target='GET /orders p99<500ms'
    CLICOLOR_FORCE=1 whyslow diagnose $file --target "$target" |
        docs/picture.py "\$ whyslow diagnose $file --target '$target'" >docs/diagnosis.svg

The argument is shown as the first line. Colours are those that whyslow writes; anything else is an error,
so that the picture never lies.
"""

import re
import sys
import unicodedata
from xml.sax.saxutils import escape

COLUMN, ROW, SIZE, MARGIN = 8.4, 19, 14, 18
BACKGROUND, TEXT, FAINT = "#14181f", "#d6dae1", "#8791a0"
COLOURS = {31: "#f2777a", 32: "#7fc98b", 33: "#eac26a", 34: "#6ea8e6"}
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
CODE = re.compile(r"\x1b\[([0-9;]*)m")
BLOCKS = " ▏▎▍▌▋▊▉█"


def columns(text):
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def runs(line):
    """Pieces of one look: (colour, bold, text)."""
    colour, bold = TEXT, False
    for place, part in enumerate(CODE.split(line)):
        if place % 2 == 0:
            if part:
                yield colour, bold, part
            continue
        for code in (int(code or 0) for code in part.split(";")):
            if code == 0:
                colour, bold = TEXT, False
            elif code == 1:
                bold = True
            elif code == 2:
                colour = FAINT
            elif code in COLOURS:
                colour = COLOURS[code]
            else:
                raise SystemExit(f"error: code {code} has no colour here")


def draw(line, top):
    x = MARGIN
    for colour, bold, text in runs(line):
        width = columns(text) * COLUMN
        if set(text) <= set(BLOCKS):
            bar = sum(BLOCKS.index(character) / 8 for character in text) * COLUMN
            yield f'<rect x="{x:.1f}" y="{top + 4}" width="{bar:.1f}" height="{ROW - 7}" fill="{colour}"/>'
        elif text.strip():
            shown = text.strip(" ")
            start = x + columns(text[: text.index(shown)]) * COLUMN
            weight = ' font-weight="bold"' if bold else ""
            yield (
                f'<text x="{start:.1f}" y="{top + SIZE}" fill="{colour}"{weight} '
                f'textLength="{columns(shown) * COLUMN:.1f}" lengthAdjust="spacingAndGlyphs">{escape(shown)}</text>'
            )
        x += width


def picture(lines):
    width = max(columns(CODE.sub("", line)) for line in lines) * COLUMN + 2 * MARGIN
    height = len(lines) * ROW + 2 * MARGIN
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
        f'viewBox="0 0 {width:.0f} {height}" font-family="{FONT}" font-size="{SIZE}" xml:space="preserve">'
    )
    yield f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>'
    for number, line in enumerate(lines):
        yield from draw(line, MARGIN + number * ROW)
    yield "</svg>"


def main():
    given = [f"\x1b[2m{argument}\x1b[0m" for argument in sys.argv[1:]]
    lines = given + ([""] if given else []) + sys.stdin.read().splitlines()
    print("\n".join(picture(lines)))


main()
