#!/usr/bin/env python3
"""Draws the dishes of the demonstration's menu: draw.py FOLDER [DISH …]. Needs numpy, scipy and Pillow (PyPI).

Then `galley menu pictures FOLDER --out src/demo/pictures` makes the files the demonstration serves, and says what
stands in src/demo/menu.toml. The same numbers give the same pictures; DRAFT=1 gives small ones, quickly."""

import os
import sys
import zlib
from pathlib import Path

from dishes import ALL
from table import Table


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    draft = bool(os.environ.get("DRAFT"))
    for name in sys.argv[2:] or ALL:
        table = Table(zlib.crc32(name.encode()), 600 if draft else 1200)
        ALL[name](table)
        table.picture(640 if draft else 1280).save(folder / f"{name}.png", optimize=True)
        print(name)


main()
