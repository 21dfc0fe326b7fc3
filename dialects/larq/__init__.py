"""
The `larq` dialect: binary layers as the Larq tools write them, nothing interpreted.

Converted models (`.tflite` of the Larq compute engine) have custom operators over packed words;
`nnc.dialects.larq.lce` has those. Everything else in such a model is of the dialect `tfl`.
"""

from __future__ import annotations

from xdsl.ir import Dialect

from nnc.dialects.larq.lce import LCE_OPS

Larq = Dialect("larq", [*LCE_OPS])
