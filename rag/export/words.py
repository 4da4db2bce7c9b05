"""What a file says of its own, in the question's language: headings, the verdict, whence a passage comes."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import NamedTuple

from rag.export.sound import closed
from rag.text import shorten
from rag.types import Answer, Citation

Words = Mapping[str, str]

MAX_TITLE = 200  # characters: a title told by rule may be a long first sentence

RU: Words = {
    "question": "Вопрос",
    "answer": "Ответ",
    "answers": "Ответы",
    "passages": "Отрывки",
    "verdict": "Итог",
    "confidence": "Уверенность",
    "found": "Ответ найден",
    "unsure": "Возможно, ответ здесь",
    "not_found": "В этих документах ответа нет",
    "sure": "уверенность {percent}\u00a0%",
    "sure.not_found": "вероятность, что он всё же есть: {percent}\u00a0%",
    "note.unsure": "Уверенности мало: прочтите отрывок целиком, прежде чем полагаться на него.",
    "note.not_found": "Ни один отрывок не отвечает на вопрос. Ниже\u00a0— ближайшие по смыслу.",
    "note.nothing": "Ни один отрывок не отвечает на вопрос.",
    "meant": "Вопрос понят так: «{meant}».",
    "spelling": "Слова «{typed}» в документах нет; оно принято за «{meant}».",
    "phrase": "Фразы «{typed}» нет ни в одном отрывке, поэтому она не искалась дословно.",
    "sources": "Источники",
    "nearest": "Ближайшие отрывки",
    "page": "стр.\u00a0{page}",
    "paragraph": "абзац\u00a0{paragraph}",
    "ocr": "распознано с изображения",
    "also": "то же: {documents}",
    "made": "Составлено программой «Сноска» {date} по собранию «{collection}». Отрывки приведены дословно.",
    "made.unnamed": "Составлено программой «Сноска» {date}. Отрывки приведены дословно.",
    "batch": "Ответы на вопросы",
    "column.number": "№",
    "column.rank": "Место",
    "column.title": "Название",
    "column.document": "Файл",
    "column.date": "Дата",
    "column.page": "Страница",
    "column.paragraph": "Абзац",
    "column.language": "Язык",
    "column.quote": "Отрывок",
    "column.sentence": "Предложение",
    "column.also": "То же в",
}

EN: Words = {
    "question": "Question",
    "answer": "Answer",
    "answers": "Answers",
    "passages": "Passages",
    "verdict": "Verdict",
    "confidence": "Confidence",
    "found": "Answer found",
    "unsure": "The answer may be here",
    "not_found": "The answer is not in these documents",
    "sure": "confidence {percent}%",
    "sure.not_found": "chance that it is there after all: {percent}%",
    "note.unsure": "This is uncertain: read the whole passage before you rely on it.",
    "note.not_found": "No passage answers the question. The nearest in meaning are listed below.",
    "note.nothing": "No passage answers the question.",
    "meant": "The question was taken to mean “{meant}”.",
    "spelling": "No document has the word “{typed}”; it was taken for “{meant}”.",
    "phrase": "No passage holds the phrase “{typed}”, so it was not searched for word for word.",
    "sources": "Sources",
    "nearest": "Nearest passages",
    "page": "p.\u00a0{page}",
    "paragraph": "paragraph\u00a0{paragraph}",
    "ocr": "read from a picture",
    "also": "also in: {documents}",
    "made": "Made with Snoska on {date} from the collection “{collection}”. Passages are quoted verbatim.",
    "made.unnamed": "Made with Snoska on {date}. Passages are quoted verbatim.",
    "batch": "Answers to questions",
    "column.number": "No.",
    "column.rank": "Rank",
    "column.title": "Title",
    "column.document": "File",
    "column.date": "Date",
    "column.page": "Page",
    "column.paragraph": "Paragraph",
    "column.language": "Language",
    "column.quote": "Passage",
    "column.sentence": "Sentence",
    "column.also": "Also in",
}

REMARKS = {"layout": "meant", "spelling": "spelling", "phrase": "phrase"}
MONTHS = {
    "ru": ("января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября",
           "декабря"),
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December"),
}  # fmt: skip


def spoken(language: str, page: str = "en") -> str:
    """The language that a file is written in: the question's where it is one of ours, else the page's."""
    return next((code for code in (language, page) if code in MONTHS), "en")


def words(language: str) -> Words:
    """The words in one of the languages that :func:`spoken` gives."""
    return RU if language == "ru" else EN


def day(date: datetime.date | str, language: str) -> str:
    """A date as it is written out; one that is none (a file may state anything) as it is."""
    if isinstance(date, str):
        try:
            date = datetime.date.fromisoformat(date)
        except ValueError:
            return str(date)
    month = MONTHS[language][date.month - 1]
    return f"{date.day}\u00a0{month} {date.year}" + ("\u00a0г." if language == "ru" else "")


def sureness(answer: Answer, said: Words) -> str:
    """How sure it is, as the page says it; an estimate is never certain."""
    told = said["sure" if answer.found else "sure.not_found"]
    return told.format(percent=min(round(100 * answer.confidence), 99))


def remarks(answer: Answer, said: Words) -> list[str]:
    """What is to be known before the answer is read: how the question was taken, that it is uncertain."""
    told = [said[REMARKS[note.kind]].format(typed=note.typed, meant=note.meant) for note in answer.notes]
    if answer.verdict == "unsure":
        told.append(said["note.unsure"])
    elif answer.verdict == "not_found":
        told.append(said["note.not_found" if answer.citations else "note.nothing"])
    return told


def made(date: datetime.date, collection: str, language: str) -> str:
    """When and from what the file was made."""
    said = words(language)
    return said["made" if collection else "made.unnamed"].format(date=day(date, language), collection=collection)


class Source(NamedTuple):
    """Whence a passage comes. ``title`` ends a sentence, ``document`` is the file, ``facts`` the place in it and its
    near-copies; each may hold text of documents, which the file's own format must escape."""

    title: str
    document: str
    facts: str

    @property
    def line(self) -> str:
        """All of it on one line."""
        return " ".join(piece for piece in (self.title, f"{self.document}, {self.facts}.") if piece)


def source(citation: Citation, language: str) -> Source:
    """Whence a passage comes, in the words of that language."""
    said = words(language)
    title = shorten(citation.title, MAX_TITLE)
    copies = ", ".join(closed(each) for each in dict.fromkeys(copy.document for copy in citation.also_in))
    facts = [
        day(citation.date, language) if citation.date else "",
        said["page"].format(page=citation.page) if citation.page is not None else "",
        said["paragraph"].format(paragraph=citation.paragraph),
        said["ocr"] if citation.ocr else "",
        said["also"].format(documents=copies) if copies else "",
    ]
    stop = "" if title.endswith((".", "!", "?", "…")) or not title else "."
    return Source(title + stop, closed(citation.document), ", ".join(fact for fact in facts if fact))
