"""HTML pages: the article comes out whole, what stands around it does not, whatever the page is built of."""

from __future__ import annotations

import pytest

from rag import readers
from rag.errors import DocumentError
from rag.readers import html
from rag.readers.source import Source
from tests.small_source import kinds, texts

TITLE = {"ru": "Комиссия подписала 15 соглашений", "en": "The commission signed 15 agreements"}
PARAGRAPHS = {
    "ru": (
        "25 ноября в Астане прошло заседание межправительственной комиссии — уже восьмое по счёту.",
        "Стороны обсудили проекты в энергетике, логистике и «цифре»; подписано 15 соглашений на 5,7 млрд долларов.",
        "Следующее заседание пройдёт в Абу-Даби.",
    ),
    "en": (
        "The intergovernmental commission met in Astana on 25 November, for the eighth time since it was founded.",
        "The two sides spoke of energy, logistics and “digital” projects, and signed 15 agreements worth $5.7 billion.",
        "They will meet again in Abu Dhabi.",
    ),
}
AROUND = {
    "ru": {
        "menu": ("Главная", "Новости", "О министерстве", "Контакты", "Карта сайта"),
        "crumbs": ("Главная страница", "Архив новостей", "2025"),
        "share": ("Поделиться", "Телеграм", "ВКонтакте"),
        "related": ("Курс валют на завтра", "Погода в столице", "Открыт новый завод в Караганде"),
        "foot": ("© 2025 Вестник комиссии. Все права защищены.", "Политика конфиденциальности"),
        "cookies": ("Мы используем файлы cookie, чтобы сайт работал лучше. Принять.",),
        "aside": ("Подпишитесь на нашу рассылку", "Реклама на портале"),
    },
    "en": {
        "menu": ("Home", "News", "About us", "Contacts", "Site map"),
        "crumbs": ("Start page", "News archive", "2025"),
        "share": ("Share this", "Telegram", "LinkedIn"),
        "related": ("Exchange rates for tomorrow", "Weather in the capital", "A plant opens in Karaganda"),
        "foot": ("© 2025 The Gazette. All rights reserved.", "Privacy policy"),
        "cookies": ("We use cookies to make this site work better for you. Accept.",),
        "aside": ("Subscribe to our letter", "Advertise with us"),
    },
}


def listed(items: tuple[str, ...]) -> str:
    return "<ul>" + "".join(f'<li><a href="/{n}">{item}</a></li>' for n, item in enumerate(items)) + "</ul>"


def links(items: tuple[str, ...]) -> str:
    return " | ".join(f'<a href="/{n}">{item}</a>' for n, item in enumerate(items))


def semantic(title: str, text: str, around: dict[str, tuple[str, ...]]) -> str:
    return (
        f"<header>{around['foot'][0]}<nav>{listed(around['menu'])}</nav></header><main>"
        f"<nav class='crumbs'>{links(around['crumbs'])}</nav><article><header><h1>{title}</h1></header>{text}"
        f"<footer>{links(around['share'])}</footer></article><section class='related'>{listed(around['related'])}"
        f"</section></main><aside>{listed(around['aside'])}</aside><footer>{'<br>'.join(around['foot'])}</footer>"
        f"<div class='cookie-bar'>{around['cookies'][0]}</div>"
    )


def bootstrap(title: str, text: str, around: dict[str, tuple[str, ...]]) -> str:
    return (
        f"<div class='navbar fixed-top'>{listed(around['menu'])}</div><div class='container with-sidebar'>"
        f"<div class='row'><div class='col-8'><ol class='breadcrumb'>{links(around['crumbs'])}</ol><h1>{title}</h1>"
        f"<div class='news-detail'>{text}</div><div class='social-buttons'>{links(around['share'])}</div></div>"
        f"<div class='col-4 sidebar'>{listed(around['related'])}<p>{around['aside'][0]}</p></div></div></div>"
        f"<div id='footer'><p>{around['foot'][0]}</p>{links(around['foot'][1:])}</div>"
        f"<div id='cookieConsent' style='display: none'>{around['cookies'][0]}</div>"
    )


def nameless(title: str, text: str, around: dict[str, tuple[str, ...]]) -> str:
    """Nothing has a class or a name: only what the parts hold tells them apart."""
    return (
        f"<div>{listed(around['menu'])}</div><div><div>{listed(around['crumbs'])}</div><div><h1>{title}</h1>{text}</div>"
        f"<div>{listed(around['related'])}</div></div><div>{links(around['foot'])}</div>"
    )


def table(title: str, text: str, around: dict[str, tuple[str, ...]]) -> str:
    return (
        f"<table width=100%><tr><td colspan=2>{links(around['menu'])}</td></tr><tr><td width=200>"
        f"{'<br>'.join(links((each,)) for each in around['related'])}</td><td><h1>{title}</h1>{text}</td></tr>"
        f"<tr><td colspan=2><font size=1>{links(around['foot'])}</font></td></tr></table>"
    )


def form(title: str, text: str, around: dict[str, tuple[str, ...]]) -> str:
    """As ASP.NET builds pages: the whole of it is one form."""
    return (
        f"<form method=post><input type=hidden value=secret><div role=banner>{around['foot'][0]}</div>"
        f"<div role=navigation>{listed(around['menu'])}</div><div role=main><h1>{title}</h1>{text}"
        f"<label>{around['share'][0]}</label><select><option>{around['share'][1]}</select></div>"
        f"<div role=contentinfo>{' '.join(around['foot'])}</div></form>"
    )


LAYOUTS = (semantic, bootstrap, nameless, table, form)


def read(body: str, head: str = "") -> Source:
    return html.read(f"<!DOCTYPE html><html><head><meta charset=utf-8>{head}</head><body>{body}</body></html>".encode())


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_article_comes_out_whole_and_alone(layout: object, language: str) -> None:
    title, paragraphs = TITLE[language], PARAGRAPHS[language]
    assert callable(layout)
    source = read(layout(title, "".join(f"<p>{each}</p>" for each in paragraphs), AROUND[language]))
    assert kinds(source) == [(title, "heading"), *((each, "paragraph") for each in paragraphs)]
    assert source.title == title


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_short_article_does_not_come_out_empty(layout: object, language: str) -> None:
    assert callable(layout)
    source = read(layout(TITLE[language], f"<p>{PARAGRAPHS[language][2]}</p>", AROUND[language]))
    assert texts(source) == [TITLE[language], PARAGRAPHS[language][2]]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("Просто текст.", ["Просто текст."], id="ru-no_elements"),
        pytest.param("<div>One line.</div>", ["One line."], id="en-one_line"),
        pytest.param("<h1>Only a heading</h1>", ["Only a heading"], id="en-heading"),
        pytest.param(
            "<div class=sidebar><p>Всё в одной колонке.</p></div>", ["Всё в одной колонке."], id="ru-misnamed"
        ),
        pytest.param("<article><p>А.</p></article><article><p>Б.</p></article>", ["А.", "Б."], id="ru-two_articles"),
        pytest.param(
            "<h1>Содержание</h1><ul><li><a href=1>Глава 1</a><li><a href=2>Глава 2</a></ul>",
            ["Содержание", "Глава 1", "Глава 2"],
            id="ru-only_links",
        ),
    ],
)
def test_page_of_few_words_keeps_them(body: str, expected: list[str]) -> None:
    assert texts(read(body)) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("<p>Сло<b>во</b> и&nbsp;<i>ещё</i>&nbsp;одно</p>", ["Слово и ещё одно"], id="ru-inline_is_glued"),
        pytest.param(
            "<p>&laquo;Отчёт&raquo; &mdash; &#8470;&nbsp;5 &amp; др.</p>", ["«Отчёт» — № 5 & др."], id="ru-entities"
        ),
        pytest.param("<p>пере&shy;нос, of\ufb01ce,\u200b да</p>", ["перенос, office, да"], id="unseen_signs"),
        pytest.param(
            "<p>Первый абзац.<br><br>Второй абзац.</p>", ["Первый абзац.", "Второй абзац."], id="ru-two_breaks"
        ),
        pytest.param("<p>Астана,<br>проспект Мангилик Ел</p>", ["Астана, проспект Мангилик Ел"], id="ru-one_break"),
        pytest.param("<ul><li>one<li>two<ul><li>deep</ul>after</ul>", ["one", "two", "deep", "after"], id="en-lists"),
        pytest.param("<dl><dt>Срок</dt><dd>5 дней</dd></dl>", ["Срок", "5 дней"], id="ru-definitions"),
        pytest.param(
            "<blockquote><p>Да.</p><footer>Министр</footer></blockquote>", ["Да.", "Министр"], id="ru-quotation"
        ),
        pytest.param("<p>a</p>tail<p>b</p>", ["a", "tail", "b"], id="en-text_between"),
        pytest.param("<p>раз<script>x()</script>два<style>p{}</style></p>", ["раздва"], id="ru-scripts"),
        pytest.param("<p>a<!-- no -->b<?no no?></p>", ["ab"], id="comments"),
        pytest.param("<pre>def f():\n\n    return 1\n</pre>", ["def f():\n\n    return 1"], id="pre"),
        pytest.param("<h2>Глава <br>первая</h2><p>т</p>", ["Глава первая", "т"], id="ru-heading_in_two_lines"),
    ],
)
def test_blocks_are_told_apart(body: str, expected: list[str]) -> None:
    assert texts(read(body)) == expected


def test_rows_of_a_table_stay_together() -> None:
    source = read(
        "<p>До.</p><table><caption>Итоги</caption><tr><th>Город<th>Год<tr><td>Астана<br>(столица)<td><p>1997</p>"
        "<tr><td><td>x</table><p>После.</p>"
    )
    assert kinds(source) == [
        ("До.", "paragraph"),
        ("Итоги", "paragraph"),
        ("Город\tГод", "row"),
        ("Астана (столица)\t1997", "row"),
        ("x", "row"),
        ("После.", "paragraph"),
    ]
    assert "Город\tГод\nАстана" in source.text


def test_a_table_of_one_row_is_the_pages_layout() -> None:
    source = read(
        "<table><tr><td width=20%><a href=1>Главная</a><br><a href=2>Контакты</a></td><td><b>Открыт новый мост</b>"
        "<p>Мост через Илек соединил два района.</p><p>Проезд открыт для легковых машин.</p></td></tr></table>"
    )
    assert [source.text[b.start : b.end] for b in source.blocks if b.kind != "row"][-2:] == [
        "Мост через Илек соединил два района.",
        "Проезд открыт для легковых машин.",
    ]
    assert "Контакты" not in source.text


@pytest.mark.parametrize(
    "hidden",
    [
        "<div hidden>{}</div>",
        "<p style='color:red; DISPLAY : none'>{}</p>",
        "<p style='visibility:hidden'>{}</p>",
        "<span aria-hidden=true>{}</span>",
        "<template><p>{}</p></template>",
        "<noscript>{}</noscript>",
        "<button>{}</button>",
        "<textarea>{}</textarea>",
    ],
)
def test_what_is_not_shown_is_left_out(hidden: str) -> None:
    assert texts(read(f"<article><p>Видно.</p>{hidden.format('Скрыто')}</article>")) == ["Видно."]


def test_paragraphs_that_open_at_a_click_are_the_articles_own() -> None:
    answer = PARAGRAPHS["ru"][1]
    source = read(f"<main><h1>Вопросы</h1><h2>Что решили?</h2><div style='display:none'><p>{answer}</p></div></main>")
    assert texts(source) == ["Вопросы", "Что решили?", answer]


def test_last_of_the_alternatives_in_a_line_stands_for_them() -> None:
    switch = "<span><span hidden=true>Command</span><span hidden=true>Ctrl</span></span>"
    assert texts(read(f"<main><p>Нажмите {switch}+Q.</p><p>Или <span hidden>нет</span>так.</p></main>")) == [
        "Нажмите Ctrl+Q.",
        "Или так.",
    ]


@pytest.mark.parametrize(
    ("head", "title"),
    [
        pytest.param("<title>Отчёт | Вестник комиссии</title>", "Отчёт", id="ru-without_the_site"),
        pytest.param(
            "<title>A long report — The Gazette</title><meta property=og:site_name content='the gazette'>",
            "A long report",
            id="en-named_site",
        ),
        pytest.param(
            "<title>Казахстан — ОАЭ: итоги года</title>", "Казахстан — ОАЭ: итоги года", id="ru-dash_of_its_own"
        ),
        pytest.param("<title>x</title><meta property='og:title' content='«Отчёт»'>", "«Отчёт»", id="ru-og"),
        pytest.param("<title> \n </title>", None, id="none"),
    ],
)
def test_title_is_the_pages_own_without_its_site(head: str, title: str | None) -> None:
    assert read("<p>Текст.</p>", head).title == title


def test_heading_is_a_better_title_than_one_that_goes_on() -> None:
    source = read(
        "<h1>Отчёт <b>за год</b></h1><p>Текст.</p>", "<meta property='og:title' content='Отчёт за год - Вестник'>"
    )
    assert source.title == "Отчёт за год"


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("<meta property='article:published_time' content='2025-11-25T10:00:00+05:00'>", ""),
        ("<meta name='DC.date' content='2025-11-25'><meta name=date content=2020-01-01>", ""),
        ('<script type="application/ld+json">{"@graph": [{"a": [1]}, {"datePublished": "2025-11-25"}]}</script>', ""),
        ('<script type="application/ld+json">{"datePublished</script>', "<time datetime=2025-11-25>вчера</time>"),
        ("", "<time datetime=2020-01-01>x</time><time itemprop=datePublished datetime=2025-11-25T01:00>y</time>"),
        ("", "<meta itemprop=datePublished content=2025-11-25>"),
    ],
)
def test_date_is_the_one_that_the_page_states(head: str, body: str) -> None:
    page = f"<html><head>{head}</head><body>{body}<p>Текст 1 мая 2001 года.</p></body></html>"
    assert readers.read(page.encode(), "a.html").document.date == "2025-11-25"


@pytest.mark.parametrize(
    ("attributes", "text", "language"),
    [
        pytest.param("lang=ru", PARAGRAPHS["ru"][0], "ru", id="ru"),
        pytest.param("lang='en-GB'", PARAGRAPHS["en"][0], "en", id="en"),
        pytest.param("lang=kk", "Бұл қазақ тіліндегі мәтін.", "kk", id="kk"),
        pytest.param("lang=en", PARAGRAPHS["ru"][0], "ru", id="ru-template_left_english"),
        pytest.param("lang=ru", PARAGRAPHS["en"][0], "en", id="en-template_left_russian"),
        pytest.param("", PARAGRAPHS["ru"][0], "ru", id="ru-unstated"),
    ],
)
def test_language_is_the_stated_one_unless_the_text_is_in_another_script(
    attributes: str, text: str, language: str
) -> None:
    assert readers.read(f"<html {attributes}><p>{text}</p></html>".encode(), "a.htm").document.language == language


@pytest.mark.parametrize(
    ("page", "encoding"),
    [
        ("<html><head><meta charset='windows-1251'></head><p>Привет, мир!</p>", "windows-1251"),
        ("<meta http-equiv=Content-Type content='text/html; charset=koi8-r'><p>Привет, мир!</p>", "koi8-r"),
        ("<?xml version='1.0' encoding='windows-1251'?><html><p>Привет, мир!</p></html>", "windows-1251"),
        ("<meta charset=utf-8><p>Привет, мир!</p>", "windows-1251"),
        ("<meta charset=iso-8859-1><p>Привет, мир!</p>", "windows-1251"),
        ("<p>Привет, мир!</p>", "cp866"),
        ("<meta charset=windows-1251><p>Привет, мир!</p>", "utf-8"),
        ("<p>Привет, мир!</p>", "utf-16"),
    ],
)
def test_encoding_is_the_mark_or_the_stated_or_the_likeliest(page: str, encoding: str) -> None:
    assert texts(html.read(page.encode(encoding))) == ["Привет, мир!"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"<html><body></body></html>", "the page holds no text beside its menus", id="empty"),
        pytest.param(b"<nav><a href=1>Home</a></nav>", "the page holds no text beside its menus", id="menu"),
        pytest.param(b"<p>\0\0</p>", "not a text file: it holds NUL bytes", id="binary"),
        pytest.param(b" \n ", "the file holds no HTML: name it by what it is", id="white_space"),
        pytest.param(b"<!-- only -->", "the file holds no HTML: name it by what it is", id="comment"),
    ],
)
def test_page_without_text_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(DocumentError) as raised:
        html.read(data)
    assert str(raised.value) == reason


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("<div>" * 100_000 + "глубоко", id="div"),
        pytest.param("<b>" * 100_000 + "глубоко", id="inline"),
        pytest.param("<table><tr><td>" * 30_000 + "глубоко", id="table"),
        pytest.param("<ul><li>" * 50_000 + "глубоко", id="list"),
    ],
)
def test_nesting_is_bounded_and_what_stands_before_it_is_read(body: str) -> None:
    source = read("<p>Начало.</p>" + body)
    assert texts(source) == ["Начало."]
    assert source.missing == ("what nests deeper than 2048 elements",)


def test_unclosed_elements_of_an_old_page_lose_nothing() -> None:
    source = read("".join(f"<div><font size=2><p>Абзац {n}." for n in range(500)))
    assert texts(source) == [f"Абзац {n}." for n in range(500)]


def test_xhtml_ends_its_elements_where_it_says() -> None:
    page = (
        '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/>'
        '<script src="a.js"/></head><body><p>Раз&nbsp;&mdash; <a id="x"/>два &lt;</p><P/></body></html>'
    )
    assert texts(html.read(page.encode())) == ["Раз — два <"]
    assert texts(html.read(page.replace("<P/>", "<p>").replace("<title/>", "").encode())) == ["Раз — два <"]


def test_entities_are_not_defined_and_nothing_is_fetched() -> None:
    page = '<!DOCTYPE html [<!ENTITY a "boom"><!ENTITY b SYSTEM "file:///etc/passwd">]><html><p>Да &a; &b;</p></html>'
    source = html.read(page.encode())
    assert "boom" not in source.text
    assert "root" not in source.text
    assert "Да" in source.text
