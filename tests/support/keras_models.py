"""Where Keras models for tests are, and what runs them."""

from __future__ import annotations

import pytest

from nnc.frontends.keras_python import PYTHON, keras_python

needs_keras = pytest.mark.skipif(
    keras_python() is None,
    reason=f"install the extra 'tensorflow', or set {PYTHON} to a Python that has TensorFlow",
)
