"""Twenty short documents about a town that does not exist, ten in each language, and a question to each of them."""

from __future__ import annotations

RUSSIAN = (
    ("Мост через реку Велму открыли в 1954 году. Его длина 312 метров.", "Когда открыли мост через Велму?"),
    ("Городская библиотека хранит 48 тысяч книг. По средам она закрыта.", "В какой день закрыта библиотека?"),
    ("Школа № 7 стоит на улице Садовой. В ней учатся 640 детей.", "Сколько детей учится в седьмой школе?"),
    ("Стекольный завод выпускает бутылки для молока. Директор завода — Ирина Лапина.", "Кто руководит заводом?"),
    ("Автобус № 12 ходит от вокзала до больницы каждые 15 минут.", "Как часто ходит автобус до больницы?"),
    ("Бюджет города на 2024 год составил 3,2 миллиарда рублей.", "Какой был бюджет города в 2024 году?"),
    ("Парк имени Шишкина занимает 24 гектара. Дубы в нём посадили после войны.", "Какова площадь парка?"),
    ("Водопровод на Заречной улице меняют с мая по август.", "Когда меняют водопровод на Заречной?"),
    ("Музей льна показывает прялки девятнадцатого века. Вход стоит 150 рублей.", "Сколько стоит вход в музей?"),
    ("Хор «Рассвет» победил на конкурсе в Костроме и получил серебряный кубок.", "Где победил хор?"),
)
ENGLISH = (
    ("The lighthouse on Gull Point was lit in 1871. It stands 29 metres high.", "When was the lighthouse lit?"),
    ("The fish market opens at five in the morning and closes at noon.", "When does the fish market open?"),
    ("Doctor Amy Hollis heads the harbour hospital. It has 85 beds.", "Who heads the hospital?"),
    ("The ferry to Long Island takes forty minutes and carries twelve cars.", "How long does the ferry take?"),
    ("The council voted to plant 300 lime trees along Station Road.", "How many trees will be planted?"),
    ("The brewery burnt down in 1932 and was rebuilt of brick.", "What happened to the brewery in 1932?"),
    ("Waste paper is collected on the first Monday of each month.", "On which day is paper collected?"),
    ("The observatory holds a telescope with a mirror of two metres.", "How large is the telescope's mirror?"),
    ("The rowing club won the county cup three years in a row.", "Which cup did the rowing club win?"),
    (
        "A storm in January damaged the northern pier; repairs cost 90,000 pounds.",
        "What did the pier's repairs cost?",
    ),
)
BY_LANGUAGE = {"ru": RUSSIAN, "en": ENGLISH}
TEXTS = {f"{code}-{at}.txt": f"{text}\n" for code, pairs in BY_LANGUAGE.items() for at, (text, _) in enumerate(pairs)}
QUESTIONS = [question for pairs in BY_LANGUAGE.values() for _, question in pairs]
