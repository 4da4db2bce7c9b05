"""Snoska: answers over a folder of documents, in Russian and English, quoted verbatim with their source.

>>> import rag
>>> index = rag.build("seeds", "index")
>>> answer = index.ask("How many companies with Emirati participation operate in Kazakhstan?")
>>> answer.citations[0].quote
"""

import os

# Read when torch and FAISS load OpenMP: waiting threads sleep instead of spinning. On a busy machine spinning ones
# stall single questions for a second; on an idle one it makes no difference.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from rag import encoders
from rag.errors import RagError
from rag.index import Index, build, open  # rag.open opens an index
from rag.settings import Settings
from rag.types import Answer, BuildReport, Citation, Filters

__all__ = [
    "Answer",
    "BuildReport",
    "Citation",
    "Filters",
    "Index",
    "RagError",
    "Settings",
    "build",
    "encoders",
    "open",
]
