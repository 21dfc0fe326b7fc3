"""The Keras frontend: what it reads beside the layers, and what it refuses."""

from __future__ import annotations

import contextlib
import io
import json
import random
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from support.keras_models import needs_keras
from support.project import ROOT
from xdsl.ir import SSAValue

import nnc
from nnc.dialects.keras.structure import SHAPE_RULES
from nnc.dialects.nn import interpreter
from nnc.dialects.nn.arithmetic import MulOp
from nnc.frontends import keras_python
from nnc.frontends.errors import FrontendError
from nnc.frontends.keras import import_keras
from nnc.passes.keras.custom import CustomLayer
from nnc.passes.keras.lowering import Lowering, floats
from nnc.passes.nn_builder import UnsupportedError
from nnc.passes.nn_opt import main as nn_opt

FIXTURES = ROOT / "tests/fixtures"
DIGITS = ROOT / "examples/digits/digits.h5"
Json = Any


def layer(class_name: str, name: str, **config: Json) -> Json:
    """A layer as Keras 2 writes it."""
    return {"class_name": class_name, "config": {"name": name, **config}}


def image(*shape: int | None) -> Json:
    """An input layer."""
    return layer("InputLayer", "image", batch_input_shape=[None, *shape], dtype="float32")


def h5(
    layers: Sequence[Json], weights: dict[str, Sequence[np.ndarray[Any, Any]]] | None = None
) -> bytes:
    """The file of a Sequential model."""
    config = {"class_name": "Sequential", "config": {"name": "net", "layers": list(layers)}}
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.14.0"
        for name, arrays in (weights or {}).items():
            group = file.create_group(f"model_weights/{name}")
            names = [f"{name}/w{k}:0" for k in range(len(arrays))]
            group.attrs["weight_names"] = [it.encode() for it in names]
            for it, array in zip(names, arrays, strict=True):
                group.create_dataset(it, data=array)
    return data.getvalue()


def refusal(data: bytes) -> list[str]:
    """The lines of the error about a file."""
    with pytest.raises(FrontendError) as caught:
        nnc.run_passes(import_keras(data), "keras-to-nn")
    return str(caught.value).splitlines()


def outputs(data: bytes, *inputs: np.ndarray[Any, Any]) -> Sequence[np.ndarray[Any, Any]]:
    """What a model computes."""
    return interpreter.run(nnc.run_passes(nnc.load(data), "keras-to-nn"), inputs).outputs


def test_what_is_printed_reads_back_as_the_same_model() -> None:
    from xdsl.printer import Printer

    from nnc.passes.mlir_text import parse_mlir
    from nnc.pipeline import context

    for path in sorted((FIXTURES / "keras").glob("*_3.keras")):
        text = io.StringIO()
        Printer(stream=text).print_op(nnc.load(path))
        again = io.StringIO()
        Printer(stream=again).print_op(parse_mlir(context(), text.getvalue().encode(), "text"))
        assert again.getvalue() == text.getvalue()


def test_all_problems_at_once() -> None:
    layers = [
        image(4),
        layer("Masking", "mask", mask_value=0.0),
        layer("Dense", "dense", units="three"),
        layer("Dropout", "half", rate=0.5, dtype="mixed_float16"),
        layer("Dense", "odd", units=3, surprise=1),
        layer("Own>Scale", "own"),
    ]
    lines = refusal(h5(layers))
    assert lines == [
        'layer "mask": Masking: masks are not supported; sequences of one fixed length without '
        "this layer work",
        "layer \"dense\": Dense: units: expected a whole number, got 'three'",
        'layer "half": Dropout: it computes in mixed_float16; the same model with the policy '
        "float32 works",
        'layer "odd": Dense: surprise: this setting is not known',
        "layer \"own\": Own>Scale: this is not a layer of Keras; `@nnc.custom_layer('Scale')` "
        "registers a function that builds its nn ops",
    ]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("ConvLSTM2D", "states that are images"),
        ("Conv3D", "volumes are not supported"),
        ("GlobalAveragePooling3D", "volumes are not supported"),
        ("SpectralNormalization", "the layer in it, with that kernel, works"),
        ("StringLookup", "a model whose input is what this layer gives works"),
        ("Discretization", "a model whose input is what this layer gives works"),
        ("STFTSpectrogram", "a model whose input is one works"),
        ("SlicingOpLambda", "Cropping1D and Cropping2D are"),
        ("LocallyConnected1D", "Conv1D is"),
        ("Unheard", "`nnc ops` lists those that are"),
    ],
)
def test_what_is_refused_says_what_works(kind: str, reason: str) -> None:
    (line,) = refusal(h5([image(4, 4), layer(kind, "it")]))
    assert line.startswith(f'layer "it": {kind}: ')
    assert reason in line


@pytest.mark.parametrize("cell", ["StackedRNNCells", "OwnCell"])
def test_cells_of_ones_own_are_refused(cell: str) -> None:
    config = {"class_name": cell, "config": {"name": "cell"}}
    (line,) = refusal(h5([image(4, 4), layer("RNN", "it", cell=config)]))
    assert "LSTMCell, GRUCell and SimpleRNNCell are" in line


def test_shapes_that_do_not_fit() -> None:
    weights = {"dense": [np.zeros((5, 2), np.float32), np.zeros(2, np.float32)]}
    (line,) = refusal(h5([image(4), layer("Dense", "dense", units=2)], weights))
    assert line == 'layer "dense": Dense: expected kernel of shape (4, 2), got (5, 2)'
    (line,) = refusal(h5([image(4), layer("Dense", "dense", units=2)]))
    assert line == 'layer "dense": Dense: expected 2 weights in the file, got 0'
    (line,) = refusal(h5([image(4), layer("Reshape", "shape", target_shape=[3])]))
    assert line == 'layer "shape": Reshape: expected a shape of 4 elements, got [3]'


def test_open_sizes_are_fixed_by_name() -> None:
    data = h5([image(None, 3), layer("GlobalMaxPooling1D", "most")])
    (line,) = refusal(data)
    assert line == (
        'layer "image": InputLayer: expected a shape of known sizes, got 1x?x3; '
        "`--shape image=1,8,3` would fix one"
    )
    module = import_keras(data, shapes={"image": (1, 5, 3)})
    assert "tensor<1x5x3xf32>" in str(module)
    with pytest.raises(FrontendError, match="there is no input 'x'; the inputs are image"):
        import_keras(data, shapes={"x": (1, 5, 3)})
    with pytest.raises(FrontendError, match=r"expected a shape that fits \?x\?x3, got 1x5x4"):
        import_keras(data, shapes={"image": (1, 5, 4)})


@pytest.mark.parametrize("kind", ["MaxPooling2D", "Conv2D", "ZeroPadding2D", "Flatten"])
def test_channels_first_is_channels_last_with_other_axes(kind: str) -> None:
    """Keras itself has no convolution of channels first without a GPU."""
    rng = np.random.default_rng(1)
    options: dict[str, Json] = {
        "MaxPooling2D": {"pool_size": [2, 3], "strides": [2, 2], "padding": "same"},
        "Conv2D": {"filters": 4, "kernel_size": [3, 2], "strides": [1, 2], "padding": "valid"},
        "ZeroPadding2D": {"padding": [[1, 0], [2, 3]]},
        "Flatten": {},
    }[kind]
    kernel = [rng.normal(size=(3, 2, 3, 4)), rng.normal(size=4)]
    weights = {"it": kernel} if kind == "Conv2D" else {}
    x = rng.normal(size=(1, 5, 6, 3)).astype(np.float32)
    last = layer(kind, "it", data_format="channels_last", **options)
    first = layer(kind, "it", data_format="channels_first", **options)
    (expected,) = outputs(h5([image(5, 6, 3), last], weights), x)
    (actual,) = outputs(h5([image(3, 5, 6), first], weights), x.transpose(0, 3, 1, 2))
    if actual.ndim == 4:
        actual = actual.transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(actual, expected)


def test_contents_of_files_and_model_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    class Functional:
        """As a model of Keras: it can only be saved."""

        def save(self, path: Path) -> None:
            name = "mobile_3.keras" if path.suffix == ".keras" else "mobile.h5"
            shutil.copyfile(FIXTURES / "doors" / name, path)

    expected = str(nnc.load(FIXTURES / "doors/mobile.h5"))
    assert str(nnc.load((FIXTURES / "doors/mobile.h5").read_bytes())) == expected
    for module in ("keras.src.models", "tf_keras.src.engine"):
        monkeypatch.setattr(Functional, "__module__", module)
        assert "keras.conv2d" in str(nnc.load(Functional()))
    monkeypatch.setattr(Functional, "__module__", "other")
    with pytest.raises(Exception, match="expected a path, bytes or a Keras model, got Functional"):
        nnc.load(Functional())


def test_a_saved_model_without_tensorflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("nnc.frontends.keras_saved_model.keras_python", lambda: None)
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(
        FrontendError, match=r"has no layers, only a graph .* as \.keras or \.h5 works"
    ):
        nnc.load(tmp_path)
    assert nn_opt([str(tmp_path)]) == 1
    assert "has no layers, only a graph" in capsys.readouterr().err
    (tmp_path / "keras_metadata.pb").write_bytes(b'{"class_name": "Lambda"}')
    with pytest.raises(FrontendError, match="has a program"):
        nnc.load(tmp_path)
    (tmp_path / "keras_metadata.pb").write_bytes(b"")
    with pytest.raises(FrontendError, match="install the extra 'tensorflow', or set NNC_REF"):
        nnc.load(tmp_path)


@needs_keras
def test_a_saved_model_is_the_model_that_was_saved(tmp_path: Path) -> None:
    source, folder = FIXTURES / "doors/mobile.h5", tmp_path / "saved"
    program = (
        "import os, sys; os.environ['TF_USE_LEGACY_KERAS'] = '1'; import tf_keras as keras; "
        "keras.models.load_model(sys.argv[1], compile=False).save(sys.argv[2], save_format='tf')"
    )
    python = keras_python.keras_python()
    assert python is not None
    subprocess.run([python, "-c", program, source, folder], check=True, capture_output=True)
    assert str(nnc.load(folder)) == str(nnc.load(source))
    for path, target in ((folder, "a"), (source, "b")):
        assert nn_opt([str(path), "-p", "keras-to-nn", "-o", str(tmp_path / target)]) == 0
    assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text()


@pytest.fixture
def registered() -> Generator[None]:
    """Registrations of custom layers, undone afterwards."""
    before = dict(SHAPE_RULES)
    yield
    SHAPE_RULES.clear()
    SHAPE_RULES.update(before)


@pytest.mark.usefixtures("registered")
def test_a_custom_layer_is_what_its_function_builds() -> None:
    @nnc.custom_layer("Scale")
    def _(layer: CustomLayer, inputs: Sequence[SSAValue], to: Lowering) -> SSAValue:
        assert layer.config["power"] == 2
        return to.binary(MulOp, inputs[0], to.number(layer.weights[0]))

    weights = {"scale": [np.array([1.0, 2.0, 3.0], np.float32)]}
    data = h5([image(3), layer("Own>Scale", "scale", power=2)], weights)
    (result,) = outputs(data, np.array([[1.0, 2.0, -1.0]], np.float32))
    np.testing.assert_array_equal(result, [[1.0, 4.0, -3.0]])


@pytest.mark.usefixtures("registered")
def test_a_lambda_is_mapped_by_its_name_and_never_run() -> None:
    program = {"class_name": "__lambda__", "config": {"code": "not even base64"}}
    data = h5([image(4), layer("Lambda", "halves", function=program)])
    assert refusal(data) == [
        "layer \"halves\": Lambda: its program is not read; `@nnc.custom_layer('Lambda', "
        "name='halves')` registers a function that builds its nn ops"
    ]

    @nnc.custom_layer("Lambda", name="halves", shapes=lambda config, inputs: [(1, 2, 2)])
    def _(layer: CustomLayer, inputs: Sequence[SSAValue], to: Lowering) -> SSAValue:
        return to.reshape(inputs[0], [1, 2, 2])

    (result,) = outputs(data, np.arange(4, dtype=np.float32)[None])
    np.testing.assert_array_equal(result, [[[0, 1], [2, 3]]])


@pytest.mark.usefixtures("registered")
def test_what_a_custom_layer_gives_is_checked() -> None:
    @nnc.custom_layer("Scale")
    def _(layer: CustomLayer, inputs: Sequence[SSAValue], to: Lowering) -> SSAValue:
        if layer.name == "never":
            raise UnsupportedError("this one is not supported")
        return to.full(floats([1, 7]), 0.0)

    assert refusal(h5([image(3), layer("Scale", "wide")])) == [
        'layer "wide": Custom: expected the custom layer to give tensor<1x3xf32>, got '
        "tensor<1x7xf32>; its `shapes` say what it gives"
    ]
    (line,) = refusal(h5([image(3), layer("Scale", "never")]))
    assert line.endswith("this one is not supported")


def _edited(edit: Callable[[h5py.File], None]) -> bytes:
    data = io.BytesIO(DIGITS.read_bytes())
    with h5py.File(data, "r+") as file:
        edit(file)
    return data.getvalue()


KERNEL = "model_weights/conv1/conv1/kernel:0"


def _external_link(file: h5py.File) -> None:
    del file[KERNEL]
    file[KERNEL] = h5py.ExternalLink("/etc/passwd", "/")


def _external_data(file: h5py.File) -> None:
    del file[KERNEL]
    file.create_dataset(KERNEL, (3, 3, 1, 16), "f4", external=[("/etc/passwd", 0, 576)])


def _soft_link(file: h5py.File) -> None:
    del file[KERNEL]
    file[KERNEL] = h5py.SoftLink("/model_weights/conv2/conv2/kernel:0")


def _bomb(file: h5py.File) -> None:
    del file[KERNEL]
    file.create_dataset(KERNEL, (1 << 20, 1 << 20), "f4", chunks=(1024, 1024), fillvalue=1.0)


def _texts(file: h5py.File) -> None:
    del file[KERNEL]
    file.create_dataset(KERNEL, data=[b"no", b"numbers"])


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (_external_link, "is a link; save the model as one file"),
        (_soft_link, "is a link; save the model as one file"),
        (_external_data, "is kept in another file; save the model as one file"),
        (_bomb, "expected weights of at most 1024 MiB, got more"),
        (_texts, "expected numbers at"),
    ],
)
def test_hostile_weights(edit: Callable[[h5py.File], None], reason: str) -> None:
    assert any(reason in line for line in refusal(_edited(edit)))


def test_broken_files() -> None:
    data = DIGITS.read_bytes()
    for size in (9, 100, 2000, len(data) // 2):
        assert refusal(data[:size])
    assert "this is not a valid HDF5 file" in refusal(b"nothing")[0]
    assert "this is not a valid .keras archive" in refusal(b"PK\x03\x04nothing")[0]
    (line,) = refusal(_edited(lambda file: file.attrs.pop("model_config")))
    assert line == "the file has no model, perhaps weights only; `model.save` writes both"
    nested = '{"class_name": "Sequential", "config": ' + '{"a": ' * 200 + "1" + "}" * 201
    (line,) = refusal(_edited(lambda file: file.attrs.modify("model_config", nested)))
    assert line == "expected the model's configuration nested at most 100 deep"
    own = json.dumps({"class_name": "MyModel", "config": {}})
    (line,) = refusal(_edited(lambda file: file.attrs.modify("model_config", own)))
    assert line.startswith(
        "this is a model of the class 'MyModel', whose layers are in its program"
    )


def test_a_layer_that_depends_on_itself() -> None:
    path = FIXTURES / "keras/graph_2.h5"
    with h5py.File(path) as file:
        config = json.loads(file.attrs["model_config"])
    for entry in config["config"]["layers"]:
        if entry["class_name"] == "Add":
            entry["inbound_nodes"] = [[[entry["config"]["name"], 0, 0, {}]]]
    data = io.BytesIO(path.read_bytes())
    with h5py.File(data, "r+") as file:
        file.attrs.modify("model_config", json.dumps(config))
    assert any("depends on its own result" in line for line in refusal(data.getvalue()))


def test_a_zip_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nnc.frontends.keras_archive.LARGEST_MEMBER", 1 << 20)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (2 << 20))
    assert refusal(data.getvalue()) == ["expected 'config.json' of at most 1 MiB"]


def test_bytes_that_are_wrong() -> None:
    """Of these files some still are models, and one makes the HDF5 library crash."""
    data, rng = (FIXTURES / "doors/perceptron.h5").read_bytes(), random.Random(1)
    files: list[bytes] = []
    for _ in range(28):
        changed = bytearray(data)
        for _ in range(rng.choice([1, 2, 5, 20])):
            changed[rng.randrange(len(data))] = rng.randrange(256)
        size = rng.randrange(len(data)) if rng.random() < 0.2 else len(data)
        files.append(bytes(changed[:size]))
    for number in (3, 7, 12, 27):
        with contextlib.suppress(FrontendError):
            import_keras(files[number])
    assert refusal(files[27]) == [
        "this is not a valid HDF5 file: reading it ends the process",
    ]
