"""
SavedModels and model objects: what has to be saved as a file before it can be read.

The folder of a SavedModel has a TensorFlow graph and, if Keras 2 wrote it, the configuration of the
layers. TensorFlow turns such a folder into an `.h5` file, in a process of its own.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any, NoReturn, cast

from nnc.frontends.errors import FrontendError, Problem
from nnc.frontends.keras_python import PYTHON, keras_python, started

_GRAPH, _LAYERS = "saved_model.pb", "keras_metadata.pb"
_LONGEST = 600.0
_LARGEST_LAYERS = 64 << 20


def is_saved_model(path: Path) -> bool:
    """Whether a path is the folder of a SavedModel."""
    return path.is_dir() and (path / _GRAPH).is_file()


def read_saved_model(path: Path) -> bytes:
    """
    The `.h5` file that a SavedModel becomes.

    Raises FrontendError for one without layers or with a program in it, and where there is no
    Python that has TensorFlow.
    """
    layers = path / _LAYERS
    if not layers.is_file():
        _refuse(
            "the folder has no layers, only a graph (`model.export` of Keras 3 and "
            "`tf.saved_model.save` write such ones); the model saved by `model.save` as .keras or "
            ".h5 works, and so does the folder converted to .tflite or .onnx"
        )
    if layers.stat().st_size > _LARGEST_LAYERS:
        _refuse(f"expected '{_LAYERS}' of at most {_LARGEST_LAYERS >> 20} MiB")
    if b'"class_name": "Lambda"' in layers.read_bytes():
        _refuse(
            "the folder has a program (a Lambda layer), which is never run; "
            "the model saved as .h5 works with `nnc.custom_layer`"
        )
    python = keras_python()
    if python is None:
        _refuse(
            "reading a SavedModel needs TensorFlow: install the extra 'tensorflow', "
            f"or set {PYTHON} to a Python that has it"
        )
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "model.h5")
        script = str(Path(__file__).with_name("keras_export.py"))
        command = [python, *started(script), str(path.resolve()), str(target)]
        try:
            done = subprocess.run(
                command, capture_output=True, cwd=folder, timeout=_LONGEST, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            _refuse(f"TensorFlow could not read the folder: {error}")
        if done.returncode != 0 or not target.is_file():
            said = done.stderr.decode(errors="replace").strip().splitlines()
            _refuse(f"TensorFlow could not read the folder: {said[-1] if said else 'it ended'}")
        return target.read_bytes()


def is_model(value: object) -> bool:
    """Whether an object is a model of Keras, of either generation."""
    module = type(value).__module__.split(".")[0]
    bases = {base.__module__.split(".")[0] for base in type(value).__mro__}
    known = {"keras", "tf_keras", "tensorflow"}
    return (module in known or bool(bases & known)) and hasattr(value, "save")


def saved(model: object) -> bytes:
    """The file that a model object becomes: `.h5` of Keras 2, `.keras` of Keras 3."""
    bases = {base.__module__.split(".")[0] for base in type(model).__mro__}
    suffix = ".keras" if "keras" in bases and "tf_keras" not in bases else ".h5"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"model{suffix}")
        cast(Any, model).save(path)
        return path.read_bytes()


def _refuse(reason: str) -> NoReturn:
    raise FrontendError([Problem(reason)])
