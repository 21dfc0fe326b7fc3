"""
Rewrites of convolutions of floats.

Those over three spatial axes are convolutions of planes: see `volumes`.
"""

from __future__ import annotations

from xdsl.dialects.builtin import TensorType, f32
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn.convolution import Conv2DOp, DepthwiseConv2DOp
from nnc.dialects.nn.deconvolution import ConvTranspose2DOp
from nnc.dialects.types import shape_of
from nnc.passes.nn_builder import UnsupportedError, integer, integers
from nnc.passes.onnx.common import check_type, concatenated, padded, sliced
from nnc.passes.onnx.lowering import Lowering, Node, rewrite
from nnc.passes.onnx.volumes import spread_depth, unfolded
from nnc.passes.onnx.windows import Geometry, as_image, check_spatial, from_image, geometry


def check_kernel(node: Node, weights: SSAValue) -> list[int]:
    """The spatial extents of weights, which the attribute must not contradict."""
    kernel = list(shape_of(weights)[2:])
    if node.ints("kernel_shape") not in (None, [], kernel):
        raise UnsupportedError(f"expected a kernel_shape of {kernel}")
    return kernel


def check_channels(input: SSAValue, weights: SSAValue, groups: int) -> None:
    """Weights for as many channels as the input has. Raises UnsupportedError."""
    if len(shape_of(input)) < 3 or len(shape_of(weights)) != len(shape_of(input)):
        raise UnsupportedError(
            f"expected an image and weights of its rank, got {shape_of(input)} and "
            f"{shape_of(weights)}"
        )
    channels, (outputs, depth) = shape_of(input)[1], shape_of(weights)[:2]
    if groups < 1 or channels != depth * groups or outputs % groups:
        raise UnsupportedError(
            f"expected weights for {channels} channels in {groups} groups, got {shape_of(weights)}"
        )


def kernel_last(to: Lowering, weights: SSAValue, depthwise: bool) -> SSAValue:
    """Weights [O, I, H, W] as [O, H, W, I], or [C * M, 1, H, W] as [1, H, W, C * M]."""
    if len(shape_of(weights)) == 3:
        outputs, depth, width = shape_of(weights)
        weights = to.reshape(weights, [outputs, depth, 1, width])
    return to.transposed(weights, [1, 2, 3, 0] if depthwise else [0, 2, 3, 1])


@rewrite("Conv")
def _conv(node: Node, to: Lowering) -> SSAValue:
    input, weights, bias = node.value(0), node.value(1), node.optional(2)
    for value in (input, weights):
        check_type(value, f32)
    return convolved(node, to, input, weights, bias)


def convolved(
    node: Node,
    to: Lowering,
    input: SSAValue,
    weights: SSAValue,
    bias: SSAValue | None,
    element: Attribute = f32,
) -> SSAValue:
    """A convolution with the attributes of a node, the result of this element type."""
    groups = node.int("group", 1)
    check_channels(input, weights, groups)
    batch, _, *spatial = shape_of(input)
    outputs = shape_of(weights)[0]
    window = geometry(node, spatial, check_kernel(node, weights))
    node.result([batch, outputs, *window.extents])
    if len(spatial) == 3:
        last, weights = unfolded(to, to.channels_last(input), weights, window, groups)
        plane = window.only(slice(1, 3))
    else:
        last, plane = as_image(to, input), window.as_image()
    channels = shape_of(last)[3]
    depthwise = groups == channels and groups > 1
    properties = {
        "strides": integers(plane.strides),
        "dilations": integers(plane.dilations),
        "padding": integers(plane.padding),
    }
    operands = [last, kernel_last(to, weights, depthwise), bias]
    result = TensorType(element, [shape_of(last)[0], *plane.extents, outputs])
    if depthwise:
        value = to.op(DepthwiseConv2DOp, operands, result, **properties)
    else:
        value = to.op(Conv2DOp, operands, result, groups=integer(groups), **properties)
    if len(spatial) == 3:
        return to.channels_first(to.reshape(value, [batch, *window.extents, outputs]))
    return from_image(to, value, len(spatial) + 2)


@rewrite("ConvTranspose")
def _conv_transpose(node: Node, to: Lowering) -> SSAValue:
    input, weights, bias = node.value(0), node.value(1), node.optional(2)
    for value in (input, weights):
        check_type(value, f32)
    batch, channels, *spatial = shape_of(input)
    depth, per_group = shape_of(weights)[:2]
    groups = node.int("group", 1)
    if depth != channels or groups < 1 or channels % groups:
        raise UnsupportedError(f"expected weights for {channels} channels, got {depth}")
    whole = _spread(node, spatial, check_kernel(node, weights))
    node.result([batch, per_group * groups, *whole.extents])
    if len(spatial) == 3:
        last = to.channels_last(input)
        image, weights = spread_depth(to, last, weights, whole, groups)
        window = whole.only(slice(1, 3))
    else:
        image, window = as_image(to, input), whole.as_image()
    kernel = weights
    depth, planes = shape_of(image)[3], shape_of(image)[0]
    if len(spatial) == 1:
        kernel = to.reshape(weights, [depth, per_group, 1, shape_of(weights)[2]])
    kernel = _dilated(to, kernel, window.dilations)
    kernel = to.transposed(kernel, [1, 2, 3, 0])
    parts: list[SSAValue] = []
    step = depth // groups
    for group in range(groups):
        shape = [*shape_of(image)[:3], step]
        part = sliced(to, image, [0, 0, 0, group * step], [1] * 4, shape)
        shape = [*shape_of(kernel)[:3], step]
        some = sliced(to, kernel, [0, 0, 0, group * step], [1] * 4, shape)
        some_bias = bias
        if bias is not None:
            some_bias = sliced(to, bias, [group * per_group], [1], [per_group])
        parts.append(
            to.op(
                ConvTranspose2DOp,
                [part, some, some_bias],
                TensorType(f32, [planes, *window.extents, per_group]),
                strides=integers(window.strides),
                padding=integers(window.before),
            )
        )
    value = concatenated(to, parts, 3)
    if len(spatial) == 3:
        value = to.reshape(value, [batch, *whole.extents, per_group * groups])
        return to.channels_first(value)
    return from_image(to, value, len(spatial) + 2)


def _dilated(to: Lowering, kernel: SSAValue, dilations: list[int]) -> SSAValue:
    """Weights [.., H, W] with zeros between their rows and columns."""
    for axis, dilation in zip((2, 3), dilations, strict=True):
        if dilation == 1:
            continue
        shape = list(shape_of(kernel))
        flat = to.reshape(kernel, [*shape[: axis + 1], 1, *shape[axis + 1 :]])
        after = [0] * len(shape_of(flat))
        after[axis + 1] = dilation - 1
        wide = padded(to, flat, [0] * len(after), after, 0.0)
        shape[axis] *= dilation
        whole = to.reshape(wide, shape)
        shape[axis] -= dilation - 1
        kernel = sliced(to, whole, [0] * 4, [1] * 4, shape)
    return kernel


def _spread(node: Node, spatial: list[int], kernel: list[int]) -> Geometry:
    """
    The geometry of a transposed convolution; `before` and `after` are what is cut off.

    Source: the specification of ConvTranspose (`auto_pad`, `output_shape`, `output_padding`).
    """
    rank = len(spatial)
    check_spatial(rank)
    strides = node.ints("strides") or [1] * rank
    dilations = node.ints("dilations") or [1] * rank
    extra = node.ints("output_padding") or [0] * rank
    pads = node.ints("pads") or [0] * (2 * rank)
    before, after = pads[:rank], pads[rank:]
    wanted, auto = node.ints("output_shape"), node.string("auto_pad", "NOTSET")
    extents: list[int] = []
    for axis, extent in enumerate(spatial):
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        whole = strides[axis] * (extent - 1) + extra[axis] + reach
        if wanted or auto in ("SAME_UPPER", "SAME_LOWER"):
            size = wanted[-rank:][axis] if wanted else extent * strides[axis]
            total = max(0, whole - size)
            small, large = total // 2, total - total // 2
            lower = auto != "SAME_UPPER" if wanted else auto == "SAME_LOWER"
            before[axis], after[axis] = (large, small) if lower else (small, large)
            extents.append(size)
            continue
        if auto == "VALID":
            before[axis] = after[axis] = 0
        extents.append(whole - before[axis] - after[axis])
    if min(extents) < 1:
        raise UnsupportedError(f"expected a result with elements, got {extents}")
    return Geometry(kernel, strides, dilations, before, after, extents)
