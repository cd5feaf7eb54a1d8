#!/usr/bin/env python3
"""The vendor's own driver library (libfptr10.so), through ctypes.

  fptr.py validate LIBRARY FILE...            each FILE holds one JSON task, or an array of them
  fptr.py talk LIBRARY HOST:PORT FILE...      runs every task of the files on a printer, prints one answer a line

Nothing of the library is in this repository; `scripts/oracles` fetches it.
"""

import ctypes
import json
import sys

# libfptr10.h: LIBFPTR_PARAM_JSON_DATA, the same in 10.8.0.0 and 10.10.8.0.
JSON_DATA = 65645
# A task type without a validator is no fault of the task. libfptr10.h: LIBFPTR_ERROR_VALIDATE_FUNC_NOT_FOUND.
NO_VALIDATOR = 504
# What a correction must have depends on the printer's format, so its validator wants a printer.
NOT_CONNECTED = 1


class Fptr:
    def __init__(self, library):
        self.lib = ctypes.CDLL(library)
        self.handle = ctypes.c_void_p()
        self.lib.libfptr_get_version_string.restype = ctypes.c_char_p
        if self.lib.libfptr_create(ctypes.byref(self.handle)) != 0:
            sys.exit("the library can't be set up")

    def version(self):
        return self.lib.libfptr_get_version_string().decode()

    def close(self):
        self.lib.libfptr_close(self.handle)
        self.lib.libfptr_destroy(ctypes.byref(self.handle))

    def _text(self, call, *args):
        size = 1 << 16
        buffer = ctypes.create_unicode_buffer(size)
        call(self.handle, *args, buffer, size)
        return buffer.value

    def error(self):
        code = self.lib.libfptr_error_code(self.handle)
        return code, self._text(self.lib.libfptr_error_description)

    def open(self, host, port):
        settings = {"Port": 2, "IPAddress": host, "IPPort": int(port), "Model": 82, "OfdChannel": 0}
        text = ctypes.c_wchar_p(json.dumps(settings))
        self.lib.libfptr_set_settings(self.handle, text)
        return self.lib.libfptr_open(self.handle) == 0

    def _json(self, call, task):
        self.lib.libfptr_set_param_str(self.handle, JSON_DATA, ctypes.c_wchar_p(task))
        return call(self.handle)

    def validate(self, task):
        """The code and what is wrong; 0 for nothing."""
        if self._json(self.lib.libfptr_validate_json, task) == 0:
            return 0, ""
        return self.error()

    def process(self, task):
        if self._json(self.lib.libfptr_process_json, task) == 0:
            answer = self._text(self.lib.libfptr_get_param_str, JSON_DATA)
            return {"ok": json.loads(answer) if answer.strip() else None}
        code, text = self.error()
        return {"error": code, "text": text}


def tasks(path):
    with open(path, encoding="utf-8") as file:
        found = json.load(file)
    return found if isinstance(found, list) else [found]


# What any validator must refuse: one that takes these says nothing by its silence.
BROKEN = (
    '{"type":"sell","items":[],"payments":[{"type":"bad","sum":1}]}',
    '{"type":"sell","items":[{"type":"position","price":1,"quantity":1,"amount":1,"tax":{"type":"vat9"}}],"payments":[]}',
    '{"type":"cashIn","cashSum":"1"}',
)


def validate(library, paths):
    fptr = Fptr(library)
    for broken in BROKEN:
        if fptr.validate(broken)[0] == 0:
            print("the validator takes", broken)
            return 1
    judged = refused = skipped = 0
    for path in paths:
        for task in tasks(path):
            code, text = fptr.validate(json.dumps(task, ensure_ascii=False))
            if code in (NO_VALIDATOR, NOT_CONNECTED):
                skipped += 1
                continue
            judged += 1
            if code:
                refused += 1
                print(f"{path}: {task.get('type')}: {code} {text}")
    fptr.close()
    print(
        f"{judged} tasks before the validator of {fptr.version()}: {refused} refused; "
        f"{skipped} more have no validator (questions) or want a printer (corrections)"
    )
    return 1 if refused or not judged + skipped else 0


def talk(library, address, paths):
    fptr = Fptr(library)
    host, _, port = address.rpartition(":")
    if not fptr.open(host, port):
        code, text = fptr.error()
        print(json.dumps({"open": {"error": code, "text": text}}, ensure_ascii=False))
        return 1
    failed = 0
    for path in paths:
        for task in tasks(path):
            answer = fptr.process(json.dumps(task, ensure_ascii=False))
            failed += "error" in answer
            print(json.dumps({"type": task["type"], **answer}, ensure_ascii=False), flush=True)
    fptr.close()
    return 1 if failed else 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["validate", library, *paths] if paths:
            sys.exit(validate(library, paths))
        case ["talk", library, address, *paths] if paths:
            sys.exit(talk(library, address, paths))
        case _:
            sys.exit(__doc__)
