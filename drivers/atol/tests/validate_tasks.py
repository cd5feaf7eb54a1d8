#!/usr/bin/env python3
"""Runs the vendor's own JSON validator over a folder of tasks.

    npm install --ignore-scripts node-atol-wrapper@0.0.28          # anywhere outside of the sources
    mkdir tasks; GALLEY_TASKS_DIR=$PWD/tasks cargo test -p galley-atol --test web_tasks every_task
    python3 validate_tasks.py node_modules/node-atol-wrapper/src tasks

The library is proprietary: it is used as an oracle, never shipped. It works without a device, but keeps its logs and
settings under $HOME: give it a temporary one.

Corrections need a connected device there (their rules depend on the format it registers), so their answer is only
looked at for "field ... is wrong". Exit code 1 when a task is rejected, 2 when the validator itself does not bite.
"""

import ctypes
import json
import pathlib
import re
import sys


def parameter(header: str, wanted: str) -> int:
    """The number of a constant in the enum of parameters."""
    body = re.search(r"enum libfptr_param\s*\{(.*?)\}", header, re.S).group(1)
    names, value = {}, -1
    for line in body.split(","):
        line = re.sub(r"//.*|/\*.*?\*/", "", line).strip()
        if not line:
            continue
        name, _, given = (part.strip() for part in line.partition("="))
        value = sum(names[p] if p in names else int(p, 0) for p in re.split(r"\s*\+\s*", given)) if given else value + 1
        names[name] = value
    return names[wanted]


class Validator:
    def __init__(self, source: pathlib.Path):
        folder = source / "linux-x64"
        for name in ("libusb-1.0.so.0", "libudev.so.0"):
            try:
                ctypes.CDLL(str(folder / name), mode=ctypes.RTLD_GLOBAL)
            except OSError:
                pass
        self.lib = ctypes.CDLL(str(folder / "libfptr10.so"))
        self.lib.libfptr_set_param_str.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_wchar_p]
        self.lib.libfptr_validate_json.argtypes = [ctypes.c_void_p]
        self.lib.libfptr_error_code.argtypes = [ctypes.c_void_p]
        self.lib.libfptr_error_description.argtypes = [ctypes.c_void_p, ctypes.c_wchar_p, ctypes.c_int]
        self.json = parameter((source / "libfptr10.h").read_text(), "LIBFPTR_PARAM_JSON_DATA")
        self.handle = ctypes.c_void_p()
        if self.lib.libfptr_create(ctypes.byref(self.handle)) != 0:
            sys.exit("the library does not start")

    def check(self, text: str) -> tuple[int, str]:
        self.lib.libfptr_set_param_str(self.handle, self.json, text)
        if self.lib.libfptr_validate_json(self.handle) == 0:
            return 0, ""
        words = ctypes.create_unicode_buffer(2048)
        self.lib.libfptr_error_description(self.handle, words, 2048)
        return self.lib.libfptr_error_code(self.handle), words.value


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    validator = Validator(pathlib.Path(sys.argv[1]).resolve())
    # It must bite, or its silence means nothing.
    for broken in (
        '{"type":"sell","items":[],"payments":[{"type":"bad","sum":1}]}',
        '{"type":"sell","items":[{"type":"position","price":1,"quantity":1,"amount":1,"tax":{"type":"vat9"}}],"payments":[]}',
        '{"type":"cashIn","cashSum":"1"}',
    ):
        if validator.check(broken)[0] != 501:
            print("the validator takes", broken)
            sys.exit(2)
    rejected = without = total = 0
    for path in sorted(pathlib.Path(sys.argv[2]).glob("*.json")):
        text = path.read_text()
        kind = json.loads(text)["type"]
        code, words = validator.check(text)
        total += 1
        if code in (0, 504):
            without += code == 504
            continue
        if kind.endswith("Correction") and code != 501:
            without += 1
            continue
        rejected += 1
        print(f"{path.name}: {code} {words}")
    print(f"{total} tasks, {rejected} rejected, {without} of kinds that can't be judged without a device")
    sys.exit(1 if rejected or not total else 0)


if __name__ == "__main__":
    main()
