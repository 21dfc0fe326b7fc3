"""
The body of a loop nest as C statements.

`scf` becomes `for` and `if`, values carried round a loop become variables that the loop assigns,
loads and stores become subscripts of one-dimensional arrays.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from xdsl.dialects import arith, memref, scf
from xdsl.dialects.builtin import IntegerAttr, MemRefType
from xdsl.ir import Block, BlockArgument, Operation, OpResult, SSAValue

from nnc.codegen.expressions import SUM, Expression, c_type, expression
from nnc.dialects.kernel import scalar
from nnc.dialects.kernel.memory import ViewOp

_LOOP_NAMES = "ijklmnpqrstuvw"


class BodyPrinter:
    """Prints one nest's block; `names` are those of its arguments, which are pointers."""

    def __init__(self, names: dict[SSAValue, str]):
        self.lines: list[str] = []
        self.values: dict[SSAValue, Expression] = {
            value: Expression(name) for value, name in names.items()
        }
        self.taken = set(names.values())
        self.depth = 1
        self.loops = 0

    def run(self, block: Block) -> list[str]:
        """The statements of the block, indented once."""
        self._block(block)
        return self.lines

    def _line(self, text: str) -> None:
        self.lines += wrapped(text, 4 * self.depth)

    @contextmanager
    def _braces(self, head: str) -> Generator[None]:
        self._line(head + " {")
        self.depth += 1
        yield
        self.depth -= 1
        self._line("}")

    def _fresh(self, stem: str) -> str:
        name, count = stem, 1
        while name in self.taken:
            count += 1
            name = f"{stem}{count}"
        self.taken.add(name)
        return name

    def _block(self, block: Block) -> None:
        operations = list(block.ops)
        position = {op: k for k, op in enumerate(operations)}
        for op in operations:
            self._statement(op, operations, position)

    def _statement(
        self, op: Operation, operations: Sequence[Operation], position: dict[Operation, int]
    ) -> None:
        match op:
            case scf.YieldOp():
                pass
            case scf.ForOp():
                self._loop(op)
            case scf.IfOp():
                self._branch(op)
            case scf.WhileOp():
                self._while(op)
            case memref.StoreOp():
                target = self._subscript(op.memref, list(op.indices))
                self._line(f"{target} = {self.value(op.value).text};")
            case ViewOp():
                self._view(op)
            case _ if _is_used(op) and not self._stays_inside(op, operations, position):
                self._declare(op)
            case _:
                pass

    def _stays_inside(
        self, op: Operation, operations: Sequence[Operation], position: dict[Operation, int]
    ) -> bool:
        """Whether the operation can be written where its value is used."""
        if isinstance(op, arith.ConstantOp):
            return True
        if type(op) in _NAMED:
            return False
        (result,) = op.results
        users = [use.operation for use in result.uses]
        if len(users) != 1 or users[0] not in position:
            return False
        user = users[0]
        if isinstance(user, scf.ForOp):
            return not isinstance(op, memref.LoadOp) and not _is_bound(user, result)
        if isinstance(user, scf.IfOp | scf.WhileOp):
            return True
        if isinstance(op, memref.LoadOp):
            between = operations[position[op] + 1 : self._root(user, position)]
            return not any(isinstance(other, _EFFECTS) for other in between)
        return True

    def _root(self, op: Operation, position: dict[Operation, int]) -> int:
        """Where the statement ends up that contains the expression of an operation."""
        while op.results and not isinstance(op, _EFFECTS):
            users = {use.operation for use in op.results[0].uses}
            if len(users) != 1:
                break
            (user,) = users
            if user not in position:
                break
            op = user
        return position[op]

    def _declare(self, op: Operation) -> None:
        (result,) = op.results
        name = self._fresh(result.name_hint or _NAMED.get(type(op), "v"))
        text = self.value(result).text
        self._line(f"const {c_type(result.type)} {name} = {text};")
        self.values[result] = Expression(name)

    def value(self, value: SSAValue) -> Expression:
        """The expression of a value: a variable, or the operation that makes it."""
        known = self.values.get(value)
        if known is not None:
            return known
        assert isinstance(value, OpResult), "block arguments have names"
        op = value.op
        if isinstance(op, memref.LoadOp):
            return Expression(self._subscript(op.memref, list(op.indices)))
        return expression(op, [self.value(operand) for operand in op.operands])

    def _view(self, op: ViewOp) -> None:
        source = self.value(op.source)
        kind = op.result.type
        assert isinstance(kind, MemRefType) and op.byte_offset == 0
        assert isinstance(op.source.type, MemRefType)
        assert kind.element_type == op.source.type.element_type
        self.values[op.result] = source

    def _subscript(self, memory: SSAValue, indices: list[SSAValue]) -> str:
        assert isinstance(memory.type, MemRefType)
        pointer = self.value(memory).text
        position = self._position(indices, memory.type.get_shape())
        return f"{pointer}[{position.text}]"

    def _position(self, indices: list[SSAValue], shape: Sequence[int]) -> Expression:
        """The row-major offset of an element; constant indices are added up beforehand."""
        total: Expression | None = None
        constant = 0
        for index, extent in zip(indices, shape, strict=True):
            constant *= extent
            if total is not None and extent != 1:
                total = Expression(f"{total.within(1)} * {extent}", 2)
            known = _constant_index(index)
            if known is not None:
                constant += known
                continue
            term = self.value(index)
            total = term if total is None else Expression(f"{total.text} + {term.within(2)}", SUM)
        if total is None:
            return Expression(str(constant))
        return total if constant == 0 else Expression(f"{total.text} + {constant}", SUM)

    def _loop(self, op: scf.ForOp) -> None:
        carried = list(op.body.block.args[1:])
        for argument, initial, result in zip(carried, op.iter_args, op.res, strict=True):
            self._carry(argument, initial, result)
        low, high, step = (self.value(v) for v in (op.lb, op.ub, op.step))
        induction = op.body.block.args[0]
        stem = induction.name_hint or _LOOP_NAMES[self.loops % len(_LOOP_NAMES)]
        name = self._fresh(stem)
        self.values[induction] = Expression(name)
        advance = f"{name}++" if step.text == "1" else f"{name} += {step.text}"
        high_text = high.within(SUM)
        self.loops += 1
        with self._braces(f"for (int32_t {name} = {low.text}; {name} < {high_text}; {advance})"):
            self._block(op.body.block)
            terminator = op.body.block.last_op
            assert isinstance(terminator, scf.YieldOp)
            self._assign(carried, list(terminator.operands))
        self.loops -= 1
        self.taken.discard(name)

    def _while(self, op: scf.WhileOp) -> None:
        """A loop as long as a condition holds, which is an expression of what the loop carries."""
        before, after = op.before_region.block, op.after_region.block
        variables: list[SSAValue] = []
        places = zip(before.args, after.args, op.res, op.arguments, strict=True)
        for outer, inner, result, initial in places:
            name = self._fresh(inner.name_hint or "acc")
            self._line(f"{c_type(inner.type)} {name} = {self.value(initial).text};")
            for value in (outer, inner, result):
                self.values[value] = Expression(name)
            variables.append(inner)
        condition = before.last_op
        assert isinstance(condition, scf.ConditionOp)
        with self._braces(f"while ({self.value(condition.condition).text})"):
            self._block(after)
            terminator = after.last_op
            assert isinstance(terminator, scf.YieldOp)
            self._assign(variables, list(terminator.operands))

    def _carry(self, argument: BlockArgument, initial: SSAValue, result: SSAValue) -> None:
        """The variable that carries a value round a loop; an outer loop's own is used again."""
        reusable = isinstance(initial, BlockArgument) and initial.has_one_use()
        if reusable and isinstance(initial.owner.parent_op(), scf.ForOp):
            variable = self.values[initial]
        else:
            name = self._fresh(argument.name_hint or "acc")
            self._line(f"{c_type(argument.type)} {name} = {self.value(initial).text};")
            variable = Expression(name)
        self.values[argument] = variable
        self.values[result] = variable

    def _assign(self, variables: Sequence[SSAValue], values: Sequence[SSAValue]) -> None:
        pairs = [
            (self.value(variable).text, self.value(value).text, value)
            for variable, value in zip(variables, values, strict=True)
        ]
        changed = [pair for pair in pairs if pair[0] != pair[1]]
        if len(changed) < 2:
            for name, text, _ in changed:
                self._line(f"{name} = {text};")
            return
        fresh: list[tuple[str, str]] = []
        for name, text, value in changed:
            temporary = self._fresh("next")
            self._line(f"const {c_type(value.type)} {temporary} = {text};")
            fresh.append((name, temporary))
        for name, temporary in fresh:
            self._line(f"{name} = {temporary};")
            self.taken.discard(temporary)

    def _branch(self, op: scf.IfOp) -> None:
        for result in op.output:
            name = self._fresh(result.name_hint or "v")
            self._line(f"{c_type(result.type)} {name};")
            self.values[result] = Expression(name)
        condition = self.value(op.cond).text
        with self._braces(f"if ({condition})"):
            self._arm(op.true_region.block, op)
        if op.false_region.blocks and len(list(op.false_region.block.ops)) > 0:
            self.lines[-1] += " else {"
            self.depth += 1
            self._arm(op.false_region.block, op)
            self.depth -= 1
            self._line("}")

    def _arm(self, block: Block, op: scf.IfOp) -> None:
        self._block(block)
        terminator = block.last_op
        if isinstance(terminator, scf.YieldOp):
            self._assign(list(op.output), list(terminator.operands))


_NAMED: dict[type[Operation], str] = {
    scalar.RequantizeOp: "scaled",
    scalar.ScaleF64Op: "scaled",
    scalar.RoundOp: "rounded",
}
"""Steps of a computation that get a variable of their own, and what it is called."""

_COLUMNS = 100


def wrapped(text: str, indent: int) -> list[str]:
    """A statement in lines of bounded length, continued with eight more spaces."""
    lines: list[str] = []
    margin = " " * indent
    while len(margin) + len(text) > _COLUMNS:
        room = _COLUMNS - len(margin)
        breaks = [m.end() for m in re.finditer(r", | [-+*/%&|^?:=]+ |\(", text) if m.end() <= room]
        if not breaks:
            break
        lines.append(margin + text[: breaks[-1]].rstrip())
        text = text[breaks[-1] :]
        margin = " " * (indent + 8)
    return [*lines, margin + text]


_EFFECTS = (memref.StoreOp, scf.ForOp, scf.IfOp, scf.WhileOp, scf.YieldOp)


def _is_used(op: Operation) -> bool:
    return any(result.first_use is not None for result in op.results)


def _is_bound(loop: scf.ForOp, value: SSAValue) -> bool:
    """Whether the value is the upper bound, which C evaluates in every iteration."""
    return loop.ub is value


def _constant_index(value: SSAValue) -> int | None:
    owner = value.owner
    if isinstance(owner, arith.ConstantOp) and isinstance(owner.value, IntegerAttr):
        return owner.value.value.data
    return None
