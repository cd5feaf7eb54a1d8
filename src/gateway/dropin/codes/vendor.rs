//! The vendor's codes that are named here, and what they say to a cashier. [source: atol.md 3.8; the words are ours]

pub(super) const BAD_PARAMETER: u16 = 13;
pub(super) const SETTING_DENIED: u16 = 191;
pub(super) const NOT_PAID: u16 = 66;
pub(super) const TOTAL_OVERFLOW: u16 = 63;
pub(super) const SHIFT_EXPIRED: u16 = 68;
pub(super) const SHIFT_CLOSED: u16 = 73;
pub(super) const CLOCK: u16 = 77;
pub(super) const NOT_ENOUGH_CASH: u16 = 80;
pub(super) const RECEIPT_CLOSED: u16 = 81;
pub(super) const RECEIPT_OPEN: u16 = 82;
pub(super) const SHIFT_OPEN: u16 = 83;
pub(super) const NOT_REGISTERED: u16 = 89;
pub(super) const COUNTERS: u16 = 106;
pub(super) const DRIVE_STATE: u16 = 117;
pub(super) const DRIVE_FAULT: u16 = 118;
pub(super) const DRIVE_CRYPTO: u16 = 119;
pub(super) const DRIVE_ARCHIVE_FULL: u16 = 121;
pub(super) const DRIVE_INTERFACE: u16 = 159;
pub(super) const HARD_FAULT: u16 = 165;
pub(super) const TOTAL: u16 = 227;
pub(super) const MARK_WRONG_STATE: u16 = 404;
pub(super) const MARK_BLOCKED: u16 = 407;
pub(super) const MARK_WRONG: u16 = 409;
pub(super) const MARK_UNCHECKED: u16 = 420;

/// What a code says, for the screen of a till.
pub(super) fn words(code: u16) -> Option<&'static str> {
    Some(match code {
        0 => "Ошибок нет",
        1 | 2 => "Нет связи с кассой",
        3 => "Порт кассы занят",
        5 => "Касса прислала непонятный ответ",
        11 => "Не поддерживается этой кассой",
        12 => "Недоступно в текущем режиме кассы",
        BAD_PARAMETER => "Неверный параметр",
        15 => "Неизвестная ошибка",
        16 => "Неверная цена или сумма",
        17 => "Неверное количество",
        26 | 27 => "Неверный формат команды",
        28 | 29 | 35 => "Нужно подтвердить дату и время",
        30 => "Данных больше нет",
        36 => "Часы отстают от последнего фискального документа",
        40 => "Чек слишком длинный для кассы",
        44 => "Нет бумаги",
        45 => "Открыта крышка",
        46 => "Нет связи с печатающей головкой",
        47 => "Неисправна печать",
        48 => "Недопустимо в чеке этого типа",
        52 => "Безналичная оплата больше суммы чека",
        55 | 72 => "Касса занята предыдущей операцией",
        61 | TOTAL_OVERFLOW => "Переполнение суммы",
        62 => "Запрещено настройками кассы",
        NOT_PAID => "Чек оплачен не полностью",
        SHIFT_EXPIRED | 141 => "Смена длится больше 24 часов",
        71 => "Неверный пароль",
        SHIFT_CLOSED => "Смена закрыта",
        74..=76 => "Нет такого поля таблицы",
        CLOCK | 122 => "Неверные дата или время",
        NOT_ENOUGH_CASH => "В ящике недостаточно наличных",
        RECEIPT_CLOSED => "Чек закрыт",
        RECEIPT_OPEN => "Открыт другой чек",
        SHIFT_OPEN => "Смена открыта",
        NOT_REGISTERED => "Касса не зарегистрирована",
        93 => "Документа нет",
        COUNTERS => "Номера смен кассы и ФН расходятся",
        114 => "Печатающая головка перегрета",
        113 | 115..=121 | 133 | 134 | DRIVE_INTERFACE => "Ошибка фискального накопителя",
        123 => "В фискальном накопителе нет таких данных",
        130 => "В кассе другой фискальный накопитель",
        132 => "Не хватает питания",
        135 => "Нет связи с ОФД",
        136 => "Исчерпан ресурс фискального накопителя",
        137 | 139 | 140 => "Документы слишком долго не переданы в ОФД",
        138 => "Сообщение ОФД отклонено",
        142 => "Часы расходятся больше чем на 5 минут",
        150 => "Неисправен отрезчик",
        161 => "Не хватает обязательного реквизита",
        HARD_FAULT => "Неисправность кассы",
        180 => "Неисправна память кассы",
        SETTING_DENIED => "Настройку нельзя изменить",
        194 | TOTAL => "Неверный итог",
        241 => "Связь с кассой пропала во время операции",
        249 => "Задание отменено",
        401 => "Проверка кода маркировки уже идёт",
        402 => "Нет связи с сервером маркировки",
        403 => "Проверка кода маркировки прервана",
        MARK_WRONG_STATE => "Проверка кода маркировки не начата",
        MARK_BLOCKED => "Работа с маркировкой временно заблокирована",
        408 => "Слишком много кодов маркировки",
        MARK_WRONG => "Неверный код маркировки",
        413 => "Этот формат фискальных данных не знает маркировки",
        MARK_UNCHECKED => "Код маркировки не проверен",
        421 => "Сервер маркировки не ответил вовремя",
        422 => "Кода маркировки нет в таблице кассы",
        501 => "Задание не читается",
        502 => "Не выполнено: предыдущее задание запроса не удалось",
        505 => "Ошибка сервера",
        _ => return None,
    })
}

/// The vendor's word for some of them, beside the code. [source: scripts of the vendor's driver 10.10.8]
pub(in crate::gateway::dropin) fn error_word(code: u16) -> Option<&'static str> {
    Some(match code {
        401 => "imcCheckIsRun",
        402 => "serverNoConnect",
        403 => "imcCheckBreak",
        MARK_WRONG_STATE => "imcCheckWrongState",
        421 => "responseTimeout",
        422 => "noImcInTable",
        _ => return None,
    })
}
