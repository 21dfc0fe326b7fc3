// RUN: nn-opt %s -p nn-sink-transposes --split-input-file | filecheck %s
// RUN: nn-opt %s -p nn-sink-transposes{io=kept} --split-input-file | filecheck %s --check-prefix=KEPT

// Transposes move behind what does not mind them, and meet; inputs and outputs go channels last.

func.func @main(%x: tensor<1x3x4x5xf32>) -> tensor<1x3x4x5xf32> {
  %a = nn.transpose %x {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x3x4x5xf32>) -> tensor<1x4x5x3xf32>
  %b = nn.max_pool2d %a {kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, padding = array<i64: 0, 0, 0, 0>}
    : (tensor<1x4x5x3xf32>) -> tensor<1x4x5x3xf32>
  %c = nn.transpose %b {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x4x5x3xf32>) -> tensor<1x3x4x5xf32>
  %scale = nn.constant dense<[[[1.0]], [[2.0]], [[3.0]]]> : tensor<3x1x1xf32> -> tensor<3x1x1xf32>
  %d = nn.mul %c, %scale : (tensor<1x3x4x5xf32>, tensor<3x1x1xf32>) -> tensor<1x3x4x5xf32>
  func.return %d : tensor<1x3x4x5xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-SAME: tensor<1x4x5x3xf32> {nn.layout = array<i64: 0, 2, 3, 1>}
// CHECK-SAME: tensor<1x4x5x3xf32> {nn.layout = array<i64: 0, 2, 3, 1>}
// CHECK-NOT: nn.transpose
// CHECK: nn.mul
// CHECK-SAME: (tensor<1x4x5x3xf32>, tensor<1x1x1x3xf32>)
// CHECK-NOT: nn.transpose
// CHECK: func.return
// KEPT-LABEL: func.func @main
// KEPT-NEXT: nn.transpose
// KEPT-NEXT: nn.max_pool2d
// KEPT-NEXT: nn.constant
// KEPT: nn.mul
// KEPT-NEXT: nn.transpose
// KEPT-NEXT: func.return

// -----

// What is flattened before a dense layer goes into the order of its weights' columns.

func.func @main(%x: tensor<1x1x2x2xf32>) -> tensor<1x1xf32> {
  %a = nn.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x1x2x2xf32>) -> tensor<1x2x1x2xf32>
  %b = nn.reshape %a : (tensor<1x2x1x2xf32>) -> tensor<1x4xf32>
  %c = nn.clamp %b {min = 0.0 : f32} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %w = nn.constant dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32> -> tensor<1x4xf32>
  %y = nn.dense %c, %w : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x1xf32>
  func.return %y : tensor<1x1xf32>
}

// KEPT-LABEL: func.func @main
// KEPT-NEXT: nn.clamp
// KEPT-SAME: tensor<1x1x2x2xf32>
// KEPT-NEXT: nn.constant dense<{{\[\[}}1.000000e+00, 3.000000e+00, 2.000000e+00, 4.000000e+00]]>
// KEPT-NEXT: nn.reshape
// KEPT-NEXT: nn.dense

// -----

// Reductions and concatenations name the axes of what is transposed.

func.func @main(%x: tensor<1x2x3x4xf32>) -> tensor<1x1x4x6xf32> {
  %a = nn.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x2x3x4xf32>) -> tensor<1x4x2x3xf32>
  %b = nn.concat %a, %a {axis = 3 : i64} : (tensor<1x4x2x3xf32>, tensor<1x4x2x3xf32>) -> tensor<1x4x2x6xf32>
  %c = nn.reduce_sum %b {axes = array<i64: 2>} : (tensor<1x4x2x6xf32>) -> tensor<1x4x1x6xf32>
  %d = nn.transpose %c {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x4x1x6xf32>) -> tensor<1x1x4x6xf32>
  func.return %d : tensor<1x1x4x6xf32>
}

// KEPT-LABEL: func.func @main
// KEPT-NEXT: nn.concat
// KEPT-SAME: axis = 2 : i64
// KEPT-NEXT: nn.reduce_sum
// KEPT-SAME: axes = array<i64: 1>
// KEPT-NEXT: nn.transpose
// KEPT-SAME: permutation = array<i64: 0, 1, 3, 2>
// KEPT-NEXT: func.return
