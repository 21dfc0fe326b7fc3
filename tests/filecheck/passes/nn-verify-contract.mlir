// RUN: nn-opt %s -p nn-verify-contract --split-input-file --verify-diagnostics | filecheck %s

// A network that keeps the contract is left as it is.

!q = !quant.uniform<i8:f32, 0.5>
!w = !quant.uniform<i8:f32:0, {0.25, 0.125}>
func.func @main(%x: tensor<1x4x!q>) -> tensor<1x2x!nn.bin> {
  %w = nn.constant dense<1> : tensor<2x4xi8> -> tensor<2x4x!w>
  %y = nn.dense %x, %w : (tensor<1x4x!q>, tensor<2x4x!w>) -> tensor<1x2x!nn.bin>
  func.return %y : tensor<1x2x!nn.bin>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: nn.constant
// CHECK-NEXT: nn.dense
// CHECK-NEXT: func.return

// -----

// Halves and doubles at constants and casts.

func.func @main(%x: tensor<4xf64>) -> tensor<4xf32> {
  %y = nn.cast %x : (tensor<4xf64>) -> tensor<4xf32>
  func.return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: nn.cast

// -----

// Everything that is wrong, at once.

func.func @main(%x: tensor<?x4xf32>, %d: tensor<4xf32>) -> tensor<4xf32> {
  %s = arith.addf %d, %d : tensor<4xf32>
  %i = nn.constant dense<1> : tensor<2xindex> -> tensor<2xindex> loc("numbers")
  %o = nn.constant dense<1> : tensor<i8> -> tensor<!nn.bin> loc("bit")
  %z = tfl.no_value : none
  func.return %s : tensor<4xf32>
}

// CHECK: nn-verify-contract.mlir:{{[0-9]+}}:1: 'func.func': input 0 is tensor<?x4xf32>, of a size not known before run time; fix it with --shape NAME=1,2,3
// CHECK-NEXT: 'arith.addf': expected only nn operations
// CHECK-NEXT: layer "numbers": 'nn.constant': the result is tensor<2xindex>; i32 works
// CHECK-NEXT: layer "bit": 'nn.constant': the result is tensor<!nn.bin>, without an axis of channels; tensor<1x!nn.bin> works
// CHECK-NEXT: 'tfl.no_value': expected only nn operations; run tfl-to-nn first

// -----

"test.op"() : () -> ()

// CHECK: 'test.op': expected only functions in a module
// CHECK-NEXT: error: expected a module with a function, got none

// -----

func.func @main(%x: tensor<2xf32>, %s: tensor<2xf32> {nn.state}) -> tensor<2xf32> {
  func.return %s : tensor<2xf32>
}

// CHECK: 'func.func': expected as many new states as states, got 0
