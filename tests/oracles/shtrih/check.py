"""pyshtrih, which knows nothing of Galley, drives Galley's emulated Shtrikh-M printer; its answers and the documents in
the emulated drive are compared. Then the same fault strikes pyshtrih and Galley's driver: an ACK that is lost."""

import os
import subprocess
import sys
import warnings

warnings.simplefilter("ignore")

import emulator  # noqa: E402
from client import connect, pyshtrih, receipt_ffd  # noqa: E402


def same(what, got, wanted):
    if got != wanted:
        raise SystemExit("%s: got %r, wanted %r" % (what, got, wanted))


def day(program):
    """A day in pyshtrih's hands."""
    with emulator.Emulator(program) as printer:
        found = list(pyshtrih.discovery(port=printer.path, baudrate=115200))
        same("discovery", [type(d).__name__ for d in found], ["ShtrihM01F"])
        for device in found:
            device.disconnect()
        device = connect(printer.path)
        same("name", device.name, "ШТРИХ-М-01Ф")
        full = device.full_state()
        same("serial", full["Заводской номер"], 48485)
        same("build", full["Сборка ПО ФР"], 664)
        same("date", str(full["Дата"]), "2026-07-01")
        same("mode closed", device.state()["Режим ФР"].num, 4)
        same("flags", full["Флаги ФР"]["Оптический датчик чековой ленты"], 1)
        device.open_shift()
        same("mode open", device.state()["Режим ФР"].num, 2)

        # The classic path.
        device.open_check(0)
        device.sale(("Кофе", 1000, 15000), tax1=1)
        same("mode receipt", device.state()["Режим ФР"].state, (8, 0))
        closed = device.close_check(cash=20000)
        same("change", closed["Сдача"], 5000)
        # The path of today, and a return.
        sold = receipt_ffd(device, 1, "Суп дня", 35000, 2, cash=100000)
        same("change", sold["change"], 30000)
        back = receipt_ffd(device, 1, "Суп дня", 35000, kind=2)
        same("numbers", (sold["number"], back["number"]), (4, 5))

        status = device.fs_state()
        same("last document", status["Номер последнего ФД"], 5)
        same("drive", bytes(status["Номер ФН"]), b"9999078902019097")
        same("shift", status["Состояние смены"], "смена открыта")
        head = device.fs_find_document_by_num(sold["number"])
        data = bytes(head["Данные фискального документа"])
        same("kind", head["Тип фискального документа"], 3)
        same("sign", int.from_bytes(data[9:13], "little"), sold["sign"])
        same("operation and total", (data[13], int.from_bytes(data[14:19], "little")), (1, 70000))
        shift = device.fs_shift_params()
        same("shift", (shift["Номер смены"], shift["Номер чека"]), (1, 3))
        queue = device.fs_info_exchange()
        same("queue", queue["Количество сообщений для ОФД"], 0)
        same("unconfirmed", device.fs_unconfirmed_document_count()["Количество неподтверждённых ФД"], 0)
        same("expiry", str(device.fs_expiration_time()["Срок действия"]), "2028-01-01")

        # Cash, registers, tables.
        device.income(100000)
        device.outcome(20000)
        drawer = device.request_monetary_register(241)["Содержимое регистра"]
        same("drawer", drawer, 15000 + 70000 - 35000 + 100000 - 20000)
        same("ins", device.request_operational_register(153)["Содержимое регистра"], 1)
        same("sales", device.request_operational_register(144)["Содержимое регистра"], 2)
        same("cash of sales", device.request_monetary_register(193)["Содержимое регистра"], 85000)
        same("cash of returns", device.request_monetary_register(195)["Содержимое регистра"], 35000)
        same("ffd", device.read_table(17, 1, 17, int)["Значение"], 4)
        device.write_table(4, 2, 1, "ДОБРО ПОЖАЛОВАТЬ", str)
        same("header", device.read_table(4, 2, 1, str)["Значение"], "ДОБРО ПОЖАЛОВАТЬ")
        same("table", device.request_table_structure(17)["Название таблицы"], "РЕГИОНАЛЬНЫЕ НАСТРОЙКИ")
        device.request_field_structure(17, 17)

        # What is refused, with pyshtrih's own words for the code.
        refusals = [
            (lambda: device.open_shift(), 0x3C),
            (lambda: device.outcome(10 ** 9), 0x46),
            (lambda: device.set_time(full["Время"]), 0x73),
        ]
        for call, code in refusals:
            try:
                call()
            except pyshtrih.Error as error:
                same("refusal", error.code, code)
            else:
                raise SystemExit("refusal %02X did not come" % code)

        # Paper, and a cancelled receipt.
        device.print_string("Кухня: 1 суп")
        device.print_line()
        device.feed(2, cash_tape=True)
        device.open_drawer()
        device.open_check(0)
        device.sale(("Кофе", 1000, 15000))
        device.cancel_check()
        device.repeat()
        device.cut(True)
        device.x_report()
        # A tag in the shift's closing, and the report.
        device.fs_begin_close_shift()
        device.send_tlv_struct(bytearray(b"\xfd\x03\x06\x00") + bytearray("Иванов".encode("cp866")))
        device.z_report()
        same("mode closed", device.state()["Режим ФР"].num, 4)
        device.disconnect()

        documents = printer.documents()
        same("kinds", [d["kind"] for d in documents], [1, 2, 3, 3, 3, 5])
        same("totals", [d["total_minor"] for d in documents[2:5]], [15000, 70000, 35000])
        same("operations", [d["operation"] for d in documents[2:5]], [1, 1, 2])
        same("name", documents[3]["lines"][0]["name"], "Суп дня")
        same("quantity", documents[3]["lines"][0]["quantity_micro"], 2000000)
        same("signs", (documents[3]["sign"], documents[4]["sign"]), (sold["sign"], back["sign"]))
        same("tags", documents[5]["tags"], [[1021, list("Иванов".encode("cp866"))]])
        paper = printer.order(do="paper", lines=400)
        same("slip", [line for line in paper if line.startswith("Кухня")], ["Кухня: 1 суп"])
        snapshot = printer.order(do="snapshot")
        same("counts", (snapshot["cancelled"], snapshot["cuts"], snapshot["drawer_opened"]), (1, 1, 1))
    print("pyshtrih: a day of 5 documents, 2 of cash, tables, registers, refusals, paper: as it expects")


def noise(program):
    """What pyshtrih gets over, it gets over here too."""
    for fault in ("wrong_sum", "not_taken"):
        with emulator.Emulator(program) as printer:
            device = connect(printer.path, timeout=1)
            device.open_shift()
            device.open_check(0)
            printer.order(do="fault", what={"fault": fault}, at={"command": 0x80})
            device.sale(("Кофе", 1000, 15000))
            device.close_check(cash=15000)
            device.disconnect()
            same(fault, [len(d["lines"]) for d in printer.documents()[2:]], [1])
    print("pyshtrih: a wrong checksum and a refused frame cost nothing")


def paper_ends(program):
    """Paper that ends and comes back: pyshtrih goes on by itself with B0h."""
    with emulator.Emulator(program) as printer:
        device = connect(printer.path, timeout=1)
        device.open_shift()
        printer.order(do="fault", what={"fault": "paper_ends", "registered": True}, at={"command": 0x85})
        device.open_check(0)
        device.sale(("Кофе", 1000, 15000))
        device.close_check(cash=15000)
        same("submode", device.state()["Подрежим ФР"].num, 2)
        printer.order(do="fault", what={"fault": "paper_back"})
        same("submode", device.state()["Подрежим ФР"].num, 3)
        device.open_check(0)
        same("submode", device.state()["Подрежим ФР"].num, 0)
        device.cancel_check()
        device.disconnect()
    print("pyshtrih: paper that ends in a receipt is gone on with")


def lost_ack(program):
    """The comparison: the ACK of an item is lost."""
    with emulator.Emulator(program) as printer:
        device = connect(printer.path, timeout=1)
        device.open_shift()
        device.open_check(0)
        # The reply, too, so that the client can't see by it that the command was taken.
        printer.order(do="fault", what={"fault": "ack_lost"}, at={"command": 0x80})
        printer.order(do="fault", what={"fault": "reply_lost"}, at={"command": 0x80})
        device.sale(("Кофе", 1000, 15000))
        device.close_check(cash=50000)
        device.disconnect()
        theirs = [len(d["lines"]) for d in printer.documents()[2:]]
    same("pyshtrih after a lost ACK", theirs, [2])
    # Galley's driver: the test does the same with FF46, over the same emulator.
    command = ["cargo", "test", "--quiet", "--profile", os.environ.get("GALLEY_PROFILE", "test"), "--workspace", "--test", "wire",
               "an_item_whose_ack_is_lost_is_registered_once"]
    run = subprocess.run(command, cwd=emulator.ROOT, capture_output=True, text=True)
    if run.returncode != 0 or "1 passed" not in run.stdout:
        raise SystemExit("Galley's driver after a lost ACK:\n" + run.stdout + run.stderr)
    print("a lost ACK: pyshtrih sold 1 coffee and registered 2; Galley's driver registered 1")


def main():
    program = emulator.build()
    for part in (day, noise, paper_ends, lost_ack):
        part(program)


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    main()
