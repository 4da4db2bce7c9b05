"""What is said about judging an answer."""

from __future__ import annotations

RU = {
    "feedback": "Верно ли?",
    "feedback.right": "Верно",
    "feedback.right.not_found": "Верно, ответа нет",
    "feedback.wrong": "Не тот отрывок",
    "feedback.wrong.not_found": "Ответ всё же есть",
    "feedback.none": "В документах этого нет",
    "feedback.which": "Какой отрывок отвечает?",
    "feedback.passage": "Отрывок {rank}",
    "feedback.other": "Никакой из них",
    "feedback.known": "Записано в feedback.jsonl рядом с указателем. Нажмите ещё раз, чтобы отменить.",
    "feedback.open": "Записано отдельно, в feedback-open.jsonl: верный отрывок пока неизвестен.",
    "feedback.withdrawn": "Отменено.",
    "feedback.unwritable": "Записать не удалось. Подробности\u00a0— в журнале программы.",
}

EN = {
    "feedback": "Is it right?",
    "feedback.right": "Right",
    "feedback.right.not_found": "Right, no answer there",
    "feedback.wrong": "Wrong passage",
    "feedback.wrong.not_found": "It is there after all",
    "feedback.none": "Not in the documents",
    "feedback.which": "Which passage answers?",
    "feedback.passage": "Passage {rank}",
    "feedback.other": "None of these",
    "feedback.known": "Kept in feedback.jsonl beside the index. Press again to take it back.",
    "feedback.open": "Kept apart, in feedback-open.jsonl: the right passage is not known yet.",
    "feedback.withdrawn": "Taken back.",
    "feedback.unwritable": "It could not be kept. The program's log says why.",
}
