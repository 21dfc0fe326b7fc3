"""
The child process that turns a SavedModel into an `.h5` file: a folder in, a file out.

It may run in another Python, which has TensorFlow and nothing of this package.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any


def main(folder: str, target: str) -> int:
    """Loads the model of a folder and saves it. Its last line on stderr says what went wrong."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    try:
        keras: Any = importlib.import_module("tf_keras")
        keras.models.load_model(folder, compile=False).save(target, save_format="h5")
    except Exception as error:
        print(" ".join(f"{type(error).__name__}: {error}".split())[:300], file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
