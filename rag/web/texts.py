"""What the page says, in its two languages; every key is in both."""

from __future__ import annotations

from collections.abc import Mapping

from rag.errors import (
    IndexBusy,
    IndexDamaged,
    IndexMismatch,
    IndexMissing,
    ModelError,
    NothingToIndex,
    QuestionError,
    RagError,
)

Texts = Mapping[str, str]

RU = {
    "name": "Сноска",
    "lead": "Спросите документы\u00a0— ответ дословно, со ссылкой на место.",
    "question": "Вопрос",
    "hint": "Вопрос по-русски или по-английски",
    "ask": "Спросить",
    "language": "Язык страницы",
    "samples": "Например:",
    "working": "Ищу в документах…",
    "waiting": "Вопрос принят; отвечу, как только всё будет готово.",
    "unreachable": "Нет связи с программой. Проверьте, что она запущена, и спросите ещё раз.",
    "status.loading": "Загружается языковая модель…",
    "status.building": "Документы читаются…",
    "status.reading": "Читаются документы: {done} из {total}",
    "status.recognising": "Распознаются страницы: {done} из {total}",
    "status.embedding": "Обрабатываются отрывки: {done} из {total}",
    "status.writing": "Записывается указатель…",
    "status.ready": "Документов: {documents} · отрывков: {passages}",
    "status.renewing": "обновляется…",
    "status.stale": "обновить не удалось.",
    "model": "Всё считается на этом компьютере, вопросы никуда не отправляются. Модель: {model}.",
    "note.layout": "Похоже, раскладка клавиатуры не та. Ответ на вопрос «{meant}».",
    "note.phrase": "Фразы «{typed}» нет ни в одном отрывке, поэтому она не искалась дословно.",
    "found": "Ответ найден",
    "unsure": "Возможно, ответ здесь",
    "not_found": "В этих документах ответа нет",
    "unsure.note": "Уверенности мало: прочтите отрывок целиком, прежде чем полагаться на него.",
    "not_found.note": "Ни один отрывок не отвечает на вопрос. Ниже\u00a0— ближайшие по смыслу.",
    "not_found.nothing": "Ни один отрывок не отвечает на вопрос.",
    "confidence": "уверенность {percent}\u00a0%",
    "confidence.not_found": "вероятность, что он всё же есть: {percent}\u00a0%",
    "confidence.note": "Оценка вероятности того, что ответ есть в показанных отрывках",
    "answer": "Ответ",
    "sources": "Источники",
    "nearest": "Ближайшие отрывки",
    "footnote": "К источнику {rank}",
    "back": "К ответу",
    "page": "стр.\u00a0{page}",
    "ocr": "распознано с изображения",
    "paragraph": "абзац\u00a0{paragraph}",
    "also_in": "То же в",
    "characters": "знаки {start}–{end}",
    "why": "Почему здесь",
    "score": "Оценка",
    "score.paragraph": "абзац",
    "score.sentence": "предложение",
    "score.lexical": "слова",
    "score.paragraph.note": "Близость вопроса и всего отрывка по смыслу",
    "score.sentence.note": "Близость вопроса и выделенного предложения по смыслу",
    "score.lexical.note": "Совпадение слов вопроса и отрывка",
    "language.ru": "русский",
    "language.en": "английский",
    "language.kk": "казахский",
    "error.empty": "Вопрос пуст: напишите хотя бы пару слов.",
    "error.too_long": "Вопрос слишком длинный: сократите его до {limit} знаков.",
    "error.missing": "Документы ещё не прочитаны. Выполните «snoska build» и обновите страницу.",
    "error.damaged": "Указатель повреждён. Выполните «snoska build --rebuild» и обновите страницу.",
    "error.mismatch": "Указатель создан другой моделью или версией. Выполните «snoska build» и обновите страницу.",
    "error.busy": "Документы сейчас читает другая программа. Подождите и обновите страницу.",
    "error.model": "Языковая модель не загрузилась. Подробности\u00a0— в журнале программы.",
    "error.nothing": "В папке нет документов, которые удалось бы прочесть. Добавьте их и обновите страницу.",
    "error.unexpected": "Что-то пошло не так. Подробности\u00a0— в журнале программы; попробуйте ещё раз.",
}

EN = {
    "name": "Snoska",
    "lead": "Ask your documents: the answer word for word, cited to its place.",
    "question": "Question",
    "hint": "A question in English or Russian",
    "ask": "Ask",
    "language": "Language of the page",
    "samples": "For example:",
    "working": "Looking through the documents…",
    "waiting": "Got the question; the answer follows as soon as all is ready.",
    "unreachable": "The program cannot be reached. Check that it is running, then ask again.",
    "status.loading": "Loading the language model…",
    "status.building": "Reading the documents…",
    "status.reading": "Reading documents: {done} of {total}",
    "status.recognising": "Recognising scanned pages: {done} of {total}",
    "status.embedding": "Processing passages: {done} of {total}",
    "status.writing": "Writing the index…",
    "status.ready": "Documents: {documents} · passages: {passages}",
    "status.renewing": "being updated…",
    "status.stale": "could not be updated.",
    "model": "Everything is computed on this machine; no question leaves it. Model: {model}.",
    "note.layout": "This looks typed on another keyboard layout. The answer is to “{meant}”.",
    "note.phrase": "No passage holds the phrase “{typed}”, so it was not searched for word for word.",
    "found": "Answer found",
    "unsure": "The answer may be here",
    "not_found": "The answer is not in these documents",
    "unsure.note": "This is uncertain: read the whole passage before you rely on it.",
    "not_found.note": "No passage answers the question. The nearest in meaning are listed below.",
    "not_found.nothing": "No passage answers the question.",
    "confidence": "confidence {percent}%",
    "confidence.not_found": "chance that it is there after all: {percent}%",
    "confidence.note": "The estimated probability that the answer is in the passages shown",
    "answer": "Answer",
    "sources": "Sources",
    "nearest": "Nearest passages",
    "footnote": "To source {rank}",
    "back": "To the answer",
    "page": "p.\u00a0{page}",
    "ocr": "read from a picture",
    "paragraph": "paragraph\u00a0{paragraph}",
    "also_in": "Also in",
    "characters": "characters {start}–{end}",
    "why": "Why it ranks here",
    "score": "Score",
    "score.paragraph": "paragraph",
    "score.sentence": "sentence",
    "score.lexical": "words",
    "score.paragraph.note": "How close the whole passage is to the question in meaning",
    "score.sentence.note": "How close the marked sentence is to the question in meaning",
    "score.lexical.note": "How far the words of question and passage agree",
    "language.ru": "Russian",
    "language.en": "English",
    "language.kk": "Kazakh",
    "error.empty": "The question is empty: type a few words.",
    "error.too_long": "The question is too long: shorten it to {limit} characters.",
    "error.missing": "The documents have not been read yet. Run 'snoska build', then reload the page.",
    "error.damaged": "The index is damaged. Run 'snoska build --rebuild', then reload the page.",
    "error.mismatch": "The index was built by another model or version. Run 'snoska build', then reload the page.",
    "error.busy": "Another program is reading the documents. Wait a little, then reload the page.",
    "error.model": "The language model could not be loaded. The program's log says why.",
    "error.nothing": "The folder has no document that could be read. Add some, then reload the page.",
    "error.unexpected": "Something went wrong. The program's log says what; please try again.",
}

LANGUAGES: Mapping[str, Texts] = {"ru": RU, "en": EN}
ERRORS: Mapping[type[RagError], str] = {
    IndexMissing: "error.missing",
    IndexDamaged: "error.damaged",
    IndexMismatch: "error.mismatch",
    IndexBusy: "error.busy",
    ModelError: "error.model",
    NothingToIndex: "error.nothing",
}


def texts(language: object) -> Texts:
    """The texts in a language; in English where the page does not speak it."""
    return LANGUAGES.get(language, EN) if isinstance(language, str) else EN


def error_text(error: Exception, said: Texts, question: str = "", limit: int = 0) -> str:
    """One sentence for the page's reader: what is wrong and what to do, in the page's language."""
    if isinstance(error, QuestionError):
        return said["error.too_long"].format(limit=limit) if len(question) > limit else said["error.empty"]
    return (
        said[ERRORS.get(type(error), "error.unexpected")] if isinstance(error, RagError) else said["error.unexpected"]
    )
