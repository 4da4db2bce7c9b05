"""What is said about the written answer."""

from __future__ import annotations

RU = {
    "written": "Своими словами",
    "written.note": "Пишет языковая модель {model} по отрывкам ниже, каждое предложение сверяется с ними. "
    "Дословный ответ\u00a0— выше.",
    "written.sent": "Если попросить ответить своими словами, вопрос и отрывки получит {host}. Всё остальное считается "
    "на этом компьютере.",
    "write": "Ответить своими словами",
    "write.again": "Написать ещё раз",
    "write.stop": "Остановить",
    "write.always": "писать всегда",
    "write.working": "Модель читает отрывки…",
    "write.stopped": "Остановлено.",
    "struck.footnote": "не подтверждено: нет ссылки на отрывок",
    "struck.link": "не показано как ссылка: в ответе не бывает ссылок и разметки",
    "struck.number": "не подтверждено: в отрывках по ссылке нет «{detail}»",
    "struck.name": "не подтверждено: в отрывках по ссылке нет имени «{detail}»",
    "struck.meaning": "не подтверждено: в отрывках по ссылке нет ничего похожего",
    "write.not_found": "Ответ не пишется: в документах его не нашлось.",
    "write.nothing": "Модель не нашла ответа в этих отрывках.",
    "write.unreachable": "Сервер языковой модели недоступен. Отрывки ниже от него не зависят.",
    "write.slow": "Языковая модель отвечает слишком долго. Отрывки ниже от неё не зависят.",
    "write.refused": "Сервер языковой модели ответил ошибкой; подробности\u00a0— в журнале программы.",
    "write.broken": "Ответ языковой модели оборвался; подробности\u00a0— в журнале программы.",
    "write.empty": "Языковая модель ничего не написала. Попробуйте ещё раз.",
    "write.busy": "Модель занята другими ответами. Попробуйте чуть позже.",
    "write.changed": "Документы изменились. Задайте вопрос ещё раз.",
    "write.unexpected": "Написать ответ не удалось; подробности\u00a0— в журнале программы.",
}

EN = {
    "written": "In other words",
    "written.note": "The language model {model} writes it from the passages below; each sentence is checked against "
    "them. The answer word for word is above.",
    "written.sent": "Where you have an answer written, {host} gets the question and the passages. All else is computed "
    "on this machine.",
    "write": "Write a short answer",
    "write.again": "Write it again",
    "write.stop": "Stop",
    "write.always": "always write one",
    "write.working": "The model is reading the passages…",
    "write.stopped": "Stopped.",
    "struck.footnote": "not supported: it cites no passage",
    "struck.link": "struck: an answer has no links and no markup",
    "struck.number": "not supported: the passages it cites do not have “{detail}”",
    "struck.name": "not supported: the passages it cites do not have the name “{detail}”",
    "struck.meaning": "not supported: the passages it cites say nothing like it",
    "write.not_found": "No answer is written, since the documents do not have one.",
    "write.nothing": "The model finds no answer in these passages.",
    "write.unreachable": "The language model's server cannot be reached. The passages below do not depend on it.",
    "write.slow": "The language model takes too long. The passages below do not depend on it.",
    "write.refused": "The language model's server answered with an error; the program's log says which.",
    "write.broken": "The language model's answer broke off; the program's log says why.",
    "write.empty": "The language model wrote nothing. Please try again.",
    "write.busy": "The model is busy with other answers. Try again a little later.",
    "write.changed": "The documents have changed. Ask the question again.",
    "write.unexpected": "The answer could not be written; the program's log says why.",
}
