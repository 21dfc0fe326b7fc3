"""The layers of the `keras` dialect that weigh the steps of a sequence, and sums by letters."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from xdsl.irdl import irdl_op_definition
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.keras.base import KerasOp, Shape, Weight, is_set
from nnc.dialects.keras.options import (
    bool_option,
    function_option,
    int_option,
    opt_int_option,
    opt_ints_option,
    opt_open_ints_option,
    opt_text_option,
    text_option,
)


class WeighingOp(KerasOp, ABC):
    """
    The sum of the steps of `value` weighed by how well the steps of `key`, which is `value` where
    it is not given, fit each step of `query`. Inputs: query, value, key.
    """

    INPUTS: ClassVar[tuple[int, int]] = (2, 3)
    IGNORED: ClassVar[frozenset[str]] = frozenset({"dropout", "seed"})

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        query, value, key = (*inputs, inputs[1])[:3]
        fits = all(len(shape) == 3 and shape[0] == query[0] for shape in (query, value, key))
        if not fits or value[1] != key[1] or query[2] != key[2]:
            raise VerifyException(
                f"expected sequences of one batch, of key and value as long, of query and key as "
                f"wide, got {', '.join(map(str, inputs))}"
            )
        return [(*query[:2], value[2])]


@irdl_op_definition
class AttentionOp(WeighingOp):
    """
    Attention by products of query and key, or by `tanh` of their sums (`score_mode` concat).

    ```mlir
    %y = keras.attention %q, %v : (tensor<1x3x4xf32>, tensor<1x5x4xf32>) -> tensor<1x3x4xf32>
    ```
    """

    name = "keras.attention"

    use_scale = bool_option()
    score_mode = text_option("dot", "concat", default="dot")

    def weight_list(self) -> Sequence[Weight]:
        scale = [Weight("scale")] if is_set(self.use_scale) else []
        return [*scale, *([Weight("concat_score_weight")] if self.by_sums else [])]

    @property
    def by_sums(self) -> bool:
        """Whether query and key are added."""
        return self.score_mode.data == "concat"

    def weight_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        return [() for _ in self.weight_list()]


@irdl_op_definition
class AdditiveAttentionOp(WeighingOp):
    """
    Attention by the sum of `scale * tanh(query + key)`.

    ```mlir
    %y = keras.additive_attention %q, %v {use_scale = false}
      : (tensor<1x3x4xf32>, tensor<1x5x4xf32>) -> tensor<1x3x4xf32>
    ```
    """

    name = "keras.additive_attention"

    use_scale = bool_option(True)

    def weight_list(self) -> Sequence[Weight]:
        return [Weight("scale")] if is_set(self.use_scale) else []

    def weight_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        return [inputs[0][-1:]][: len(self.weight_list())]


@irdl_op_definition
class MultiHeadAttentionOp(KerasOp):
    """
    Several attentions side by side, each of projections of its own; what they give is projected
    onto the width of the query. Inputs: query, value, key.

    ```mlir
    %y = keras.multi_head_attention %q, %v, %a, %b, %c, %d
      {num_heads = 2 : i64, key_dim = 3 : i64, use_bias = false}
      : (tensor<1x3x4xf32>, tensor<1x5x4xf32>, tensor<4x2x3xf32>, tensor<4x2x3xf32>,
         tensor<4x2x3xf32>, tensor<2x3x4xf32>) -> tensor<1x3x4xf32>
    ```
    """

    name = "keras.multi_head_attention"

    INPUTS: ClassVar[tuple[int, int]] = (2, 3)
    IGNORED: ClassVar[frozenset[str]] = frozenset(
        {
            *("dropout", "seed", "flash_attention", "softmax_robust_masking"),
            *("query_shape", "key_shape", "value_shape"),
        }
    )
    STORED_IN: ClassVar[tuple[str, ...]] = (
        *("query_dense/vars", "key_dense/vars", "value_dense/vars", "output_dense/vars"),
    )

    num_heads = int_option()
    key_dim = int_option()
    value_dim = opt_int_option()
    use_bias = bool_option(True)
    output_shape = opt_ints_option()
    attention_axes = opt_ints_option()
    use_gate = bool_option()
    sliding_window = opt_int_option()

    @property
    def widths(self) -> tuple[int, int, int]:
        """Heads, and the width of each for keys and for values."""
        key = self.key_dim.value.data
        value = key if self.value_dim is None else self.value_dim.value.data
        return self.num_heads.value.data, key, value

    def weight_list(self) -> Sequence[Weight]:
        parts = ("kernel", "bias") if is_set(self.use_bias) else ("kernel",)
        names = ("query", "key", "value", "output")
        return [Weight(f"{name}_{part}") for name in names for part in parts]

    def weight_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        query, value, key = (*inputs, inputs[1])[:3]
        heads, key_width, value_width = self.widths
        outputs = self._outputs(query)
        pairs: list[tuple[Shape, Shape]] = [
            ((query[-1], heads, key_width), (heads, key_width)),
            ((key[-1], heads, key_width), (heads, key_width)),
            ((value[-1], heads, value_width), (heads, value_width)),
            ((heads, value_width, *outputs), outputs),
        ]
        return [it for kernel, bias in pairs for it in (kernel, bias)[: 1 + is_set(self.use_bias)]]

    def _outputs(self, query: Shape) -> Shape:
        return query[-1:] if self.output_shape is None else tuple(self.output_shape.get_values())

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        query, value, key = (*inputs, inputs[1])[:3]
        fits = all(len(shape) == 3 and shape[0] == query[0] for shape in (query, value, key))
        axes = None if self.attention_axes is None else self.attention_axes.get_values()
        if not fits or value[1] != key[1] or axes not in (None, (1,)):
            raise VerifyException(
                f"expected sequences of one batch, of key and value as long, attended over axis 1, "
                f"got {', '.join(map(str, inputs))}"
            )
        return [(*query[:2], *self._outputs(query))]


@dataclass(frozen=True)
class Equation:
    """The letters of an input's axes, of a kernel's, and of the result's."""

    left: str
    kernel: str
    result: str

    @property
    def summed(self) -> str:
        """The letters that input and kernel share, over which products are summed."""
        return "".join(it for it in self.kernel if it in self.left)

    @property
    def new(self) -> str:
        """The letters that only the kernel has."""
        return "".join(it for it in self.kernel if it not in self.left)

    @property
    def kept(self) -> str:
        """The letters of the input that the result has as well."""
        return "".join(it for it in self.left if it not in self.kernel)

    @staticmethod
    def of(text: str, rank: int) -> Equation:
        """An equation, dots as letters, for an input of so many axes. Raises VerifyException."""
        operands, arrow, result = text.replace(" ", "").partition("->")
        left, comma, kernel = operands.partition(",")
        if "..." in left:
            letters = "ABCDEFGH"[: max(0, rank - len(left) + 3)]
            left, result = left.replace("...", letters), result.replace("...", letters)
        found = Equation(left, kernel, result)
        distinct = all(len(set(it)) == len(it) and it.isalpha() for it in (left, kernel, result))
        sums = distinct and sorted(result) == sorted(found.kept + found.new)
        if not arrow or not comma or len(left) != rank or not sums:
            raise VerifyException(
                f"expected an equation of {rank} axes in which the letters that input and kernel "
                f"share are summed, such as abc,cd->abd, got {text}"
            )
        return found


@irdl_op_definition
class EinsumDenseOp(KerasOp):
    """
    Products of an input and a kernel, summed over the letters that both have.

    ```mlir
    %y = keras.einsum_dense %x, %k {equation = "abc,cde->abde", output_shape = array<i64: 3, 2, 5>}
      : (tensor<1x3x4xf32>, tensor<4x2x5xf32>) -> tensor<1x3x2x5xf32>
    ```
    """

    name = "keras.einsum_dense"

    equation = text_option()
    output_shape = opt_open_ints_option()
    bias_axes = opt_text_option()
    activation = function_option()

    def weight_list(self) -> Sequence[Weight]:
        return [Weight("kernel"), *([] if self.bias_axes is None else [Weight("bias")])]

    def letters(self, shape: Shape) -> Equation:
        """The equation for an input of that shape. Raises VerifyException."""
        return Equation.of(self.equation.data, len(shape))

    def _sizes(self, shape: Shape) -> dict[str, int]:
        """The extents of all letters: of those that only the kernel has from `output_shape`."""
        letters = self.letters(shape)
        sizes = dict(zip(letters.left, shape, strict=True))
        given = () if self.output_shape is None else self.output_shape.get_values()
        last = letters.result[len(letters.result) - len(given) :]
        known = zip(last, given, strict=False)
        sizes |= {letter: size for letter, size in known if letter in letters.new and size > 0}
        missing = [letter for letter in letters.new if letter not in sizes]
        if missing:
            raise VerifyException(f"expected output_shape to say the extent of {missing[0]}")
        return sizes

    def weight_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        letters, sizes = self.letters(inputs[0]), self._sizes(inputs[0])
        kernel = tuple(sizes[letter] for letter in letters.kernel)
        if self.bias_axes is None:
            return [kernel]
        axes = self.bias_axes.data
        first = min((letters.result.find(letter) for letter in axes), default=-1)
        if first < 0:
            raise VerifyException(f"expected axes of the result for the bias, got {axes}")
        return [kernel, tuple(sizes[it] if it in axes else 1 for it in letters.result[first:])]

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        sizes = self._sizes(inputs[0])
        return [tuple(sizes[letter] for letter in self.letters(inputs[0]).result)]
