"""What the contract says of modules that nothing has verified before."""

from __future__ import annotations

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from nnc.passes.mlir_text import parse_mlir
from nnc.passes.nn_verify_contract import ContractError, NnVerifyContractPass
from nnc.pipeline import context


def problems(body: str, arguments: str, results: str) -> tuple[str, ...]:
    """What the pass says of a function, without the places."""
    text = f"func.func @main({arguments}) -> {results} {{\n{body}\n}}"
    module: ModuleOp = parse_mlir(context(), text.encode(), "test.mlir")
    with pytest.raises(ContractError) as failure:
        NnVerifyContractPass().apply(Context(), module)
    assert str(failure.value).splitlines() == list(failure.value.problems)
    return tuple(line.partition(": ")[2] for line in failure.value.problems)


def test_halves_and_doubles_are_for_constants_and_casts() -> None:
    found = problems(
        "%c = nn.constant dense<1.0> : tensor<4xf64> -> tensor<4xf64>\n"
        "%y = nn.add %x, %c : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>\n"
        "func.return %y : tensor<4xf64>",
        "%x: tensor<4xf64>",
        "tensor<4xf64>",
    )
    complaint = "is tensor<4xf64>, which only nn.constant and nn.cast take; cast it to f32"
    assert found == tuple(f"'nn.add': {name} {complaint}" for name in ("lhs", "rhs", "output"))


def test_types_per_axis_are_for_weights() -> None:
    kind = "tensor<2x!quant.uniform<i8:f32:0, {0.25, 0.125}>>"
    found = problems(
        f"%y = nn.clamp %x : ({kind}) -> {kind}\nfunc.return %y : {kind}", f"%x: {kind}", kind
    )
    complaint = f"is {kind}, quantised per axis; one scale for the whole tensor works"
    assert found == (f"'nn.clamp': input {complaint}", f"'nn.clamp': output {complaint}")


def test_binary_values_are_for_ops_that_say_so() -> None:
    kind = "tensor<4x!nn.bin>"
    found = problems(
        f"%y = nn.softmax %x {{beta = 1.0 : f32}} : ({kind}) -> {kind}\n"
        f"%z = nn.concat %y, %y {{axis = 0 : i64}} : ({kind}, {kind}) -> tensor<8x!nn.bin>\n"
        "func.return %z : tensor<8x!nn.bin>",
        f"%x: {kind}",
        "tensor<8x!nn.bin>",
    )
    complaint = f"is {kind}, which nn.softmax does not take; nn.dequantize it to f32"
    assert found == (f"'nn.softmax': input {complaint}", f"'nn.softmax': output {complaint}")


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        ("memref<4xf32>", "is memref<4xf32>; only tensors work"),
        ("tensor<4xi7>", "is tensor<4xi7>; integers of 1, 4, 8, 16, 32 and 64 bits work"),
        (
            "tensor<4x!quant.uniform<i64:f32, 0.5>>",
            "is tensor<4x!quant.uniform<i64:f32, 0.5>>; storage of 4, 8, 16 and 32 bits works",
        ),
        (
            "tensor<65536x65536xi8>",
            "is tensor<65536x65536xi8>; tensors of up to 268,435,456 elements work",
        ),
        ("tensor<4xbf16>", "is tensor<4xbf16>; f32, integers and quantised types work"),
    ],
)
def test_types_that_do_not_exist_here(kind: str, complaint: str) -> None:
    found = problems(f"func.return %x : {kind}", f"%x: {kind}", kind)
    assert found == (f"'func.func': input 0 {complaint}",)


def test_the_operation_of_that_name_is_suggested() -> None:
    found = problems(
        "%y = math.exp %x : tensor<4xf32>\nfunc.return %y : tensor<4xf32>",
        "%x: tensor<4xf32>",
        "tensor<4xf32>",
    )
    assert found == ("'math.exp': expected only nn operations; nn.exp works",)
