"""The dense leg on four hand-made vectors: whose rows are near, exact cosines, selections."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.dense import DenseLeg, flat_index
from rag.types import Centre, Ids
from tests.small_encoder import SmallEncoder
from tests.small_store import small_store

EAST, NORTH, NORTH_EAST, WEST = range(4)
VECTORS = np.array([[1, 0], [0, 1], [0.6, 0.8], [-1, 0]], dtype=np.float32)
QUESTION = np.array([1, 0], dtype=np.float32)  # cosines with the rows: 1, 0, 0.6, -1


def ints(*values: int) -> NDArray[np.int32]:
    return np.array(values, dtype=np.int32)


def ids(*values: int) -> Ids:
    return np.array(values, dtype=np.int64)


@pytest.fixture
def leg() -> DenseLeg:
    """Passage 0 has two sentences; passages 1 and 2 are one sentence each, so that their row is the paragraph's; the
    row NORTH is shared by a sentence of 0 and by passage 2."""
    return DenseLeg(
        flat_index(VECTORS), ints(NORTH_EAST, WEST, NORTH), ints(NORTH, EAST, WEST, NORTH), ints(0, 2, 3, 4)
    )


@pytest.mark.parametrize(
    ("count", "allowed", "expected"),
    [
        pytest.param(1, None, [0], id="nearest_row"),
        pytest.param(2, None, [0], id="two_rows_of_one_passage"),
        pytest.param(3, None, [0, 2], id="shared_row_gives_both_owners"),
        pytest.param(4, None, [0, 1, 2], id="all_rows"),
        pytest.param(500, None, [0, 1, 2], id="more_than_there_are"),
        pytest.param(0, None, [], id="none_wanted"),
        pytest.param(1, [1], [1], id="one_allowed_however_far"),
        pytest.param(1, [2, 1], [2], id="nearest_of_two_allowed"),
        pytest.param(500, [2, 1], [1, 2], id="only_the_allowed"),
        pytest.param(500, [], [], id="none_allowed"),
    ],
)
def test_candidates_are_the_owners_of_the_nearest_rows(
    leg: DenseLeg, count: int, allowed: list[int] | None, expected: list[int]
) -> None:
    found = leg.candidates(QUESTION, count, None if allowed is None else ids(*allowed))
    assert found.tolist() == expected
    assert found.dtype == np.int64


def test_scores_are_exact_cosines(leg: DenseLeg) -> None:
    scores = leg.scores(QUESTION, ids(2, 0, 1))
    assert scores.paragraph == pytest.approx([0, 0.6, -1])
    assert scores.sentence == pytest.approx([0, 1, -1])
    assert leg.sentence_scores(QUESTION, 0) == pytest.approx([0, 1])
    assert leg.sentence_scores(QUESTION, 1) == pytest.approx([-1])


def test_centred_scores_are_cosines_of_what_is_left_without_the_means(leg: DenseLeg) -> None:
    """Passage 0 has its own vector at (.6, .8), sentences at (0, 1) and (1, 0); passage 1 is at (-1, 0)."""
    centre = Centre(np.array([0.5, -0.5], dtype=np.float32), np.array([0, 0.5], dtype=np.float32))
    # the question (1, 0) becomes (.5, .5); rows (.6, .3), (0, .5), (1, -.5) and (-1, -.5)
    across = [(0.6 + 0.3) / math.sqrt(2 * 0.45), 0.5 / math.sqrt(2 * 0.25), 0.5 / math.sqrt(2 * 1.25)]
    away = -1.5 / math.sqrt(2 * 1.25)
    scores = leg.centred_scores(QUESTION, ids(0, 1), centre)
    assert scores == pytest.approx([(across[0] + max(across[1:])) / 2, away], abs=1e-6)
    assert scores.dtype == np.float32


def test_scores_of_no_passage_are_empty(leg: DenseLeg) -> None:
    scores = leg.scores(QUESTION, ids())
    assert (scores.paragraph.shape, scores.sentence.shape) == ((0,), (0,))
    assert leg.rows(ids()).shape == (0, 2)


def test_rows_are_the_vectors_as_given(leg: DenseLeg) -> None:
    assert leg.rows(ids(WEST, EAST)).tolist() == [[-1, 0], [1, 0]]
    assert len(leg) == 3


def test_empty_leg_has_no_candidates() -> None:
    leg = DenseLeg(flat_index(VECTORS[:0]), ints(), ints(), ints(0))
    assert (len(leg), leg.candidates(QUESTION, 5).tolist()) == (0, [])


@pytest.mark.parametrize(
    ("paragraphs", "sentences", "bounds", "message"),
    [
        pytest.param(ints(0, 1), ints(0, 1), ints(0, 2), "bounds 2 do not fit 2 passages", id="bounds_too_few"),
        pytest.param(ints(0), ints(0, 1), ints(0, 1), "bounds 2 do not fit 1 passages", id="bounds_end_early"),
        pytest.param(ints(4), ints(0), ints(0, 1), "a row lies beyond the 4 vectors", id="paragraph_beyond"),
        pytest.param(ints(0), ints(9), ints(0, 1), "a row lies beyond the 4 vectors", id="sentence_beyond"),
    ],
)
def test_parts_that_disagree_are_refused(
    paragraphs: NDArray[np.int32], sentences: NDArray[np.int32], bounds: NDArray[np.int32], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        DenseLeg(flat_index(VECTORS), paragraphs, sentences, bounds)


@pytest.mark.parametrize(
    ("texts", "question"),
    [
        pytest.param(["Казахстан строит реактор. Закон принят.", "Дожди в Алматы."], "Закон принят.", id="ru"),
        pytest.param(["The plant is built. The law passed.", "Rain in Almaty."], "The law passed.", id="en"),
    ],
)
def test_question_that_repeats_a_sentence_finds_it(texts: list[str], question: str) -> None:
    encoder = SmallEncoder()
    store = small_store([("und", text) for text in texts], encoder)
    vector = encoder.encode_queries([question])[0]
    assert store.dense.candidates(vector, 1).tolist() == [0]
    scores = store.dense.scores(vector, ids(0, 1))
    assert scores.sentence[0] == pytest.approx(1, abs=1e-6)
    assert scores.sentence[1] < 0.5
