// RUN: nn-opt %s --split-input-file --verify-diagnostics | filecheck %s

func.func @main(%x: tensor<1x8x8x40xf32>) {
  %a = larq.lce_quantize %x : (tensor<1x8x8x40xf32>) -> tensor<1x8x8x3xi32>
  func.return
}
// CHECK: expected words of shape (1, 8, 8, 2), got (1, 8, 8, 3)

// -----

func.func @main(%x: tensor<1x8x8x40xi32>) {
  %a = larq.lce_quantize %x : (tensor<1x8x8x40xi32>) -> tensor<1x8x8x2xi32>
  func.return
}
// CHECK: expected an input of f32, quantised i8 or i1, got tensor<1x8x8x40xi32>

// -----

func.func @main(%x: tensor<1x8x8x40xf32>) {
  %a = larq.lce_dequantize %x : (tensor<1x8x8x40xf32>) -> tensor<1x8x8x40xf32>
  func.return
}
// CHECK: expected an input of packed i32 words, got tensor<1x8x8x40xf32>

// -----

func.func @main(%x: tensor<1x4x4x2xi32>, %w: tensor<16x3x3x2xi32>, %m: tensor<16xf32>) {
  %none = tfl.no_value : none
  %c = larq.lce_bconv2d %x, %w, %m, %m, %none {channels_in = 40 : i32,
    dilation_height_factor = 1 : i32, dilation_width_factor = 1 : i32, pad_values = -1 : i32,
    padding = "SAME", stride_height = 1 : i32, stride_width = 1 : i32}
    : (tensor<1x4x4x2xi32>, tensor<16x3x3x2xi32>, tensor<16xf32>, tensor<16xf32>, none)
    -> tensor<1x4x4x16xf32>
  func.return
}
// CHECK: expected pad_values 0 or 1, got -1

// -----

func.func @main(%x: tensor<1x4x4x2xi32>, %w: tensor<16x3x3x2xi32>, %m: tensor<16xf32>) {
  %none = tfl.no_value : none
  %c = larq.lce_bconv2d %x, %w, %m, %m, %none {channels_in = 70 : i32,
    dilation_height_factor = 1 : i32, dilation_width_factor = 1 : i32,
    padding = "SAME", stride_height = 1 : i32, stride_width = 1 : i32}
    : (tensor<1x4x4x2xi32>, tensor<16x3x3x2xi32>, tensor<16xf32>, tensor<16xf32>, none)
    -> tensor<1x4x4x16xf32>
  func.return
}
// CHECK: expected an input with 3 in dimension 3, got tensor<1x4x4x2xi32>

// -----

func.func @main(%x: tensor<1x4x4x2xi32>) {
  %b = larq.lce_b_max_pool2d %x {filter_height = 0 : i32, filter_width = 2 : i32,
    padding = "VALID", stride_height = 2 : i32, stride_width = 2 : i32}
    : (tensor<1x4x4x2xi32>) -> tensor<1x2x2x2xi32>
  func.return
}
// CHECK: expected filter_height of at least 1, got 0
