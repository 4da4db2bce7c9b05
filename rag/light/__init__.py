"""The bundled model for questions: ONNX Runtime, numpy and the tokenizer, and nothing that takes seconds to import.

``graph.py`` writes ONNX files, ``network.py`` the model's, ``folder.py`` sees to it that they are made once.
``pieces.py`` takes a question apart, ``model.py`` runs it; ``second.py`` is the second encoder in numpy. The vectors
are those of the torch runtime to a cosine of .999 or more, so that either may ask an index that the other has built.
"""

from rag.light.folder import LIGHT_NAME, SECOND_NAME, light_folder, second_folder
from rag.light.model import LightModel, Tokens
from rag.light.second import light_network

__all__ = ["LIGHT_NAME", "SECOND_NAME", "LightModel", "Tokens", "light_folder", "light_network", "second_folder"]
