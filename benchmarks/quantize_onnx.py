"""
Quantises float ONNX models with ONNX Runtime's quantiser in all its ways, and runs them there.

    python benchmarks/quantize_onnx.py FOLDER MODEL.onnx ...   # needs onnxruntime
    python benchmarks/quantize_onnx.py --fixture tests/fixtures/onnx/quantized.npz

For each model there are FOLDER/NAME-FORM-TYPES.onnx, FORM being `qdq` or `qoperator`, TYPES those
of activations and weights (`s8s8`, `u8s8`, `u8u8`), with a `c` where each output channel has a
scale; and a `.npz` of the same name with inputs and, by name, what ONNX Runtime computes for every
quantised tensor. With `--fixture`, a small network is quantised that has a layer of each kind; all
goes into one file, as NAME/model, NAME/input and NAME/TENSOR. Data for calibration and inputs are
random numbers, the same in every run.

Weights have 7 bits unless `--full-range` is given: on x86 without VNNI, ONNX Runtime sums pairs of
products in 16 bits, which saturate with 8. Graph optimisations are ONNX Runtime's default ones
(`ORT_ENABLE_ALL`), which make operators with scales of pairs; one thread.
"""

from __future__ import annotations

import argparse
import io
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime  # type: ignore  # not installed where types are checked
from onnx import helper, numpy_helper
from onnxruntime import quantization as quantization_module  # type: ignore  # not installed either

runtime = cast(Any, onnxruntime)
quantizer = cast(Any, quantization_module)
Source = quantizer.CalibrationDataReader
tools: Any = helper
files: Any = onnx
arrays: Any = numpy_helper
Array = npt.NDArray[Any]

FORMS: dict[str, Any] = {
    "qdq": quantizer.QuantFormat.QDQ,
    "qoperator": quantizer.QuantFormat.QOperator,
}
SIGNED: Any = quantizer.QuantType.QInt8
UNSIGNED: Any = quantizer.QuantType.QUInt8
TYPES: dict[str, tuple[Any, Any]] = {
    "s8s8": (SIGNED, SIGNED),
    "u8s8": (UNSIGNED, SIGNED),
    "u8u8": (UNSIGNED, UNSIGNED),
}
SAMPLES = 3
CALIBRATION = 16


class Reader(Source):
    """Random data for calibration."""

    def __init__(self, name: str, shape: tuple[int, ...]):
        rng: Any = np.random.default_rng(1)
        self.samples = iter(
            {name: rng.normal(0, 1, shape).astype(np.float32)} for _ in range(CALIBRATION)
        )

    def get_next(self) -> dict[str, Array] | None:
        return next(self.samples, None)


def input_of(model: onnx.ModelProto) -> tuple[str, tuple[int, ...]]:
    """The name and the shape of the one input; an open size is 1."""
    constants = {it.name for it in model.graph.initializer}
    (given,) = [it for it in model.graph.input if it.name not in constants]
    shape = tuple(it.dim_value or 1 for it in given.type.tensor_type.shape.dim)
    return given.name, shape


def quantize(
    model: onnx.ModelProto, form: str, types: str, per_channel: bool, reduce_range: bool
) -> onnx.ModelProto:
    """A model as ONNX Runtime quantises it."""
    activations, weights = TYPES[types]
    with tempfile.TemporaryDirectory() as name:
        first, prepared, last = (str(Path(name) / f"{k}.onnx") for k in range(3))
        files.save(model, first)
        quantizer.quant_pre_process(first, prepared, skip_symbolic_shape=True)
        quantizer.quantize_static(
            prepared,
            last,
            Reader(*input_of(model)),
            quant_format=FORMS[form],
            activation_type=activations,
            weight_type=weights,
            per_channel=per_channel,
            reduce_range=reduce_range,
        )
        return files.load(last)


def quantized_tensors(model: onnx.ModelProto) -> list[str]:
    """The results that are stored as integers of 8 bits."""
    inferred = files.shape_inference.infer_shapes(model)
    bytes_ = (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
    known = {it.name: it.type.tensor_type.elem_type for it in inferred.graph.value_info}
    made = [name for it in model.graph.node for name in it.output]
    kinds = ("QLinear", "QGemm")
    own = {it.output[0] for it in model.graph.node if it.op_type.startswith(kinds)}
    stored = {it.output[0] for it in model.graph.node if it.op_type == "QuantizeLinear"}
    return [it for it in made if known.get(it) in bytes_ or it in own | stored]


def compute(model: onnx.ModelProto) -> tuple[Array, dict[str, Array]]:
    """Inputs, and what ONNX Runtime makes of them: of every quantised tensor and of the outputs."""
    seen = onnx.ModelProto()
    seen.CopyFrom(model)
    outputs = {it.name for it in model.graph.output}
    wanted = [name for name in quantized_tensors(model) if name not in outputs]
    seen.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(
        seen.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    name, shape = input_of(model)
    rng: Any = np.random.default_rng(2)
    inputs = rng.normal(0, 1, (SAMPLES, *shape)).astype(np.float32)
    names = [it.name for it in session.get_outputs()]
    results = [session.run(None, {name: sample}) for sample in inputs]
    return inputs, {it: np.stack([r[k] for r in results]) for k, it in enumerate(names)}


def variants(full_range: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """The ways to quantise, by name."""
    for form in FORMS:
        for types in TYPES:
            for per_channel in (False, True):
                name = f"{form}-{types}{'c' * per_channel}"
                # Weights with a scale for each channel are int8 whatever is asked for.
                reduced = not full_range and (types != "u8u8" or per_channel)
                yield (
                    name,
                    {
                        "form": form,
                        "types": types,
                        "per_channel": per_channel,
                        "reduce_range": reduced,
                    },
                )


def small_network() -> onnx.ModelProto:
    """A network with a layer of each kind, a few kilobytes small."""
    rng: Any = np.random.default_rng(3)
    constants: dict[str, Array] = {
        name: rng.normal(0, 0.4, shape).astype(np.float32)
        for name, shape in {
            "w1": (6, 3, 3, 3),
            "b1": (6,),
            "w2": (6, 1, 3, 3),
            "b2": (6,),
            "w3": (8, 6, 1, 1),
            "w4": (8, 6, 1, 1),
            "w5": (16, 5),
            "b5": (5,),
        }.items()
    }
    node = tools.make_node
    nodes = [
        node("Conv", ["x", "w1", "b1"], ["c1"], pads=[1, 1, 1, 1], strides=[2, 2]),
        node("Relu", ["c1"], ["r1"]),
        node("Conv", ["r1", "w2", "b2"], ["c2"], pads=[1, 1, 1, 1], group=6),
        node("LeakyRelu", ["c2"], ["l2"], alpha=0.1),
        node("Add", ["l2", "r1"], ["s"]),
        node("Conv", ["s", "w3"], ["c3"]),
        node("Conv", ["s", "w4"], ["c4"]),
        node("Sigmoid", ["c4"], ["g4"]),
        node("Mul", ["c3", "g4"], ["m"]),
        node("MaxPool", ["m"], ["p1"], kernel_shape=[2, 2], strides=[2, 2]),
        node("AveragePool", ["c3"], ["p2"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Concat", ["p1", "p2"], ["j"], axis=1),
        node("GlobalAveragePool", ["j"], ["a"]),
        node("Flatten", ["a"], ["f"]),
        node("Gemm", ["f", "w5", "b5"], ["d"]),
        node("Softmax", ["d"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3, 12, 12])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 5])],
        [arrays.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def fixture() -> dict[str, Array]:
    """The small network, quantised in all ways, with what ONNX Runtime computes."""
    kept: dict[str, Array] = {}
    for name, options in variants(False):
        model = quantize(small_network(), **options)
        inputs, results = compute(model)
        kept[f"{name}/model"] = np.frombuffer(model.SerializeToString(), np.uint8)
        kept[f"{name}/input"] = inputs
        kept |= {f"{name}/{tensor}": values for tensor, values in results.items()}
    about = f"onnxruntime {runtime.__version__}, {platform.machine()}, {_features()}"
    kept["about"] = np.frombuffer(about.encode(), np.uint8)
    return kept


def _features() -> str:
    """What the processor can multiply with."""
    known = ("avx2", "avx512_vnni", "avx_vnni", "avx512f")
    text = Path("/proc/cpuinfo")
    words = set(text.read_text().split()) if text.exists() else set[str]()
    return " ".join(word for word in known if word in words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", type=Path, nargs="*")
    parser.add_argument("--fixture", action="store_true")
    parser.add_argument("--full-range", action="store_true")
    parser.add_argument("--only", nargs="*", default=[])
    args = parser.parse_args()
    if args.fixture:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **fixture())
        args.folder.write_bytes(buffer.getvalue())
        return
    args.folder.mkdir(parents=True, exist_ok=True)
    for path in args.models:
        for name, options in variants(args.full_range):
            if args.only and name not in args.only:
                continue
            model = quantize(files.load(path), **options)
            inputs, results = compute(model)
            stem = args.folder / f"{path.stem}-{name}"
            files.save(model, f"{stem}.onnx")
            np.savez_compressed(f"{stem}.npz", input=inputs, **results)
            print(stem, _features())


if __name__ == "__main__":
    main()
