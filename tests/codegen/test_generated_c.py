"""
The promises of generated C that do not depend on what the network computes.

It compiles everywhere without a warning, whatever language level and floating-point contraction the
user's flags choose gives the same bits, and networks and contexts do not get in each other's way.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.compiled import LOOPS, How, planned, run_compiled
from xdsl.utils.exceptions import DiagnosticException

from nnc.codegen.files import generate
from nnc.codegen.network import NetworkPrinter, network_of
from nnc.toolchain import RUNTIME, STRICT_WARNINGS

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
PORTABLE = replace(LOOPS, kernels="portable")


def _model(kind: str) -> bytes:
    return (DIGITS / f"digits_{kind}.tflite").read_bytes()


def _inputs(kind: str, count: int) -> list[list[np.ndarray]]:
    rng = np.random.default_rng(1)
    if kind == "float":
        return [[rng.random((1, 8, 8, 1), np.float32)] for _ in range(count)]
    return [[rng.integers(-128, 128, (1, 8, 8, 1)).astype(np.int8)] for _ in range(count)]


def _write(folder: Path, kind: str, how: How, name: str) -> list[Path]:
    """The network's files in `folder`; returns the C files that a program of it needs."""
    module = planned(_model(kind), how)
    for file, text in generate(module, name).items():
        (folder / file).write_text(text)
    rows = NetworkPrinter(network_of(module), name).kernels()
    runtime = sorted({RUNTIME / source for row in rows for source in row.sources})
    return [folder / f"{name}.c", folder / f"{name}_weights.c", *runtime]


def _compile(command: list[str], *files: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, f"-I{RUNTIME}", *map(str, files)], capture_output=True, text=True, check=False
    )


def _run(program: Path) -> str:
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout


FLAGS = {
    "gcc-c99": ("gcc", ("-std=c99", "-O2")),
    "gcc-contracting": ("gcc", ("-std=gnu11", "-O3", "-ffp-contract=fast", "-mfma")),
    "clang-c99": ("clang", ("-std=c99", "-O2")),
    "clang-contracting": ("clang", ("-std=gnu11", "-O3", "-ffp-contract=fast", "-mfma")),
}


@pytest.mark.parametrize("kind", ["float", "int8"])
@pytest.mark.parametrize("how", [LOOPS, PORTABLE], ids=["loops", "portable"])
def test_results_do_not_depend_on_the_users_flags(kind: str, how: How) -> None:
    inputs = _inputs(kind, 3)
    expected = run_compiled(_model(kind), inputs, how)
    for compiler, flags in FLAGS.values():
        runs = run_compiled(_model(kind), inputs, replace(how, compiler=compiler, flags=flags))
        for run, reference in zip(runs, expected, strict=True):
            for name, array in reference.layers.items():
                assert array.tobytes() == run.layers[name].tobytes(), (compiler, flags, name)


@pytest.mark.parametrize("how", [LOOPS, PORTABLE], ids=["loops", "portable"])
@pytest.mark.parametrize("kind", ["float", "int8"])
def test_sanitizers_find_nothing(kind: str, how: How) -> None:
    run_compiled(_model(kind), _inputs(kind, 2), replace(how, sanitize=True))


@pytest.mark.parametrize("io", ["inside", "outside"])
@pytest.mark.parametrize("kind", ["float", "int8"])
def test_also_what_fewer_people_ask_for_warns_of_nothing(
    kind: str, io: str, tmp_path: Path
) -> None:
    flags = ("-Wshadow", "-Wundef", "-Wvla", "-Wcast-align", "-Wcast-qual", "-Wdouble-promotion")
    flags += ("-Wsign-conversion", "-Wstrict-prototypes", "-Wmissing-prototypes")
    for source in _write(tmp_path, kind, replace(PORTABLE, io=io), "net"):
        command = ["clang", "-std=c99", "-fsyntax-only", *STRICT_WARNINGS, *flags]
        run = _compile(command, source)
        assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("io", ["inside", "outside"])
def test_inputs_and_outputs_inside_and_outside_the_arena_agree(io: str) -> None:
    inputs = _inputs("int8", 2)
    expected = run_compiled(_model("int8"), inputs, LOOPS)
    runs = run_compiled(_model("int8"), inputs, replace(LOOPS, io=io))
    for run, reference in zip(runs, expected, strict=True):
        np.testing.assert_array_equal(run.outputs[0], reference.outputs[0])


def test_the_header_is_cplusplus_and_may_be_included_twice(tmp_path: Path) -> None:
    _write(tmp_path, "int8", PORTABLE, "net")
    main = tmp_path / "main.cpp"
    main.write_text(
        '#include "net.h"\n#include "net.h"\n'
        "int main() { net_context context; return net_run(&context); }\n"
    )
    run = _compile(["g++", "-std=c++11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"], main)
    assert run.returncode == 0, run.stderr


def test_the_same_input_gives_the_same_text() -> None:
    texts = [generate(planned(_model("int8"), PORTABLE), "net") for _ in range(2)]
    assert texts[0] == texts[1]


def test_nothing_is_called_but_string_and_math_functions(tmp_path: Path) -> None:
    for kind in ("int8", "float"):
        folder = tmp_path / kind
        folder.mkdir()
        sources = _write(folder, kind, PORTABLE, "net")
        objects = [folder / f"{k}.o" for k in range(len(sources))]
        for source, target in zip(sources, objects, strict=True):
            command = ["gcc", "-std=c99", "-O2", "-fno-pie", *STRICT_WARNINGS]
            assert _compile([*command, "-c", "-o", str(target)], source).returncode == 0
        listing = subprocess.run(
            ["nm", "-g", *map(str, objects)], capture_output=True, text=True, check=True
        ).stdout
        defined = set(re.findall(r" [TRDB] (\w+)", listing))
        undefined = set(re.findall(r" U (\w+)", listing)) - defined
        assert undefined <= {"memset", "memcpy", "expf", "_GLOBAL_OFFSET_TABLE_"}
        public = {name for name in defined if not name.startswith(("net_", "nnc_"))}
        assert not public, "public symbols without a prefix"
        assert not re.search(r" [DBdbC] ", listing), "writable data outside the context"


MAIN = """
#include <stdio.h>
#include <string.h>
#include "one.h"
#include "two.h"

static union { uint8_t bytes[ONE_ARENA_BYTES]; uint64_t align; } arena_a, arena_b;
static union { uint8_t bytes[TWO_ARENA_BYTES + 8]; uint64_t align; } arena_c;

static int sum(const int8_t *values) {
    int total = 0;
    for (int i = 0; i < 10; i++) { total = total * 31 + values[i]; }
    return total;
}

int main(void) {
    one_context a, b;
    two_context c;
    memset(&a, 0x55, sizeof a);
    printf("%d", one_run(&a));
    printf(" %d", one_init(NULL, arena_a.bytes, ONE_ARENA_BYTES));
    printf(" %d", one_init(&a, arena_a.bytes, ONE_ARENA_BYTES - 1));
    printf(" %d", one_init(&a, arena_c.bytes + 1, TWO_ARENA_BYTES));
    printf(" %d %d", one_init(&a, arena_a.bytes, sizeof arena_a), one_run(NULL));
    printf(" %d", one_init(&b, arena_b.bytes, sizeof arena_b));
    printf(" %d\\n", two_init(&c, arena_c.bytes, sizeof arena_c));
    for (int i = 0; i < 64; i++) {
        one_input_image(&a)[i] = (int8_t)i;
        one_input_image(&b)[i] = (int8_t)-i;
        two_input_image(&c)[i] = (int8_t)i;
    }
    if (one_run(&a) || one_run(&b) || two_run(&c)) { return 1; }
    printf("%d %d %d\\n", sum(one_output_output_0(&a)), sum(one_output_output_0(&b)),
           sum(two_output_output_0(&c)));
    return 0;
}
"""


def test_two_networks_and_two_contexts_in_one_program(tmp_path: Path) -> None:
    sources = [*_write(tmp_path, "int8", LOOPS, "one"), *_write(tmp_path, "int8", PORTABLE, "two")]
    (tmp_path / "main.c").write_text(MAIN)
    program = tmp_path / "program"
    command = ["gcc", "-std=c99", "-O2", *STRICT_WARNINGS, "-o", str(program)]
    run = _compile(command, tmp_path / "main.c", *dict.fromkeys(sources), Path("-lm"))
    assert run.returncode == 0, run.stderr
    statuses, sums = _run(program).splitlines()
    assert statuses == "-5 -1 -2 -3 0 -1 0 0"
    first, second, third = sums.split()
    assert first == third != second


@pytest.mark.parametrize("flag", ["-ffast-math", "-Ofast"])
def test_fast_math_is_refused(tmp_path: Path, flag: str) -> None:
    source = _write(tmp_path, "float", LOOPS, "net")[0]
    run = _compile(["gcc", "-std=c99", flag, "-fsyntax-only"], source)
    assert run.returncode != 0 and "fast-math" in run.stderr


def test_big_endian_is_refused(tmp_path: Path) -> None:
    source = _write(tmp_path, "int8", LOOPS, "net")[0]
    run = _compile(
        ["arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mbig-endian", "-fsyntax-only"], source
    )
    assert run.returncode != 0 and "little" in run.stderr


def test_a_runtime_of_another_version_is_refused(tmp_path: Path) -> None:
    source = _write(tmp_path, "int8", LOOPS, "net")[0]
    text = (
        (RUNTIME / "nnc.h").read_text().replace("#define NNC_VERSION 100", "#define NNC_VERSION 1")
    )
    (tmp_path / "nnc.h").write_text(text)
    run = _compile(["gcc", "-std=c99", "-fsyntax-only", f"-I{tmp_path}"], source)
    assert run.returncode != 0 and "another version" in run.stderr


def test_local_arrays_are_small(tmp_path: Path) -> None:
    for source in _write(tmp_path, "int8", PORTABLE, "net"):
        command = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-std=c99", "-O2"]
        run = _compile([*command, "-Werror=frame-larger-than=256", "-c", "-o", "/dev/null"], source)
        assert run.returncode == 0, run.stderr


MANY = 257


def many(count: int) -> str:
    """So many layers, each with an input and an output of the network."""
    tensors = ", ".join(["tensor<1xi32>"] * count)
    arguments = ", ".join(f"%x{k}: tensor<1xi32>" for k in range(count))
    layers = "".join(
        f"  %y{k} = nn.not %x{k} : (tensor<1xi32>) -> tensor<1xi32>\n" for k in range(count)
    )
    results = ", ".join(f"%y{k}" for k in range(count))
    return (
        f"func.func @main({arguments}) -> ({tensors}) {{\n{layers}"
        f"  func.return {results} : {tensors}\n}}"
    )


def test_a_byte_need_not_count_the_inputs() -> None:
    sample = [np.array([k], np.int32) for k in range(MANY)]
    (run,) = run_compiled(many(MANY), [sample])
    assert [output.item() for output in run.outputs] == [~k for k in range(MANY)]


def test_more_than_a_descriptor_can_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nnc.codegen.files._LARGEST_COUNT", 2)
    with pytest.raises(DiagnosticException, match="at most 2 layers, got 3; split the model"):
        generate(planned(many(3)), "net")
