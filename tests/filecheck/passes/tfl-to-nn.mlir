// RUN: nn-opt %s -p tfl-to-nn --split-input-file | filecheck %s
// RUN: nn-opt %s -p tfl-to-nn{numerics=tflm} --split-input-file | filecheck %s --check-prefix=MICRO
// RUN: nn-opt %s -p tfl-to-nn --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC

// SAME padding becomes numbers, what cannot be divided evenly goes to the end; RELU6 becomes bounds
// in stored units; the bias counts in units of the accumulator.

!x = !quant.uniform<i8:f32, 0.5:-3>
!w = !quant.uniform<i8:f32:0, {0.25, 0.125}>
!b = !quant.uniform<i32:f32:0, {0.125, 0.0625}>
!y = !quant.uniform<i8:f32, 0.0625:-128>
func.func @main(%x: tensor<1x4x4x1x!x>) -> tensor<1x2x2x2x!y>
    attributes {tfl.inputs = ["image"], tfl.outputs = ["map"]} {
  %w = tfl.pseudo_const dense<1> : tensor<2x3x3x1xi8> -> tensor<2x3x3x1x!w>
  %b = tfl.pseudo_const dense<[10, -10]> : tensor<2xi32> -> tensor<2x!b>
  %y = tfl.conv_2d %x, %w, %b {padding = "SAME", stride_h = 2 : i32, stride_w = 2 : i32, fused_activation_function = "RELU6"}
    : (tensor<1x4x4x1x!x>, tensor<2x3x3x1x!w>, tensor<2x!b>) -> tensor<1x2x2x2x!y> loc("conv")
  func.return %y : tensor<1x2x2x2x!y>
}

// CHECK-LABEL: func.func @main
// CHECK-SAME: {nn.name = "image"}
// CHECK-SAME: {nn.name = "map"}
// CHECK-NEXT: nn.constant dense<1>
// CHECK-NEXT: nn.constant dense<[10, -10]> : tensor<2xi32> -> tensor<2xi32>
// CHECK-NEXT: nn.conv2d
// CHECK-SAME: rounding = #nn<rounding double>, max = -32 : i64
// CHECK-SAME: padding = array<i64: 0, 1, 0, 1>, groups = 1 : i64
// CHECK-NEXT: func.return
// LOC: nn.conv2d
// LOC-SAME: loc("conv")

// -----

// A dense layer takes rows; its rounding is what the two contracts disagree about.

!q = !quant.uniform<i8:f32, 0.5>
func.func @main(%x: tensor<1x2x2x!q>) -> tensor<2x1x!q> {
  %w = tfl.pseudo_const dense<1> : tensor<1x2xi8> -> tensor<1x2x!q>
  %n = tfl.no_value : none
  %y = tfl.fully_connected %x, %w, %n : (tensor<1x2x2x!q>, tensor<1x2x!q>, none) -> tensor<2x1x!q>
  func.return %y : tensor<2x1x!q>
}

// CHECK-LABEL: func.func @main
// CHECK: nn.reshape %{{.*}} -> tensor<2x2x
// CHECK-NEXT: nn.dense
// CHECK-SAME: rounding = #nn<rounding f64>
// MICRO: nn.dense
// MICRO-SAME: rounding = #nn<rounding double>, f32_product

// -----

// Shape arithmetic is folded.

func.func @main(%x: tensor<2x6xf32>) -> tensor<?x?xf32> {
  %shape = tfl.pseudo_const dense<[3, -1]> : tensor<2xi32> -> tensor<2xi32>
  %y = tfl.reshape %x, %shape : (tensor<2x6xf32>, tensor<2xi32>) -> tensor<?x?xf32>
  func.return %y : tensor<?x?xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-SAME: -> tensor<3x4xf32>
// CHECK-NEXT: nn.reshape %{{.*}} : (tensor<2x6xf32>) -> tensor<3x4xf32>
// CHECK-NEXT: func.return
