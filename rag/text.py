"""Words as the lexical leg and the page need them: normal forms, tokens, stems by script, language, shortening.

All functions are pure, take any ``str``, lone surrogates and NULs included, and take time linear in its length.
Sentences are in ``rag.sentences``.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from threading import Lock

import snowballstemmer

__all__ = ["FUNCTION_WORDS", "clean", "language", "normalize", "shorten", "stems", "tokens"]

_SIGNS = [chr(code) for code in range(0x80, 0xFFF0)]  # the Basic Multilingual Plane beyond ASCII
_MARKS = "".join(sign for sign in _SIGNS if unicodedata.category(sign).startswith("M"))


def _raised(sign: str) -> bool:
    return sign.isnumeric() and unicodedata.decomposition(sign).startswith(("<fraction>", "<super>"))


_BEFORE_NFKC = str.maketrans(
    {
        # Fractions and raised digits would be glued to the number before: 6½ is not 61, nor 10³ 103.
        **{sign: " " + unicodedata.normalize("NFKC", sign) for sign in _SIGNS if _raised(sign)},
        "№": "#",  # else «No»
        "™": " ",  # else «TM»
        "´": "'",  # else a space and an accent
    }
)
_AFTER_NFKC = str.maketrans(
    {
        **{sign: "" for sign in _SIGNS if unicodedata.category(sign) in ("Cf", "Cs")},  # soft hyphens, direction marks
        **dict.fromkeys("\0\u0640\u0670\ufe0e\ufe0f", ""),  # Arabic stretching, emoji's forms
        **{chr(code): "" for code in range(0x64B, 0x660)},  # Arabic vowel signs
        **dict.fromkeys("’‘‛ʼʻ′`", "'"),
        **dict.fromkeys("«»„“”‟″‹›", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        "ё": "е",
        "Ё": "Е",
    }
)
_STRESS = re.compile("(?<=[\u0400-\u04ff])[\u0300\u0301]")  # «за́мок»


def _fold(text: str) -> str:
    """``normalize`` with the case kept."""
    if text.isascii():
        return text.replace("\0", "").replace("`", "'")
    return _STRESS.sub("", unicodedata.normalize("NFKC", text.translate(_BEFORE_NFKC)).translate(_AFTER_NFKC))


def normalize(text: str) -> str:
    """The form in which two spellings of one text are equal: NFKC, case folded, ё→е, plain quotes and dashes.

    Soft hyphens, zero-width and direction marks, Russian stress marks and Arabic vowel signs are dropped.
    """
    return _fold(text).casefold()


_LATIN = "A-Za-zªºÀ-ÖØ-öø-ʯḀ-ỿ"
_CYRILLIC = "\u0400-\u0482\u048a-\u052f\u1c80-\u1c8f\ua640-\ua66e\ua680-\ua69d"
_HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_SPACED = f"{_LATIN}{_CYRILLIC}{_HAN}_"
_ENDINGS = "й|го|му|м|е|я|ю|х|ти|ый|ой|ая|ое|ые|ых|ого|ому|ым|ми"  # «10-го», «1990-х»
_TOKEN = re.compile(
    rf"(?P<reference>(?<![\w-])(?:\d{{1,6}}-(?!(?:{_ENDINGS})\b)[{_LATIN}{_CYRILLIC}]{{1,4}}"  # 123-ФЗ
    rf"|[{_LATIN}{_CYRILLIC}]{{1,5}}-\d{{1,6}})(?![\w-]))"  # COVID-19
    # Thousands stand apart, by a space or a comma; four groups at most, so that a long table costs no more.
    r"|(?P<number>(?<!\w)\d{1,3}(?:(?: \d{3}){1,4}+(?:[.,]\d++)?+|(?:,\d{3}){1,4}+(?:\.\d++)?+)(?![\w,.]*\d)"
    rf"|\d++(?:[.,]\d++)*+)(?:-(?:{_ENDINGS})\b|(?:st|nd|rd|th|s)\b)?+"
    rf"|(?P<word>[{_HAN}]"
    rf"|[{_CYRILLIC}][{_CYRILLIC}{_MARKS}\d]*+"
    rf"|[{_LATIN}][{_LATIN}{_MARKS}\d]*+(?:'[{_LATIN}]++)*+"
    rf"|[^\W\d_](?<![{_SPACED}])(?:[\w{_MARKS}](?<![{_SPACED}]))*+)"
)
_THOUSANDS = re.compile(r"\d{1,3}(?:[ ,]\d{3})+(?:[.,]\d+)?")


def tokens(text: str) -> list[str]:
    """The words and numbers of a text, normalised, in order; each word is of one script.

    A hyphenated word gives its parts («Kaz–UAE-хаб»: kaz, uae, хаб): on XQuAD the whole beside them changed
    nDCG@10 by less than .001, the whole alone cost .002. A reference of digits and letters gives the whole and its
    parts («123-ФЗ»: 123-фз, 123, фз). Numbers are written one way (1 000 000 and 1,000,000: 1000000; 1,3: 1.3)
    without endings («10-го», 10th: 10). Any script's letters count; Han characters stand singly.
    """
    return [token.casefold() for token in _tokens(text)]


def _tokens(text: str) -> Iterator[str]:
    for match in _TOKEN.finditer(_fold(text)):
        if word := match["word"]:
            yield word
        elif number := match["number"]:
            yield _number(number)
        else:
            yield match["reference"]
            yield from match["reference"].split("-")


def _number(written: str) -> str:
    if _THOUSANDS.fullmatch(written):
        grouped = written.replace(" ", "")
        decimal_comma = " " in written  # «1 000,5», but "1,000.5"
        return grouped.replace(",", ".") if decimal_comma else grouped.replace(",", "")
    return written.replace(",", ".")


_KAZAKH = frozenset("әғқңөұүһі")
_STEMMERS = {name: snowballstemmer.stemmer(name) for name in ("russian", "english", "arabic")}
_LOCK = Lock()  # a Snowball stemmer keeps the word that it works on
_ACCENTS = {ord(sign): None for sign in _MARKS if sign < "\u0370"}


@lru_cache(maxsize=1 << 17)  # the words of a large collection; some 30 MB when full
def _stem(token: str) -> str:
    """A normalised token's stem by its own script; as it is where it has digits or no stemmer."""
    if "á" <= token[0] <= "ʯ" or (not token.isascii() and "a" <= token[0] <= "z"):  # beyoncé: beyonce
        token = unicodedata.normalize("NFD", token).translate(_ACCENTS) or token
    stemmer = _stemmer(token)
    if stemmer is None or not token.replace("'", "").isalpha():
        return token
    with _LOCK:
        stem: str = stemmer.stemWord(token)
    return stem or token


def _stemmer(token: str) -> snowballstemmer.BaseStemmer | None:
    if "а" <= token[0] <= "я":
        return None if _KAZAKH.intersection(token) else _STEMMERS["russian"]
    if "a" <= token[0] <= "z":
        return _STEMMERS["english"]
    return _STEMMERS["arabic"] if "\u0600" <= token[0] <= "\u06ff" else None


def stems(text: str) -> list[str]:
    """The terms of a text for BM25: its tokens, each stemmed by its own script with Snowball.

    Russian, English and Arabic have a stemmer; words with letters of Kazakh alone, numbers and references stay as
    they are. An acronym (МФЦА) gives itself, and its stem where that differs, so that «мфца» finds it too.
    """
    shouted = text.isupper()  # nothing in it can be told to be an acronym
    terms: list[str] = []
    for token in _tokens(text):
        term = token.casefold()
        stem = _stem(term)
        if stem != term and not shouted and 2 <= len(token) <= 6 and token.isupper():
            terms.append(term)
        terms.append(stem)
    return terms


# Words that occur in almost any sentence of their language and seldom as another's.
_FUNCTION_WORDS = {
    "ru": "кто что где когда как какой какая какие каким каких какое сколько почему зачем куда откуда чем чему "
    "это такое такой такая и в с из о об от до по для при под над или если был была было были есть у его "
    "её их он она они который которая которые чей чья ли же только также где-то кого кому каком какую "
    "чего",
    "kk": "туралы жыл жылы кім неше деген болды бойынша керек емес жерде кай кашан калай және бен пен үшін бұл бар",
    "uk": "хто що де коли чому та це які яка який скільки навіщо звідки від або було була були чи цей має",
    "be": "хто што калі чаму ёсць гэта дзе або які якая было ад",
    "bg": "какво кой коя кога къде защо колко е са се при този тази което който която",
    "sr": "шта ко је где када колико су од који која које",
    "en": "the a an is are was were of in on at to for with by from and or what who whom whose when where why "
    "how which did does do has have had can could will would be been this that these those it its he she "
    "they their there not",
    "de": "der die das den dem des ein eine einen ist sind war waren wer was wo wann warum wie welche welcher "
    "und oder nicht mit von zu im auf für bei nach über wurde hat haben sich auch",
    "fr": "le la les un une des du est sont était qui que quoi où quand pourquoi comment quel quelle quels et "
    "ou ne pas dans avec pour par sur de au aux il elle ils cette ce combien a-t-il",
    "es": "el la los las un una es son era fue quién qué dónde cuándo cómo cuál cuánto por para con de del y o "
    "en no se su al está",
    "it": "il lo la gli le un una è sono era chi che cosa dove quando perché come quale di del della e o in non "
    "con per si da nel",
    "pt": "o os as um uma é são foi quem que onde quando como qual quanto por para com de do da e ou em não se no na",
    "tr": "bir ve bu ne kim nerede nasıl neden için ile mi mı mu mü kaç hangi olan olarak de da",
    "pl": "kto co gdzie kiedy jak jaki jaka ile czy jest są był była i w z na do nie się to",
}
_FUNCTIONS = {code: frozenset(words.split()) for code, words in _FUNCTION_WORDS.items()}
FUNCTION_WORDS = frozenset(
    normalize(f"{_FUNCTION_WORDS['ru']} {_FUNCTION_WORDS['en']}").split()
)  # of the two languages
# Letters that Russian and English lack; the first language that has all of a text's wins.
_LETTERS = {
    "kk": "әғқңөұүһі",
    "uk": "їєґі",
    "be": "ўі",
    "sr": "ђјљњћџ",
    "mk": "ѓќѕјљњџ",
    "tt": "әҗңөүһ",
    "tg": "ғӣқӯҳҷ",
    "de": "äöüß",
    "fr": "àâçéèêëîïôùûœ",
    "es": "áéíñóúü¿¡",
    "it": "àèéìòù",
    "pt": "áâãàçéêíóôõú",
    "tr": "çğıöşü",
    "pl": "ąćęłńóśźż",
}
_CYRILLIC_LANGUAGES = ("kk", "uk", "be", "sr", "mk", "tt", "tg", "bg")
_LATIN_LANGUAGES = ("de", "fr", "es", "it", "pt", "tr", "pl")
_FOREIGN = {
    "ru": frozenset("".join(_LETTERS[code] for code in _CYRILLIC_LANGUAGES if code in _LETTERS)),
    "en": frozenset("".join(_LETTERS[code] for code in _LATIN_LANGUAGES)),
}
_KNOWN = {
    "CYRILLIC": frozenset[str]().union(
        *(_FUNCTIONS[code] for code in ("ru", *_CYRILLIC_LANGUAGES) if code in _FUNCTIONS)
    ),
    "LATIN": frozenset[str]().union(*(_FUNCTIONS[code] for code in ("en", *_LATIN_LANGUAGES))),
}
_OTHER_SCRIPTS = {
    "ARABIC": "ar", "CJK": "zh", "HANGUL": "ko", "GREEK": "el", "HEBREW": "he",
    "GEORGIAN": "ka", "ARMENIAN": "hy", "THAI": "th", "DEVANAGARI": "hi", "BENGALI": "bn",
}  # fmt: skip
_KANA = re.compile("[\u3041-\u30ff]")
_SAMPLE = 20_000  # characters: a language that has not shown by then is not the text's
_QUOTED = re.compile(r"«[^«»]*+»|“[^“”]*+”|\"[^\"]*+\"")
_RUN = re.compile(rf"[{_CYRILLIC}]++|[{_LATIN}]++(?:-[{_LATIN}]++)*+|[^\W\d_]++")


def language(text: str) -> str:
    """ISO 639-1 code of the text's language: Russian, English, Kazakh and Arabic surely, others as a guess.

    ``und`` where there are no letters. The script decides first, by its words and not its letters, names counting
    little, so that «Что такое Kaz–UAE GovTech Innovation Hub?» is Russian; then function words and letters do.
    On XQuAD's 1,224 development questions it errs on none, where py3langid 0.4 errs on 13 and takes «Кто?» for Kyrgyz.
    """
    sample = text[:_SAMPLE]
    words = _RUN.findall(_QUOTED.sub(" ", sample)) or _RUN.findall(sample)
    scripts: dict[str, list[str]] = {"CYRILLIC": [], "LATIN": []}
    for word in words:
        scripts.setdefault(unicodedata.name(word[0], "").partition(" ")[0], []).append(word)
    script = max(scripts, key=lambda name: (_weight(name, scripts[name]), len(scripts[name])))
    folded = [word.casefold() for word in scripts[script]]
    if not folded:
        return "und"
    if script == "CYRILLIC":
        return _best("ru", _CYRILLIC_LANGUAGES, folded)
    if script == "LATIN":
        return _best("en", _LATIN_LANGUAGES, folded)
    return "ja" if _KANA.search(sample) else _OTHER_SCRIPTS.get(script, "und")


def _weight(script: str, words: Sequence[str]) -> float:
    """How much a script's words say about the text's language: names little, function words most."""
    names = sum(word[0].isupper() for word in words) if script == "LATIN" else 0
    known = _KNOWN.get(script, frozenset())
    return len(words) - 0.9 * names + 2 * sum(len(word) > 1 and word.casefold() in known for word in words)


def _best(default: str, others: Sequence[str], words: Sequence[str]) -> str:
    """The language among ``others`` whose letters and function words outdo those of ``default``, else ``default``.

    A lone Latin word says nothing (Beyoncé, La Liga); a fifth of a text's words must speak for its language.
    """
    foreign = [letters for word in words if (letters := _FOREIGN[default].intersection(word))]
    known = Counter(code for word in words for code in (default, *others) if word in _FUNCTIONS.get(code, ()))

    def evidence(code: str) -> int:
        return known[code] + sum(letters.issubset(_LETTERS.get(code, "")) for letters in foreign)

    best = max(others, key=evidence)
    enough = max(known[default], 0.2 * len(words), 1 if default == "en" else 0)
    return best if evidence(best) > enough else default


def clean(text: str) -> str:
    """A text as one line: no control or invisible signs or lone surrogates, single spaces, none at the ends."""
    return " ".join(_CONTROL.sub(" ", _UNSEEN.sub("", text)).split())


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_UNSEEN = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]+")


def shorten(text: str, limit: int) -> str:
    """At most ``limit`` characters of a text on one line, cut between words, with «…» where something is left out."""
    line = clean(text)
    if len(line) <= limit:
        return line
    if limit < 1:
        return ""
    cut = line[: limit - 1]
    if not line[limit - 1].isspace() and " " in cut:
        cut = cut.rpartition(" ")[0]
    return cut.rstrip(' ,;:-–—(«"') + "…"
