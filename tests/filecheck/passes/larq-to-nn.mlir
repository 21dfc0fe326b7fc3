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

// -----

// Larq's layers: signs are !nn.bin, levels int8 with a scale; +1 or -1 around a sign is padding, a
// bias behind whole numbers a sum of floats.

func.func @layers(%x: tensor<1x4x4x2xf32>) -> tensor<1x4x4x1xf32> attributes {keras.version = "2.15"} {
  %k = keras.constant dense<[[[[0.5], [-0.25]]], [[[0.0], [-1.0]]]]> : tensor<2x1x2x1xf32> -> tensor<2x1x2x1xf32>
  %b = keras.constant dense<0.5> : tensor<1xf32> -> tensor<1xf32>
  %y = larq.quant_conv2d %x, %k, %b {filters = 1 : i64, kernel_size = array<i64: 2, 1>,
    padding = "same", pad_values = -1.0 : f64, input_quantizer = "SteSign",
    kernel_quantizer = "ApproxSign", activation = "relu"}
    : (tensor<1x4x4x2xf32>, tensor<2x1x2x1xf32>, tensor<1xf32>) -> tensor<1x4x4x1xf32>
  func.return %y : tensor<1x4x4x1xf32>
}

// CHECK-LABEL: func.func @layers
// CHECK:      [[X:%.*]] = nn.quantize %x : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2x!nn.bin>
// CHECK-NEXT: nn.constant dense<{{.*}}0, 1{{.*}}0, 1{{.*}}> : tensor<1x2x1x2xi8> -> tensor<1x2x1x2x!nn.bin>
// CHECK-NEXT: nn.conv2d [[X]]
// CHECK-SAME: padding = array<i64: 0, 1, 0, 0>
// CHECK-SAME: pad_value = -1 : i64
// CHECK:      nn.add
// CHECK:      nn.clamp

// -----

func.func @levels(%x: tensor<1x2xf32>) -> tensor<1x1xf32> attributes {keras.version = "2.15"} {
  %k = keras.constant dense<[[0.5], [-0.02]]> : tensor<2x1xf32> -> tensor<2x1xf32>
  %y = larq.quant_dense %x, %k {units = 1 : i64, use_bias = false,
    input_quantizer = "DoReFa(2, activations)", kernel_quantizer = "SteTern(0.05)"}
    : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  %z = larq.ste_sign %y : (tensor<1x1xf32>) -> tensor<1x1xf32>
  func.return %z : tensor<1x1xf32>
}

// CHECK-LABEL: func.func @levels
// CHECK:      nn.clamp %x {min = 0.000000e+00 : f32, max = 1.000000e+00 : f32}
// CHECK:      nn.quantize {{.*}} {ties_even}
// CHECK:      nn.constant dense<{{.*}}1, 0{{.*}}> : tensor<1x2xi8> -> tensor<1x2x!quant.uniform<i8:f32, 1.0>>
// CHECK-NEXT: nn.dense {{.*}} : (tensor<1x2x!quant.uniform<i8:f32, 0.33333334>>
// CHECK-NEXT: [[S:%.*]] = nn.quantize
// CHECK-NEXT: nn.dequantize [[S]]
