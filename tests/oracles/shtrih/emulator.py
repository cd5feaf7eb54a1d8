"""The emulated printer as a child process: its pty, and its control channel."""

import json
import os
import socket
import subprocess

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))


def build(release=False):
    """Builds the emulator and gives its path."""
    # `dev` and `test` are built into the folder `debug`.
    profile = "release" if release else os.environ.get("GALLEY_PROFILE", "dev")
    command = ["cargo", "build", "--quiet", "-p", "galley-shtrih-m", "--example", "emulator",
               "--features", "emulator", "--profile", profile]
    subprocess.run(command, cwd=ROOT, check=True)
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
    return os.path.join(target, {"dev": "debug", "test": "debug"}.get(profile, profile), "examples", "emulator")


class Emulator:
    """One printer. `path` is the serial line to open."""

    def __init__(self, program, *arguments):
        self.process = subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, text=True)
        self.path, _, control = (self.process.stdout.readline().strip() for _ in range(3))
        host, _, port = control.rpartition(":")
        self.control = socket.create_connection((host, int(port))).makefile("rw")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.control.close()
        self.process.terminate()
        self.process.wait(timeout=10)

    def order(self, **order):
        self.control.write(json.dumps(order) + "\n")
        self.control.flush()
        answer = json.loads(self.control.readline())
        if isinstance(answer, dict) and "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def documents(self):
        return self.order(do="documents")

    def counts(self):
        return self.order(do="counts")
