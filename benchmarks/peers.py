"""What others get from the same passages with the same model: txtai and Haystack, each as its guides set it up.

Each takes the passages and gives a function from a question to the passages' numbers, best first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from rag.encoders import bundled_model_folder
from rag.protocols import Encoder

TOP = 10
Search = Callable[[str], list[int]]


def txtai(texts: Sequence[str], encoder: Encoder) -> Search:
    """txtai's hybrid search: the model's vectors and its BM25, half and half."""
    from txtai import Embeddings

    embeddings = Embeddings(
        path=str(bundled_model_folder()),
        hybrid=True,
        instructions={"query": "query: ", "data": "passage: "},
    )
    embeddings.index(list(enumerate(texts)))
    return lambda question: [int(number) for number, _ in embeddings.search(question, TOP)]


def haystack(texts: Sequence[str], encoder: Encoder) -> Search:
    """Haystack's hybrid pipeline: BM25 and vectors, ten of each, joined by reciprocal rank fusion.

    Its core has no local embedder any more; it is given the model's vectors, the same that all the others use.
    """
    os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
    from haystack import Document
    from haystack.components.joiners import DocumentJoiner
    from haystack.components.retrievers.in_memory import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    store = InMemoryDocumentStore(embedding_similarity_function="cosine")
    vectors = encoder.encode_documents(texts)
    store.write_documents(
        [Document(id=str(i), content=text, embedding=vectors[i].tolist()) for i, text in enumerate(texts)]
    )
    lexical = InMemoryBM25Retriever(store, top_k=TOP)
    dense = InMemoryEmbeddingRetriever(store, top_k=TOP)
    joiner = DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=TOP)

    def search(question: str) -> list[int]:
        vector = encoder.encode_queries([question])[0].tolist()
        found = [lexical.run(query=question)["documents"], dense.run(query_embedding=vector)["documents"]]
        return [int(document.id) for document in joiner.run(documents=found)["documents"]]

    return search


PEERS: dict[str, Callable[[Sequence[str], Encoder], Search]] = {"txtai": txtai, "haystack": haystack}
