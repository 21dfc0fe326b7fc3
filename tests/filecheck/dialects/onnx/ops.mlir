// RUN: nn-opt %s --print-debuginfo | nn-opt --print-debuginfo | filecheck %s

func.func @main(%x: tensor<1x3x8x8xf32>, %n: tensor<*xi64>) -> tensor<*xf32>
    attributes {onnx.inputs = ["x", "n"], onnx.outputs = ["y"]} {
  %none = onnx.NoValue : none
  %w = onnx.Constant {value = dense<0.5> : tensor<4x3x1x1xf32>} : tensor<4x3x1x1xf32> loc("w")
  %c = onnx.Conv %x, %w, %none {group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, auto_pad = "NOTSET", since = 11 : i64}
    : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>, none) -> tensor<1x4x8x8xf32> loc("conv")
  %e = onnx.Elu %c {alpha = 1.5 : f32, since = 6 : i64} : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %p, %i = onnx.MaxPool %e {kernel_shape = array<i64: 2, 2>, since = 12 : i64}
    : (tensor<1x4x8x8xf32>) -> (tensor<1x4x7x7xf32>, tensor<1x4x7x7xi64>) loc(fused["pool", "places"])
  %s = onnx.Constant {value = ["cat", "dog"]} : tensor<2x!onnx.string>
  %y = onnx.Reshape %p, %n {allowzero = 0 : i64, since = 14 : i64}
    : (tensor<1x4x7x7xf32>, tensor<*xi64>) -> tensor<*xf32>
  func.return %y : tensor<*xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: onnx.NoValue : none
// CHECK-NEXT: onnx.Constant {value = dense<5.000000e-01> : tensor<4x3x1x1xf32>} : tensor<4x3x1x1xf32> loc("w")
// CHECK-NEXT: onnx.Conv
// CHECK-SAME: since = 11 : i64
// CHECK-SAME: loc("conv")
// CHECK-NEXT: onnx.Elu
// CHECK-SAME: alpha = 1.500000e+00 : f32
// CHECK-NEXT: onnx.MaxPool
// CHECK-SAME: loc(fused["pool", "places"])
// CHECK-NEXT: onnx.Constant {value = ["cat", "dog"]} : tensor<2x!onnx.string>
// CHECK-NEXT: onnx.Reshape
// CHECK-SAME: -> tensor<*xf32>

// Graphs inside operators are regions, which use what is around them.

func.func @control(%c: tensor<i1>, %n: tensor<i64>, %a: tensor<4xf32>) -> tensor<?x?xf32> {
  %none = onnx.NoValue : none
  %y = onnx.If %c else_branch {
    onnx.Yield %a : tensor<4xf32>
  } then_branch {
    %b = onnx.Relu %a {since = 14 : i64} : (tensor<4xf32>) -> tensor<4xf32> loc("b")
    onnx.Yield %b : tensor<4xf32>
  } {since = 21 : i64} : (tensor<i1>) -> tensor<4xf32> loc("y")
  %z, %s = onnx.Loop %n, %none, %y body {
  ^bb0(%i: tensor<i64>, %k: tensor<i1>, %v: tensor<?xf32>):
    %w = onnx.Add %a, %v {since = 14 : i64} : (tensor<4xf32>, tensor<?xf32>) -> tensor<4xf32>
    onnx.Yield %k, %w, %w : tensor<i1>, tensor<4xf32>, tensor<4xf32>
  } {since = 21 : i64} : (tensor<i64>, none, tensor<4xf32>) -> (tensor<?xf32>, tensor<?x?xf32>)
  %last, %r = onnx.Scan %z, %s body {
  ^bb0(%t: tensor<?xf32>, %u: tensor<?xf32>):
    onnx.Yield %u, %t : tensor<?xf32>, tensor<?xf32>
  } {num_scan_inputs = 1 : i64, scan_output_axes = array<i64: 1>, since = 21 : i64}
    : (tensor<?xf32>, tensor<?x?xf32>) -> (tensor<?xf32>, tensor<?x?xf32>)
  func.return %r : tensor<?x?xf32>
}

// CHECK-LABEL: func.func @control
// CHECK: onnx.If %c else_branch {
// CHECK-NEXT: onnx.Yield %a : tensor<4xf32>
// CHECK-NEXT: } then_branch {
// CHECK-NEXT: onnx.Relu
// CHECK-SAME: loc("b")
// CHECK-NEXT: onnx.Yield %b : tensor<4xf32>
// CHECK-NEXT: } {since = 21 : i64} : (tensor<i1>) -> tensor<4xf32> loc("y")
// CHECK-NEXT: onnx.Loop %n, %none, %y body {
// CHECK-NEXT: ^bb0(%i: tensor<i64>{{.*}}, %k: tensor<i1>{{.*}}, %v: tensor<?xf32>{{.*}}):
// CHECK-NEXT: onnx.Add
// CHECK-NEXT: onnx.Yield %k, %w, %w : tensor<i1>, tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: } {since = 21 : i64}
// CHECK: onnx.Scan %z, %s body {
// CHECK: } {num_scan_inputs = 1 : i64, scan_output_axes = array<i64: 1>, since = 21 : i64}
