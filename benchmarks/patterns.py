"""How long does a hostile text take, and how does that grow?

    python benchmarks/patterns.py [--functions] [--patterns]

For each regular expression of the package the dearest of the texts that its own structure names, and for each function
over a user's text the dearest of some seventy: processor time at four lengths. ``growth`` is the last length's time
over the one before, which is half as long: about 2 is linear, 4 quadratic. ``tests/attacks/test_patterns.py`` holds it.
Patterns that look at no more than 64 characters from any place are not measured: the work at each place is the same.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.attacks.functions import FUNCTIONS, UNITS
from tests.attacks.growth import grown, seconds
from tests.attacks.patterns import BOUNDED, hostile, is_short, made, patterns

FIRST = 2_000  # characters, at which the dearest text is chosen
PATTERN_LENGTHS = (2_000, 4_000, 8_000, 16_000)
FUNCTION_LENGTHS = (10_000, 20_000, 40_000, 80_000)
RUNS = 3  # the least time of so many

Text = tuple[str, str, str]


def row(name: str, run: Callable[[str], object], texts: Iterable[Text], lengths: Iterable[int]) -> None:
    before, unit, after = max(texts, key=lambda text: seconds(run, grown(*text, FIRST)))
    times = [min(seconds(run, grown(before, unit, after, length)) for _ in range(RUNS)) for length in lengths]
    told = "".join(f"{1000 * each:10.2f}" for each in times)
    growth = f"{times[-1] / times[-2]:7.1f}" if len(times) > 1 and times[-2] > 1e-4 else "      -"
    print(f"{name[:48]:<48}{told}{growth}  {before + unit!r:.30}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--functions", action="store_true", help="the functions alone")
    parser.add_argument("--patterns", action="store_true", help="the patterns alone")
    given = parser.parse_args()
    if given.functions or not given.patterns:
        print(f"{'function, ms':<48}" + "".join(f"{length:10,}" for length in FUNCTION_LENGTHS) + " growth")
        for name, function in FUNCTIONS.items():
            texts = [("", unit, end) for unit in UNITS.values() for end in ("", "x")]
            row(name, function, texts, FUNCTION_LENGTHS)
    if given.patterns or not given.functions:
        found = [*patterns()[0], *made()]
        print(f"\n{'pattern, ms':<48}" + "".join(f"{length:10,}" for length in PATTERN_LENGTHS) + " growth")
        for pattern in found:
            if not is_short(pattern):
                length = BOUNDED.get(pattern.place)
                lengths = PATTERN_LENGTHS if length is None else (length,)
                name = pattern.place if length is None else f"{pattern.place} ({length})"
                row(name, pattern.run, hostile(pattern), lengths)
        print(f"{len(found)} patterns, {sum(map(is_short, found))} of them short")


if __name__ == "__main__":
    main()
