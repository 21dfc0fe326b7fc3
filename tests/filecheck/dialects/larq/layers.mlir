// RUN: nn-opt %s | nn-opt | filecheck %s

// CHECK-LABEL: @layers(
// CHECK: larq.quant_conv2d %x, %k {filters = 2 : i64, kernel_size = array<i64: 3, 3>, use_bias = false, input_quantizer = "SteSign", kernel_quantizer = "DoReFa(2, weights)", pad_values = 1.000000e+00 : f64}
// CHECK: larq.quant_depthwise_conv2d
// CHECK: larq.ste_tern
// CHECK: larq.do_re_fa
func.func @layers(%x: tensor<1x8x8x4xf32>, %k: tensor<3x3x4x2xf32>, %d: tensor<3x3x4x1xf32>) {
  %0 = larq.quant_conv2d %x, %k {filters = 2 : i64, kernel_size = array<i64: 3, 3>, use_bias = false, input_quantizer = "SteSign", kernel_quantizer = "DoReFa(2, weights)", pad_values = 1.0 : f64} : (tensor<1x8x8x4xf32>, tensor<3x3x4x2xf32>) -> tensor<1x6x6x2xf32>
  %1 = larq.quant_depthwise_conv2d %x, %d {kernel_size = array<i64: 3, 3>, use_bias = false, depthwise_quantizer = "SteTern(mean)"} : (tensor<1x8x8x4xf32>, tensor<3x3x4x1xf32>) -> tensor<1x6x6x4xf32>
  %2 = larq.ste_tern %x {threshold_value = 0.1 : f64} : (tensor<1x8x8x4xf32>) -> tensor<1x8x8x4xf32>
  %3 = larq.do_re_fa %x {k_bit = 3 : i64} : (tensor<1x8x8x4xf32>) -> tensor<1x8x8x4xf32>
  func.return
}
