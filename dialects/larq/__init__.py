"""
The `larq` dialect: binary layers as the Larq tools write them, nothing interpreted.

Trained models have layers and quantisers of Keras' kind (`nnc.dialects.larq.layers` and
`quantizers`), converted ones (`.tflite` of the Larq compute engine) custom operators over packed
words (`nnc.dialects.larq.lce`). Everything else in such a model is of `keras` or `tfl`.
"""

from __future__ import annotations

from xdsl.ir import Dialect

from nnc.dialects.larq.layers import LAYER_OPS
from nnc.dialects.larq.lce import LCE_OPS
from nnc.dialects.larq.quantizers import QUANTIZER_OPS

Larq = Dialect("larq", [*LCE_OPS, *LAYER_OPS, *QUANTIZER_OPS])
