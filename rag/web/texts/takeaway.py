"""What is said about taking an answer away."""

from __future__ import annotations

RU = {
    "takeaway": "Забрать ответ",
    "takeaway.docx": "Word со сносками",
    "takeaway.md": "Markdown",
    "takeaway.copy": "Скопировать",
    "takeaway.copied": "Скопировано вместе со ссылкой на источник.",
    "takeaway.saved": "Файл сохранён: {name}",
    "takeaway.failed": "Не получилось. Проверьте, что программа запущена, и попробуйте ещё раз.",
    "takeaway.refused": "Браузер не дал скопировать. Возьмите ответ файлом.",
}

EN = {
    "takeaway": "Take the answer away",
    "takeaway.docx": "Word with footnotes",
    "takeaway.md": "Markdown",
    "takeaway.copy": "Copy",
    "takeaway.copied": "Copied, with its source.",
    "takeaway.saved": "File saved: {name}",
    "takeaway.failed": "That did not work. Check that the program is running, then try again.",
    "takeaway.refused": "The browser did not allow copying. Take the answer as a file.",
}
