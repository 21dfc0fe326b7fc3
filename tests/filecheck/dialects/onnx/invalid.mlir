// RUN: nn-opt %s --split-input-file --verify-diagnostics | filecheck %s

// CHECK: expected 2 operands, got 1
func.func @main() {
  %x = "test.op"() : () -> tensor<4xf32>
  %y = onnx.Add %x {since = 14 : i64} : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----

// CHECK: expected X, got none
func.func @main() {
  %n = onnx.NoValue : none
  %w = "test.op"() : () -> tensor<4x3x1x1xf32>
  %y = onnx.Conv %n, %w {since = 11 : i64} : (none, tensor<4x3x1x1xf32>) -> tensor<1x4x8x8xf32>
  func.return
}

// -----

// CHECK: expected 1 to 2 results, got 3
func.func @main() {
  %x = "test.op"() : () -> tensor<1x4x8x8xf32>
  %a, %b, %c = onnx.MaxPool %x {kernel_shape = array<i64: 2, 2>, since = 12 : i64}
    : (tensor<1x4x8x8xf32>) -> (tensor<1x4x7x7xf32>, tensor<1x4x7x7xi64>, tensor<1xf32>)
  func.return
}

// -----

// CHECK: expected 16 bytes of data for tensor<4xf32>, got 8
func.func @main() {
  %w = onnx.Constant {value = dense<[1.0, 2.0]> : tensor<2xf32>} : tensor<4xf32>
  func.return
}

// -----

// CHECK: expected 3 strings for tensor<3x!onnx.string>, got 2 strings
func.func @main() {
  %w = onnx.Constant {value = ["cat", "dog"]} : tensor<3x!onnx.string>
  func.return
}

// -----

// CHECK: expected 3 strings for tensor<3x!onnx.string>, got another constant
func.func @main() {
  %w = onnx.Constant {value = dense<0> : tensor<3xi8>} : tensor<3x!onnx.string>
  func.return
}

// -----

// CHECK: expected 1 operands, got 2
func.func @main(%c: tensor<i1>) {
  %y = onnx.If %c, %c else_branch {
    onnx.Yield %c : tensor<i1>
  } then_branch {
    onnx.Yield %c : tensor<i1>
  } {since = 21 : i64} : (tensor<i1>, tensor<i1>) -> tensor<i1>
  func.return
}
