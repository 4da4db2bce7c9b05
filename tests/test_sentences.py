"""Where sentences end: a table of cases in both languages, exact offsets for any text, and linear time."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.sentences import sentences

BREAK = "¦"  # stands in the table where a new sentence begins; the white space around it stays in the text

RUSSIAN = {
    "plain": "Первое предложение. ¦Второе предложение! ¦Третье? ¦Да.",
    "decimal_comma": "Оборот вырос до 1,3 млрд долл. и достиг рекорда. ¦Это много.",
    "currency_before_capital": "Сумма составила 1,3 млрд долл. США. ¦Затем она выросла.",
    "city": "Встреча прошла в г. Астана. ¦Она завершилась.",
    "city_after_year": "В 2025 г. Астана приняла гостей.",
    "year_lower": "В 2025 г. подписан договор. ¦В 2026 г. он вступит в силу.",
    "year_new_sentence": "Договор подписан в 2025 г. ¦Он вступит в силу позже.",
    "year_end_new_topic": "Это было в 2024 г. ¦После этого всё изменилось.",
    "years": "В 2020–2024 гг. рост продолжался.",
    "century": "Город основан в XIX в. и быстро рос. ¦В XX в. он стал столицей.",
    "that_is": "Выбрали столицу, т.е. Астану, и уехали.",
    "that_is_spaced": "Выбрали столицу, т. е. Астану, и уехали.",
    "so_called": "Это т. н. «Шёлковый путь» и т.п. маршруты.",
    "and_so_on_middle": "Поставки зерна, нефти и т.д. выросли вдвое.",
    "and_so_on_end": "Поставляют зерно, нефть и т. д. ¦Затем товар везут дальше.",
    "et_al": "Иванов и др. предложили метод. ¦Петров и др. ¦Это всё.",
    "including": "Приехали гости, в т.ч. Ахметов и Ли.",
    "address": "Офис находится по адресу: ул. Абая, д. 5, кв. 12. ¦Звоните.",
    "avenue": "Он живёт на пр. Мангилик Ел. ¦Дом новый.",
    "law": "Согласно ст. 12 п. 3 Закона № 123-ФЗ платёж не облагается налогом. ¦Исключений нет.",
    "law_parts": "См. п. 2 ч. 1 ст. 5 Конституции.",
    "law_number_end": "Это указано в ст. 12. ¦Закон действует с 2020 г.",
    "initials_spaced": "Роман написал А. С. Пушкин в 1833 году. ¦Он известен всем.",
    "initials_after": "Пушкин А.С. родился в Москве.",
    "initials_tight": "Докладчик — А.С. Пушкин. ¦Вопросов не было.",
    "initials_end": "Автор — Пушкин А. С. ¦Он родился в Москве.",
    "initials_three": "Статью Н. Э. Б. Ахметова прочли. ¦Она известна.",
    "initials_many": "Выступили К.-Ж. К. Токаев, М. Б. Шайхутдинов и С. А. Аль Мазруи.",
    "named_after": "Завод им. Ленина закрыт. ¦Театр им. М. Ауэзова открыт.",
    "them": "Он помог им. ¦Затем он ушёл.",
    "thousand": "Зарплата — 500 тыс. руб. в месяц. ¦Премия — 5 млн. ¦Всё.",
    "roubles_end": "Цена — 500 руб. ¦Доставка бесплатна.",
    "professor": "Лекцию прочёл проф. Иванов. ¦Зал был полон.",
    "academician": "Памятник акад. Сатпаеву открыт, см. рис. 5. ¦Там же стоит бюст.",
    "rice": "На обед ели рис. ¦Потом пили чай.",
    "dash_speech": " — Мы согласны! — сказал министр.",
    "dash_speech_two": "— Мы согласны, — сказал министр. ¦— Мы рады.",
    "quote_question_dash": "«Куда?» — спросил он. ¦Никто не ответил.",
    "straight_quote_dash": '"Куда?" — спросил он.',
    "quote_dash_name": "«Куда же вы?» — Иванов обернулся.",
    "quote_closes": 'Он сказал: "Да." ¦И ушёл.',
    "guillemets_close": "Он сказал: «Да!» ¦И ушёл.",
    "bracket_closes": "Рост замедлился (см. табл. 3). ¦Это временно.",
    "bracket_sentence": "Рост замедлился. ¦(Подробнее — в приложении.) ¦Это временно.",
    "ellipsis_lower": "Он думал... и молчал. ¦Потом… ушёл.",
    "ellipsis_upper": "Он долго думал... ¦Потом ушёл.",
    "interrobang": "Неужели?! ¦Да!!! ¦Конечно.",
    "ellipsis_in_brackets": "Он сказал, что «мы […] Придём вовремя». ¦Все ждали.",
    "url": "Подробности на https://www.gov.kz/a.b?c=d.e и www.mid.kz. ¦Читайте.",
    "email_file": "Пишите на a.b@mail.kz, файл отчёт.v2.docx приложен. ¦Спасибо.",
    "date": "Заседание прошло 25.11.2025 в 10.30. ¦Участвовали все.",
    "version": "Вышла версия 3.14.1 и 4.0. ¦Обновитесь.",
    "number_end": "Участвовало 13. ¦12 из них выступили.",
    "enumerated": "1. Развивать связи. ¦2. Построить хаб. ¦3. Отчитаться.",
    "enumerated_deep": "1.2. Развивать связи. ¦1.3. Построить хаб.",
    "list_hyphens": "Решили:\n¦- развивать связи;\n¦- построить хаб\n¦- отчитаться",
    "list_bullets": "Темы:\n¦• торговля\n¦• космос, ДЗЗ\n¦• туризм",
    "list_numbers": "Решили\n¦1) развивать связи;\n¦2) построить хаб;\n¦а) в Астане",
    "list_dashes": "Решили:\n¦— развивать связи;\n¦— построить хаб.",
    "hard_wrapped": "Стороны обсудили сотрудничество\nв области торговли в г.\nАстана. ¦Затем ушли.",
    "wrapped_speech": "— Мы согласны! —\nсказал министр,\n— и рады этому.",
    "line_after_full_stop": "Первое предложение.\n¦второе с маленькой буквы.",
    "paragraphs": "Заголовок без точки\n\n¦Текст под ним.",
    "approximately": "Площадь — ок. 5 тыс. кв. км. ¦Население растёт.",
    "before_our_era": "Это было в V в. до н. э. в Греции. ¦Затем пришёл Рим.",
    "died": "Шапур ибн Саль (ум. 869) и Дж. А. Гобсон (род. 1858) были врачами. ¦Оба умерли.",
    "born": "Родился 5 мая 1970 г. в с. Ивановка Омской обл. ¦Окончил МГУ.",
    "postal_address": "Адрес: 010000, г. Астана, пр-т Кабанбай батыра, д. 8, каб. 301. ¦Приём с 9.00.",
    "sign": "Это стоит 5 тыс. $ или 2 млн. ₸ в год.",
    "semicolon": "Он пришёл; она ушла. ¦Всё.",
    "exclamation_name": "Компания Yahoo! объявила о сделке. ¦Акции выросли.",
    "upper_word": "ПОСТАНОВЛЕНИЕ ПРАВИТЕЛЬСТВА. ¦О МЕРАХ ПОДДЕРЖКИ.",
    "seed_ambassador": "Посол ОАЭ Мохаммед Саид Аль-Арики отметил: «Мы рады». ¦Стороны договорились.",
}

ENGLISH = {
    "plain": "This is one. ¦This is two! ¦Is this three? ¦Yes.",
    "doctor_initials": "Dr. A. B. Smith spoke first. ¦He was brief.",
    "titles": "Mr. Brown, Mrs. Green and Prof. White met Sen. Black. ¦They talked.",
    "us_government": "The U.S. government agreed. ¦It was late.",
    "us_capital": "The U.S. Army and the U.K. Treasury agreed.",
    "us_end": "She moved to the U.S. ¦She liked it there.",
    "eg": "Some metals, e.g. this one, or i.e. Iron, are heavy.",
    "number": "It is No. 5 on the list. ¦See Fig. 3 and pp. 4–6.",
    "no_sentence": "Is it ready? ¦No. ¦It is not.",
    "inc_said": "Acme Inc. said so. ¦Acme Corp. Chairman Lee denied it.",
    "inc_end": "He works for Acme Inc. ¦He likes it.",
    "decimal": "Pi is 3.14 and e is 2.718. ¦Both are real.",
    "time": "It opens at 9 a.m. and closes at 5 p.m. on Friday. ¦Come early.",
    "time_end": "It closes at 5 p.m. ¦Doors open at nine.",
    "etc_middle": "Apples, pears, etc. are sold here. ¦We buy milk, etc. ¦Then we go.",
    "versus": "In Smith vs. Jones the court agreed. ¦It was Roe v. Wade again.",
    "et_al": "Smith et al. (2015) showed this. ¦Others disagreed.",
    "saint": "St. Petersburg and Mt. Everest are far. ¦Go anyway.",
    "month": "It was on Nov. 25, 2025. ¦On Dec. 1 it ended.",
    "degree": "Jane Doe, Ph.D., and John Roe Jr. were there. ¦Nobody else came.",
    "quote_closes": 'He said, "Yes." ¦Then he left.',
    "curly_quote_closes": "He said, “Yes!” ¦Then he left.",
    "quote_said": '"Where to?" asked John. ¦"Home!" she said.',
    "single_quote": "She called it 'odd.' ¦We agreed.",
    "ellipsis": "Well... maybe. ¦I see... ¦Then go.",
    "spaced_ellipsis": "He said . . . nothing. ¦We left.",
    "ellipsis_in_brackets": "“We [...] The people agreed.” ¦He left.",
    "url": "Visit https://example.com/a.html?x=1. ¦Then open example.org now.",
    "email": "Write to john.smith@example.com. ¦He answers.",
    "file": "Open report.final.pdf and main.py. ¦Save both.",
    "version": "Python 3.11 and v. 2.0 work. ¦Upgrade now.",
    "footnote": "It was built in 1889.[12] ¦It is tall.[3] ¦People like it.",
    "bracket_closes": "It fell (see Sec. 4). ¦We tried again. ¦(Nobody saw it.) ¦Good.",
    "pronoun_i": "So do I. ¦Nobody knows why.",
    "middle_initial": "John F. Kennedy and J. R. R. Tolkien never met.",
    "initial_then_starter": "It is rich in vitamin C. ¦The dose is small.",
    "brand": "It works. ¦iPhone sales rose.",
    "numbered": "1. Open the box. ¦2. Read the note. ¦3. Close it.",
    "roman": "II. The Results. ¦They are good.",
    "lettered": "Choose:\n¦a) tea\n¦b) coffee",
    "hyphen_list": "We need:\n¦- milk\n¦- two eggs. ¦Not three.\n¦* salt",
    "hard_wrapped": "The commission met in\nAstana and agreed with Dr.\nSmith. ¦It was short.",
    "paragraphs": "A Title\n\n¦The text. ¦More text.\r\n\r\n¦The end",
    "year_end": "It began in 2024. ¦13 countries joined.",
    "abbreviation_unlisted": "The dist. attorney of the terr. came.",
    "street": "He lives at 5 Main St. ¦The house is old.",
    "doctor_after_number": "In the film (2005), Dr. Constantine states it. ¦See (c. 1455).",
    "variable": "Here a × b = c. ¦Every such triple counts.",
    "established": "The company (est. 1998) is in Washington, D.C. ¦It has 40 employees.",
    "volume": "See ch. 4, sec. 2, p. 17. ¦The rest is in vol. III.",
    "money": "It cost $1.3 bn. in 2025. ¦That is much.",
    "exclamation": "Stop! ¦Who goes there?! ¦A friend.",
    "no_space": "Missing space.Here it stays one.",
    "dash": "It was late — very late. ¦— Then it rained.",
}

OTHERS = {
    "kazakh": "Қазақстан 2025 ж. келісімге қол қойды. ¦Бұл маңызды қадам. ¦Астана қ. орналасқан т.б. жерлер.",
    "arabic": "أين تقع أستانا؟ ¦تقع في كازاخستان. ¦نعم!",
    "urdu": "یہ ایک جملہ ہے۔ ¦یہ دوسرا ہے۔",
    "chinese": "你好。¦我们来了！¦真的吗？¦是的",
    "german": "Das ist z. B. gut, d. h. sehr gut. ¦Ja!",
    "french": "« Oui ! » ¦Il partit. ¦Vraiment ?",
    "mixed": "Хаб Kaz–UAE GovTech открыт. ¦The hub is open. ¦Это хорошо.",
}


def table() -> list[object]:
    groups = {"ru": RUSSIAN, "en": ENGLISH, "xx": OTHERS}
    return [pytest.param(case, id=f"{code}-{name}") for code, cases in groups.items() for name, case in cases.items()]


def expected(case: str) -> list[str]:
    return [part.strip() for part in case.split(BREAK)]


@pytest.mark.parametrize("case", table())
def test_table(case: str) -> None:
    text = case.replace(BREAK, "")
    assert [text[start:end] for start, end in sentences(text)] == expected(case)


ALPHABET = st.sampled_from(
    [*'аБ1г.!?…؟。"«»()[]—-\n\r\f \u00a0\u2029•)a\0\ud800😀е́', "т.е", " А.", "Dr.", "ст. 5", "2025 г."]
)
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


@given(st.one_of(ANY_TEXT, st.lists(ALPHABET).map("".join)), st.integers(0, 10**6))
@example("\ud800. \udfff", 3)
@example("\0.\0", 0)
@example("", 0)
@example(" \n\t\u200b", 0)
def test_offsets_are_exact_and_cover_the_text(text: str, offset: int) -> None:
    spans = sentences(text, offset)
    last = 0
    for start, end in spans:
        start, end = start - offset, end - offset
        assert last <= start < end <= len(text)
        assert text[start:end].strip() == text[start:end]
        assert not text[last:start].strip()
        last = end
    assert not text[last:].strip()


HOSTILE = {
    "dots": ".",
    "spaced_dots": ". ",
    "initials": "А. ",
    "initials_tight": "А.",
    "no_punctuation": "слово ",
    "one_word": "а",
    "newlines": "\n",
    "lines": "а\n",
    "spaces": " ",
    "closers": '."»)',
    "openers": ". (",
    "dashes": ". — ",
    "bullets": "\n- ",
    "numbers": "1. ",
    "marks": "?!…",
    "abbreviations": "т. е. ",
    "footnotes": ".[1]",
    "dot_spaces": "." + " " * 99,
}


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_time_is_linear_on_hostile_text(unit: str) -> None:
    def seconds(length: int) -> float:
        text = unit * (length // len(unit))
        best = float("inf")
        for _ in range(3):
            begun = time.thread_time()
            sentences(text)
            best = min(best, time.thread_time() - begun)
        return best

    # Quadratic time would take 64 times as long for eight times the text; a busy machine is allowed a factor of 3.
    assert seconds(160_000) < 24 * seconds(20_000) + 0.05
