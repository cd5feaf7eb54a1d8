"""pyshtrih, made to run on a Python of today, over one line."""

import collections
import collections.abc

# unilog, which pyshtrih prints with, uses names that left `collections` in Python 3.10.
for name in ("Mapping", "Iterable", "Callable"):
    if not hasattr(collections, name):
        setattr(collections, name, getattr(collections.abc, name))

import pyshtrih  # noqa: E402


def connect(path, timeout=3):
    device = pyshtrih.ShtrihM01F(path, 115200, timeout=timeout, password=1, admin_password=30)
    device.connect()
    return device


def receipt_ffd(device, password, name, price, quantity=1, kind=1, vat=0x08, system=1, cash=None):
    """A receipt by FF46 and FF45, which pyshtrih has no methods for, through its protocol layer."""
    total = price * quantity
    device.open_check({1: 0, 2: 2, 3: 1, 4: 3}[kind])
    money = lambda value: value.to_bytes(5, "little")
    item = bytes([kind]) + (quantity * 1000000).to_bytes(6, "little") + money(price)
    item += b"\xff" * 10 + bytes([vat, 1, 4, 1]) + name.encode("cp1251")
    answer = device.protocol.command(0xFF46, password, bytearray(item))
    if answer[0] != 0:
        raise RuntimeError("FF46 refused: %02X" % answer[0])
    close = money(total if cash is None else cash) + bytes(75) + b"\x00" + bytes(30) + bytes([system])
    answer = device.protocol.command(0xFF45, password, bytearray(close))
    if answer[0] != 0:
        raise RuntimeError("FF45 refused: %02X" % answer[0])
    return {
        "change": int.from_bytes(answer[1:6], "little"),
        "number": int.from_bytes(answer[6:10], "little"),
        "sign": int.from_bytes(answer[10:14], "little"),
    }
