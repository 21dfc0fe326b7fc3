"""Running networks on the host and on every emulated core."""

import struct
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.sample_network import (
    LOOP,
    ROGUE,
    SAMPLE,
    needs_boards,
    options,
    sample_inputs,
    sample_layers,
)

from nnc.boards import CORE_NAMES
from nnc.emulator import (
    OutOfMemoryError,
    RunError,
    RunResult,
    RunTimeoutError,
    build_network,
    run_network,
    run_program,
)
from nnc.harness import ElementType, Sample

PLACES = ("host", *CORE_NAMES)
INPUTS = sample_inputs(5)
EXPECTED = [sample_layers(x, runs + 1) for runs, (x,) in enumerate(INPUTS)]

pytestmark = needs_boards


@pytest.mark.parametrize("on", PLACES)
def test_outputs_and_layers_are_the_same_everywhere(on: str) -> None:
    chosen = options(sanitize=on == "host")
    plain = run_network(SAMPLE, "net", INPUTS, on=on, options=chosen)
    hooked = run_network(SAMPLE, "net", INPUTS, on=on, hook=True, options=chosen)
    assert plain.outputs == hooked.outputs == [layers[-1] for layers in EXPECTED]
    assert hooked.layers == EXPECTED
    assert plain.layers == [[]] * len(INPUTS)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_both_host_compilers(compiler: str) -> None:
    chosen = options(sanitize=True, compiler=compiler)
    result = run_network(SAMPLE, "net", INPUTS, options=chosen)
    assert result.outputs == [layers[-1] for layers in EXPECTED]
    assert result.machine.startswith(f"host ({compiler}")
    assert result.instructions is None
    assert result.stack_bytes is None


def test_the_descriptor_is_brought_back() -> None:
    network = run_network(SAMPLE, "net", INPUTS[:1], on="cortex-m3", options=options()).network
    assert (network.name, network.context_bytes, network.arena_bytes) == ("net", 8, 28)
    assert [(layer.name, layer.op) for layer in network.layers] == [
        ("first/hidden", "dense"),
        ("second/y", "dense"),
    ]
    y, runs = network.layers[1].outputs
    assert (y.name, y.type, y.shape, y.scale, y.zero_point) == (
        "y",
        ElementType.I8,
        (1, 4),
        0.125,
        7,
    )
    assert (runs.shape, runs.size) == ((), 4)
    assert network.outputs == (y, runs)
    assert network.inputs[0].flags == 1
    assert y.array(EXPECTED[0][1][0]).shape == (1, 4)


@pytest.mark.parametrize("on", ["host", "cortex-m4"])
def test_state_lasts_until_it_is_reset(on: str) -> None:
    def runs(result: RunResult) -> list[int]:
        return [struct.unpack("<i", outputs[1])[0] for outputs in result.outputs]

    lasting = run_network(SAMPLE, "net", INPUTS, on=on, options=options())
    reset = run_network(SAMPLE, "net", INPUTS, on=on, options=options(), reset_each=True)
    assert runs(lasting) == [1, 2, 3, 4, 5]
    assert runs(reset) == [1] * 5


@pytest.mark.parametrize("on", CORE_NAMES)
def test_instructions_are_exact(on: str) -> None:
    turns = [*range(1, 70), 12_345, 1_000_003]
    inputs = [[struct.pack("<I", n)] for n in turns]
    result = run_network(LOOP, "loop", inputs, on=on, options=options())
    assert result.instructions == [4 + 2 * n for n in turns]
    assert result.stack_bytes == 0


def test_instructions_are_exact_past_the_wrap_of_the_timer() -> None:
    turns = 400_000_000
    result = run_network(
        LOOP, "loop", [[struct.pack("<I", turns)]], on="cortex-m33", options=options()
    )
    assert result.instructions == [4 + 2 * turns]


@pytest.mark.parametrize("on", CORE_NAMES)
def test_layers_add_up_to_the_run_and_repeat(on: str) -> None:
    first, second = (run_network(SAMPLE, "net", INPUTS, on=on, options=options()) for _ in "12")
    assert first.instructions is not None
    assert first.instructions == second.instructions
    layers = run_network(SAMPLE, "net", INPUTS, on=on, hook=True, options=options())
    assert layers.instructions is None
    assert layers.layer_instructions is not None
    for total, counts in zip(first.instructions, layers.layer_instructions, strict=True):
        assert len(counts) == 2
        assert abs(total - sum(counts)) < 30


@pytest.mark.parametrize("on", CORE_NAMES)
def test_stack_is_measured(on: str) -> None:
    result = run_network(SAMPLE, "net", INPUTS, on=on, options=options())
    assert result.stack_bytes is not None
    assert 8 <= result.stack_bytes <= 120
    assert result.stack_bytes % 4 == 0


def test_only_some_samples_are_dumped() -> None:
    result = run_network(
        SAMPLE, "net", INPUTS, on="cortex-m4", hook=True, dumped=2, options=options()
    )
    assert [bool(layers) for layers in result.layers] == [True, True, False, False, False]
    assert result.layer_instructions is not None
    assert all(len(counts) == 2 for counts in result.layer_instructions)


def test_samples_stream(tmp_path: Path) -> None:
    program = build_network(SAMPLE, "net", tmp_path, on="cortex-m4", options=options())
    seen: list[tuple[int, Sequence[bytes]]] = []
    steps: list[tuple[int, int]] = []

    def on_sample(number: int, sample: Sample) -> None:
        seen.append((number, sample.outputs))

    result = run_program(
        program,
        (it for it in INPUTS),
        on_sample=on_sample,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert seen == [(number, layers[-1]) for number, layers in enumerate(EXPECTED)]
    assert steps == [(done, 5) for done in range(1, 6)]
    assert result.outputs == []


def test_unequal_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"sample 1: expected inputs of \[16\] bytes, got \[4\]"):
        run_network(SAMPLE, "net", [[bytes(16)], [bytes(4)]], options=options())


def test_inputs_of_another_network_are_refused() -> None:
    with pytest.raises(RunError, match=r"inputs do not match the network: it takes x \(16 B\)"):
        run_network(SAMPLE, "net", [[bytes(4)]], options=options())


def test_a_network_without_hook_has_no_layers() -> None:
    with pytest.raises(RunError, match="no hook"):
        run_network(ROGUE, "rogue", [[b"1234"]], hook=True, options=options("-DROGUE=0"))


def _fails(kind: int, on: str, *, sanitize: bool = False, timeout: float = 30.0) -> str:
    with pytest.raises(RunError) as caught:
        run_network(
            ROGUE,
            "rogue",
            [[bytes([i, 1, 1, 1])] for i in range(4)],
            on=on,
            options=options(f"-DROGUE={kind}", sanitize=sanitize),
            timeout=timeout,
        )
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("on", ["host", "cortex-m0", "cortex-m55"])
def test_error_codes_are_named(on: str) -> None:
    assert "init returned -2 (NNC_ERROR_ARENA_SIZE)" in _fails(1, on)
    assert "run returned -7 (NNC_ERROR_VALUE) for sample 2" in _fails(2, on)
    assert "descriptor has ABI version 99, expected 1" in _fails(9, on)
    assert "input or output 0 has no memory" in _fails(10, on)


@pytest.mark.parametrize("on", PLACES)
def test_writing_past_the_arena_is_noticed(on: str) -> None:
    assert "wrote past the end of its arena or context in sample 0" in _fails(7, on)


@pytest.mark.parametrize("on", ["host", "cortex-m0", "cortex-m4"])
def test_a_hang_ends(on: str) -> None:
    with pytest.raises(RunTimeoutError, match=r"no result after 0\.7 s in sample 0 of 1"):
        run_network(ROGUE, "rogue", [[b"1234"]], on=on, options=options("-DROGUE=3"), timeout=0.7)


@pytest.mark.parametrize("on", CORE_NAMES[1:])
def test_faults_are_explained(on: str) -> None:
    missing = _fails(4, on)
    assert "sample 0 of 4: fault in run: access to no memory" in missing
    assert "bfar=0xf0000000" in missing
    assert "fault in run: undefined instruction" in _fails(5, on)
    assert "stack" in _fails(6, on)


def test_faults_of_armv6m() -> None:
    assert "fault in run: hard fault (pc=0x" in _fails(5, "cortex-m0")
    assert "fault: hard fault (sp=0x1fff" in _fails(6, "cortex-m0")
    assert "fault in run: hard fault" in _fails(8, "cortex-m0")


def test_crashes_of_the_host() -> None:
    assert "sample 0 of 4: ended with signal SIGSEGV" in _fails(4, "host")
    assert "ended with exit status 3" in _fails(11, "host")


def test_sanitizers_speak() -> None:
    assert "AddressSanitizer: heap-buffer-overflow" in _fails(7, "host", sanitize=True)
    assert "rogue.c:" in _fails(8, "host", sanitize=True)
    assert "runtime error: load of misaligned address" in _fails(8, "host", sanitize=True)


@pytest.mark.parametrize("on", PLACES)
def test_reading_what_was_not_written_shows(on: str) -> None:
    result = run_network(ROGUE, "rogue", [[b"1234"]], on=on, options=options("-DROGUE=12"))
    assert result.outputs == [[b"\x7f\x7f\x7f\x7f"]]


def test_m0_code_that_does_not_fit_the_microbit_runs_on_the_m3() -> None:
    small = run_network(ROGUE, "rogue", [[b"1234"]], on="cortex-m0", options=options("-DROGUE=0"))
    large = run_network(
        ROGUE,
        "rogue",
        [[b"1234"]],
        on="cortex-m0",
        options=options("-DROGUE=0", "-DROGUE_ARENA_BYTES=20000"),
    )
    assert (small.machine, small.note) == ("microbit", "")
    assert large.machine == "mps2-an385"
    assert "not enough RAM (context 4 B, arena 20000 B); it runs on mps2-an385" in large.note
    assert large.instructions == small.instructions


def test_too_large_an_arena_is_one_line() -> None:
    chosen = options("-DROGUE=0", "-DROGUE_ARENA_BYTES=5000000")
    with pytest.raises(OutOfMemoryError, match=r"not enough RAM \(context 4 B, arena 5000000 B\)"):
        run_network(ROGUE, "rogue", [[b"1234"]], on="cortex-m33", options=chosen)
