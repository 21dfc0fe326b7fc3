"""Operators that move elements, or change the shape or the number of tensors."""

from __future__ import annotations

from nnc.dialects.onnx.base import operators

MOVEMENT_OPS = operators("""
CenterCropPad(input_data, shape; axes: is) -> output_data
Compress(input, condition; axis: i) -> output
Concat(inputs*; axis: i) -> concat_result
DepthToSpace(input; blocksize: i, mode: s) -> output
Dropout(data, ratio?, training_mode?; ratio: f, seed: i) -> output, mask?
Expand(input, shape) -> output
Flatten(input; axis: i) -> output
Gather(data, indices; axis: i) -> output
GatherElements(data, indices; axis: i) -> output
GatherND(data, indices; batch_dims: i) -> output
Identity(input) -> output
OneHot(indices, depth, values; axis: i) -> output
Pad(data, pads?, constant_value?, axes?; mode: s, pads: is, value: f) -> output
Resize(X, roi?, scales?, sizes?; antialias: i, axes: is, coordinate_transformation_mode: s,
    cubic_coeff_a: f, exclude_outside: i, extrapolation_value: f, keep_aspect_ratio_policy: s,
    mode: s, nearest_mode: s) -> Y
Reshape(data, shape; allowzero: i) -> reshaped
ReverseSequence(input, sequence_lens; batch_axis: i, time_axis: i) -> Y
Scatter(data, indices, updates; axis: i) -> output
ScatterElements(data, indices, updates; axis: i, reduction: s) -> output
ScatterND(data, indices, updates; reduction: s) -> output
Slice(data, starts?, ends?, axes?, steps?; axes: is, ends: is, starts: is) -> output
SpaceToDepth(input; blocksize: i, mode: s) -> output
Split(input, split?; axis: i, num_outputs: i, split: is) -> outputs*
Squeeze(data, axes?; axes: is) -> squeezed
Tile(input, repeats) -> output
Transpose(data; perm: is) -> transposed
Trilu(input, k?; upper: i) -> output
Unsqueeze(data, axes?; axes: is) -> expanded
Upsample(X, scales?; mode: s, scales: fs) -> Y
""")
