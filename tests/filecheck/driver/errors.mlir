// RUN: not nn-opt %s --split-input-file 2>&1 | filecheck %s
// RUN: nn-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: nn-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics \
// RUN:   | filecheck %s --check-prefix DUMP

// Each error is one line that begins with a place; nothing around it is printed.
// DUMP-NOT: func.func
// DUMP-NOT: 0x0102

// CHECK: errors.mlir:[[# @LINE + 4]]:5: 'func.return': Expected arguments to have the same types as the function output types: expected [i32], got []
func.func @verifier() -> i32 {
    %0 = arith.constant dense<"0x0102030405060708090A0B0C0D0E0F101112"> : tensor<18xi8>
    "test.op"(%0) : (tensor<18xi8>) -> ()
    func.return
}

// -----

func.func @layer() -> i32 {
    // CHECK: layer "dense1": 'func.return': Expected
    func.return loc("dense1")
}

// -----

// Everything that does not verify is said at once.

func.func @two(%x: tensor<4xf32>) -> tensor<3xf32> {
    // CHECK: layer "sum": 'nn.add': expected an output of shape (4,), got (3,)
    // CHECK-NEXT: layer "reshape": 'nn.reshape': expected as many elements as in (4,), got (3,)
    %y = nn.add %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<3xf32> loc("sum")
    %z = nn.reshape %x : (tensor<4xf32>) -> tensor<3xf32> loc("reshape")
    func.return %z : tensor<3xf32>
}

// -----

// CHECK: errors.mlir:[[# @LINE + 1]]:3: operation 'arith.constnat' is not registered; did you mean 'arith.constant'?
  %0 = arith.constnat 1 : i32
