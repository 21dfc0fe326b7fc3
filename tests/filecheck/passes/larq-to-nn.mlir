// RUN: nn-opt %s -p larq-to-nn --split-input-file | filecheck %s
// RUN: nn-opt %s -p 'larq-to-nn{numerics=lce-device}' --split-input-file | filecheck %s --check-prefix=DEVICE
// RUN: nn-opt %s -p larq-to-nn,tfl-to-nn --split-input-file | filecheck %s --check-prefix=WHOLE

// A chain stays binary: packed words are !nn.bin, a threshold is the bias of a sign.

func.func @chain(%x: tensor<1x4x4x3xf32>) -> tensor<1x1x1x2xf32> {
  %none = tfl.no_value : none
  %w = tfl.pseudo_const dense<[[[[0]]], [[[5]]]]> : tensor<2x1x1x1xi32> -> tensor<2x1x1x1xi32>
  %t = tfl.pseudo_const dense<[1, -7]> : tensor<2xi32> -> tensor<2xi32>
  %a = larq.lce_quantize %x : (tensor<1x4x4x3xf32>) -> tensor<1x4x4x1xi32>
  %b = larq.lce_bconv2d %a, %w, %none, %none, %t {channels_in = 3 : i32,
    dilation_height_factor = 1 : i32, dilation_width_factor = 1 : i32, padding = "VALID",
    stride_height = 2 : i32, stride_width = 2 : i32}
    : (tensor<1x4x4x1xi32>, tensor<2x1x1x1xi32>, none, none, tensor<2xi32>) -> tensor<1x2x2x1xi32>
  %c = larq.lce_b_max_pool2d %b {filter_height = 2 : i32, filter_width = 2 : i32, padding = "SAME",
    stride_height = 2 : i32, stride_width = 2 : i32} : (tensor<1x2x2x1xi32>) -> tensor<1x1x1x1xi32>
  %d = larq.lce_dequantize %c : (tensor<1x1x1x1xi32>) -> tensor<1x1x1x2xf32>
  func.return %d : tensor<1x1x1x2xf32>
}

// CHECK-LABEL: func.func @chain
// CHECK:      [[A:%.*]] = nn.quantize %x : (tensor<1x4x4x3xf32>) -> tensor<1x4x4x3x!nn.bin>
// CHECK:      nn.constant dense<{{.*}}0, 0, 0{{.*}}1, 0, 1{{.*}}> : tensor<2x1x1x3xi8> -> tensor<2x1x1x3x!nn.bin>
// CHECK:      nn.constant dense<[-1, -5]> : tensor<2xi32>
// CHECK:      nn.conv2d [[A]]
// CHECK-SAME: -> tensor<1x2x2x2x!nn.bin>
// CHECK:      nn.max_pool2d
// CHECK-SAME: (tensor<1x2x2x2x!nn.bin>) -> tensor<1x1x1x2x!nn.bin>
// CHECK:      nn.dequantize
// CHECK-SAME: -> tensor<1x1x1x2xf32>

// WHOLE-LABEL: func.func @chain
// WHOLE-NOT:   tfl.

// -----

// Twice the differing bits, clamped, times and plus; a scale is folded into both; +1 around.

!q = !quant.uniform<i8:f32, 0.5:3>
func.func @int8(%x: tensor<1x2x2x3xi1>) -> tensor<1x2x2x2x!q> {
  %none = tfl.no_value : none
  %w = tfl.pseudo_const dense<0> : tensor<2x2x2x1xi32> -> tensor<2x2x2x1xi32>
  %m = tfl.pseudo_const dense<[1.0, -2.0]> : tensor<2xf32> -> tensor<2xf32>
  %b = tfl.pseudo_const dense<[0.5, 0.0]> : tensor<2xf32> -> tensor<2xf32>
  %a = larq.lce_quantize %x : (tensor<1x2x2x3xi1>) -> tensor<1x2x2x1xi32>
  %y = larq.lce_bconv2d %a, %w, %m, %b, %none {channels_in = 3 : i32,
    dilation_height_factor = 1 : i32, dilation_width_factor = 1 : i32, padding = "SAME",
    fused_activation_function = "RELU6", pad_values = 1 : i32, stride_height = 1 : i32,
    stride_width = 1 : i32}
    : (tensor<1x2x2x1xi32>, tensor<2x2x2x1xi32>, tensor<2xf32>, tensor<2xf32>, none)
    -> tensor<1x2x2x2x!q>
  func.return %y : tensor<1x2x2x2x!q>
}

// CHECK-LABEL: func.func @int8
// CHECK:      nn.quantize %x : (tensor<1x2x2x3xi1>) -> tensor<1x2x2x3x!nn.bin>
// CHECK:      nn.constant dense<12> : tensor<2xi32>
// CHECK:      nn.conv2d
// CHECK-SAME: min = 6.000000e+00 : f32, max = 1.200000e+01 : f32
// CHECK-SAME: padding = array<i64: 0, 1, 0, 1>
// CHECK-SAME: pad_value = 1 : i64
// CHECK:      nn.constant dense<[-2.000000e+00, 4.000000e+00]>
// CHECK:      nn.mul
// CHECK:      nn.constant dense<[2.800000e+01, -4.500000e+01]>
// CHECK:      nn.add
// CHECK:      nn.quantize {{%[0-9a-z]+}} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2x!quant.uniform<i8:f32, 1.0>>
// CHECK:      nn.cast
// DEVICE-LABEL: func.func @int8
// DEVICE:      nn.quantize {{%[0-9a-z]+}} {ties_even} : (tensor<1x2x2x2xf32>)
