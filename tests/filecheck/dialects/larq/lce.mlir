// RUN: nn-opt %s --print-debuginfo | nn-opt --print-debuginfo | filecheck %s

func.func @main(%x: tensor<1x8x8x40xf32>, %w: tensor<16x3x3x2xi32>, %m: tensor<16xf32>) -> tensor<1x4x4x16xf32> {
  %none = tfl.no_value : none
  %a = larq.lce_quantize %x : (tensor<1x8x8x40xf32>) -> tensor<1x8x8x2xi32> loc("signs")
  %b = larq.lce_b_max_pool2d %a {filter_height = 2 : i32, filter_width = 2 : i32,
    padding = "VALID", stride_height = 2 : i32, stride_width = 2 : i32}
    : (tensor<1x8x8x2xi32>) -> tensor<1x4x4x2xi32>
  %c = larq.lce_bconv2d %b, %w, %m, %m, %none {channels_in = 40 : i32,
    dilation_height_factor = 1 : i32, dilation_width_factor = 1 : i32, pad_values = 1 : i32,
    padding = "SAME", stride_height = 1 : i32, stride_width = 1 : i32}
    : (tensor<1x4x4x2xi32>, tensor<16x3x3x2xi32>, tensor<16xf32>, tensor<16xf32>, none)
    -> tensor<1x4x4x16xf32>
  %d = larq.lce_dequantize %b : (tensor<1x4x4x2xi32>) -> tensor<1x4x4x40xi1>
  func.return %c : tensor<1x4x4x16xf32>
}

// CHECK:      larq.lce_quantize %x : (tensor<1x8x8x40xf32>) -> tensor<1x8x8x2xi32> loc("signs")
// CHECK:      larq.lce_b_max_pool2d
// CHECK-SAME: filter_height = 2 : i32
// CHECK:      larq.lce_bconv2d
// CHECK-SAME: pad_values = 1 : i32, padding = "SAME"
// CHECK:      larq.lce_dequantize
// CHECK-SAME: tensor<1x4x4x40xi1>
