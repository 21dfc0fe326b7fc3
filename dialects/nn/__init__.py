"""
The canonical dialect: a network free of the habits of the format that it came from.

A value is an immutable tensor of static shape, NHWC where it is an image. There is one way to say
each thing, and every static numeric fact is in a type. Each op states its meaning once, from which
both the reference semantics (numpy) and its loop nest follow.
"""

from xdsl.ir import Dialect

from nnc.dialects.nn.arithmetic import AddOp, MulOp, SubOp
from nnc.dialects.nn.base import RoundingAttr
from nnc.dialects.nn.conversion import (
    ConstantOp,
    DequantizeOp,
    QuantizeOp,
    RequantizeOp,
    ReshapeOp,
)
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp
from nnc.dialects.nn.pooling import AveragePool2DOp, MaxPool2DOp
from nnc.dialects.nn.softmax import SoftmaxOp
from nnc.dialects.nn.types import BinType

Nn = Dialect(
    "nn",
    [
        AddOp,
        AveragePool2DOp,
        ConstantOp,
        Conv2DOp,
        DenseOp,
        DepthwiseConv2DOp,
        DequantizeOp,
        MaxPool2DOp,
        MulOp,
        QuantizeOp,
        RequantizeOp,
        ReshapeOp,
        SoftmaxOp,
        SubOp,
    ],
    [BinType, RoundingAttr],
)
