"""What is said about logging in and out."""

from __future__ import annotations

RU = {
    "login": "Войти",
    "login.lead": "Документы закрыты паролем",
    "login.password": "Пароль",
    "login.wrong": "Пароль не подошёл. Попробуйте ещё раз.",
    "login.wait": "Слишком много неверных паролей. Попробуйте через {seconds}\u00a0с.",
    "login.out": "Выйти",
}

EN = {
    "login": "Log in",
    "login.lead": "These documents need a password",
    "login.password": "Password",
    "login.wrong": "This is not the password. Try again.",
    "login.wait": "Too many wrong passwords. Try again in {seconds}\u00a0s.",
    "login.out": "Log out",
}
