// RUN: nn-opt %s | filecheck %s
// RUN: nn-opt %s --print-op-generic | nn-opt | filecheck %s

// CHECK-LABEL: @abs(
// CHECK: tfl.abs %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @abs(%x : tensor<4xf32>) {
  %z = tfl.abs %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @ceil(
// CHECK: tfl.ceil %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @ceil(%x : tensor<4xf32>) {
  %z = tfl.ceil %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @cos(
// CHECK: tfl.cos %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @cos(%x : tensor<4xf32>) {
  %z = tfl.cos %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @elu(
// CHECK: tfl.elu %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @elu(%x : tensor<4xf32>) {
  %z = tfl.elu %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @exp(
// CHECK: tfl.exp %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @exp(%x : tensor<4xf32>) {
  %z = tfl.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @floor(
// CHECK: tfl.floor %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @floor(%x : tensor<4xf32>) {
  %z = tfl.floor %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @hard_swish(
// CHECK: tfl.hard_swish %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @hard_swish(%x : tensor<4xf32>) {
  %z = tfl.hard_swish %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @log(
// CHECK: tfl.log %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @log(%x : tensor<4xf32>) {
  %z = tfl.log %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @logistic(
// CHECK: tfl.logistic %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @logistic(%x : tensor<4xf32>) {
  %z = tfl.logistic %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @neg(
// CHECK: tfl.neg %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @neg(%x : tensor<4xf32>) {
  %z = tfl.neg %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @relu(
// CHECK: tfl.relu %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @relu(%x : tensor<4xf32>) {
  %z = tfl.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @relu6(
// CHECK: tfl.relu6 %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @relu6(%x : tensor<4xf32>) {
  %z = tfl.relu6 %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @relu_n1_to_1(
// CHECK: tfl.relu_n1_to_1 %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @relu_n1_to_1(%x : tensor<4xf32>) {
  %z = tfl.relu_n1_to_1 %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @relu_0_to_1(
// CHECK: tfl.relu_0_to_1 %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @relu_0_to_1(%x : tensor<4xf32>) {
  %z = tfl.relu_0_to_1 %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @round(
// CHECK: tfl.round %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @round(%x : tensor<4xf32>) {
  %z = tfl.round %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @rsqrt(
// CHECK: tfl.rsqrt %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @rsqrt(%x : tensor<4xf32>) {
  %z = tfl.rsqrt %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @sign(
// CHECK: tfl.sign %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @sign(%x : tensor<4xf32>) {
  %z = tfl.sign %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @sin(
// CHECK: tfl.sin %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @sin(%x : tensor<4xf32>) {
  %z = tfl.sin %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @sqrt(
// CHECK: tfl.sqrt %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @sqrt(%x : tensor<4xf32>) {
  %z = tfl.sqrt %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @square(
// CHECK: tfl.square %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @square(%x : tensor<4xf32>) {
  %z = tfl.square %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @tanh(
// CHECK: tfl.tanh %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @tanh(%x : tensor<4xf32>) {
  %z = tfl.tanh %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @zeros_like(
// CHECK: tfl.zeros_like %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @zeros_like(%x : tensor<4xf32>) {
  %z = tfl.zeros_like %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @logical_not(
// CHECK: tfl.logical_not %x : (tensor<4xi1>) -> tensor<4xi1>
func.func @logical_not(%x : tensor<4xi1>) {
  %z = tfl.logical_not %x : (tensor<4xi1>) -> tensor<4xi1>
  func.return
}

// CHECK-LABEL: @gelu(
// CHECK: tfl.gelu %x {approximate = true} : (tensor<4xf32>) -> tensor<4xf32>
func.func @gelu(%x : tensor<4xf32>) {
  %z = tfl.gelu %x {approximate = true} : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @leaky_relu(
// CHECK: tfl.leaky_relu %x {alpha = 1.250000e-01 : f32} : (tensor<4xf32>) -> tensor<4xf32>
func.func @leaky_relu(%x : tensor<4xf32>) {
  %z = tfl.leaky_relu %x {alpha = 1.250000e-01 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @softmax(
// CHECK: tfl.softmax %x {beta = 1.000000e+00 : f32} : (tensor<1x4xf32>) -> tensor<1x4xf32>
func.func @softmax(%x : tensor<1x4xf32>) {
  %z = tfl.softmax %x {beta = 1.000000e+00 : f32} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  func.return
}

// CHECK-LABEL: @log_softmax(
// CHECK: tfl.log_softmax %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
func.func @log_softmax(%x : tensor<1x4xf32>) {
  %z = tfl.log_softmax %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
  func.return
}

// CHECK-LABEL: @l2_normalization(
// CHECK: tfl.l2_normalization %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
func.func @l2_normalization(%x : tensor<1x4xf32>) {
  %z = tfl.l2_normalization %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
  func.return
}

// CHECK-LABEL: @local_response_normalization(
// CHECK: tfl.local_response_normalization %x {radius = 2 : i32, bias = 1.000000e+00 : f32, alpha = 1.000000e+00 : f32, beta = 5.000000e-01 : f32} : (tensor<1x2x2x8xf32>) -> tensor<1x2x2x8xf32>
func.func @local_response_normalization(%x : tensor<1x2x2x8xf32>) {
  %z = tfl.local_response_normalization %x {radius = 2 : i32, bias = 1.000000e+00 : f32, alpha = 1.000000e+00 : f32, beta = 5.000000e-01 : f32} : (tensor<1x2x2x8xf32>) -> tensor<1x2x2x8xf32>
  func.return
}

// CHECK-LABEL: @cast(
// CHECK: tfl.cast %x {in_data_type = "INT32"} : (tensor<4xi32>) -> tensor<4xf32>
func.func @cast(%x : tensor<4xi32>) {
  %z = tfl.cast %x {in_data_type = "INT32"} : (tensor<4xi32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @quantize(
// CHECK: tfl.quantize %x : (tensor<4xf32>) -> tensor<4x!quant.uniform<i8:f32, 0.5:-3>>
func.func @quantize(%x : tensor<4xf32>) {
  %z = tfl.quantize %x : (tensor<4xf32>) -> tensor<4x!quant.uniform<i8:f32, 0.5:-3>>
  func.return
}

// CHECK-LABEL: @dequantize(
// CHECK: tfl.dequantize %x : (tensor<4x!quant.uniform<i8:f32, 0.5:-3>>) -> tensor<4xf32>
func.func @dequantize(%x : tensor<4x!quant.uniform<i8:f32, 0.5:-3>>) {
  %z = tfl.dequantize %x : (tensor<4x!quant.uniform<i8:f32, 0.5:-3>>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @fake_quant(
// CHECK: tfl.fake_quant %x {min = -1.000000e+00 : f32, max = 1.000000e+00 : f32, num_bits = 8 : i32} : (tensor<4xf32>) -> tensor<4xf32>
func.func @fake_quant(%x : tensor<4xf32>) {
  %z = tfl.fake_quant %x {min = -1.000000e+00 : f32, max = 1.000000e+00 : f32, num_bits = 8 : i32} : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @densify(
// CHECK: tfl.densify %x : (tensor<4xf32>) -> tensor<4xf32>
func.func @densify(%x : tensor<4xf32>) {
  %z = tfl.densify %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @bitcast(
// CHECK: tfl.bitcast %x : (tensor<4xf32>) -> tensor<4xi32>
func.func @bitcast(%x : tensor<4xf32>) {
  %z = tfl.bitcast %x : (tensor<4xf32>) -> tensor<4xi32>
  func.return
}
