"""pyshtrih's receipts a second against the same emulator and over the same kind of line as `benches/receipts.rs`: one
line, paid in cash. The classic path (open, sale, close) is its own; FF46 and FF45 go through its protocol layer."""

import sys
import time
import warnings

warnings.simplefilter("ignore")

import emulator  # noqa: E402
from client import connect, receipt_ffd  # noqa: E402


def classic(device):
    device.open_check(0)
    device.sale(("Кофе", 1000, 15000), tax1=4)
    device.close_check(cash=15000)
    device.wait_printing()


def ffd(device):
    receipt_ffd(device, 1, "Кофе", 15000)
    device.wait_printing()


def measure(program, name, sell, real, count):
    with emulator.Emulator(program, *(["--real"] if real else [])) as printer:
        device = connect(printer.path, timeout=10)
        device.open_shift()
        sell(device)
        before = printer.counts()["device_ms"]
        times = []
        began = time.perf_counter()
        for _ in range(count):
            start = time.perf_counter()
            sell(device)
            times.append(time.perf_counter() - start)
        took = time.perf_counter() - began
        spent = (printer.counts()["device_ms"] - before) / 1000
        device.disconnect()
    times.sort()
    at = lambda percent: times[min(len(times) * percent // 100, len(times) - 1)] * 1000
    tail = "device %.2f ms each, %.3f of it" % (spent * 1000 / count, took / spent) if spent else "device 0"
    print("pyshtrih pty %s: %d receipts, %.1f/s, p50 %.2f ms, p99 %.2f ms, %s"
          % (name, count, count / took, at(50), at(99), tail))


def main():
    program = emulator.build(release=True)
    halves = [h for h in ("zero", "real") if len(sys.argv) < 2 or sys.argv[1] == h]
    for name, sell in (("classic", classic), ("FF46/FF45", ffd)):
        if "zero" in halves:
            measure(program, name, sell, False, 150)
        if "real" in halves:
            measure(program, name, sell, True, 5)


if __name__ == "__main__":
    main()
