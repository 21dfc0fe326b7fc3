// RUN: nn-opt %s -p nn-fuse-qdq --split-input-file | filecheck %s

// The bias counts in units of the accumulator; the clamp is one of stored values.

!x = !quant.uniform<i8:f32, 0.5:-3>
!w = !quant.uniform<i8:f32:0, {0.25, 0.125}>
!b = !quant.uniform<i32:f32:0, {0.125, 0.0625}>
!y = !quant.uniform<i8:f32, 0.25:-128>
func.func @main(%x: tensor<1x4x!x>) -> tensor<1x2x!y> {
  %w = nn.constant dense<1> : tensor<2x4xi8> -> tensor<2x4x!w>
  %b = nn.constant dense<[10, -10]> : tensor<2xi32> -> tensor<2x!b>
  %xf = nn.dequantize %x : (tensor<1x4x!x>) -> tensor<1x4xf32>
  %wf = nn.dequantize %w : (tensor<2x4x!w>) -> tensor<2x4xf32>
  %bf = nn.dequantize %b : (tensor<2x!b>) -> tensor<2xf32>
  %d = nn.dense %xf, %wf, %bf : (tensor<1x4xf32>, tensor<2x4xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  %r = nn.clamp %d {min = 0.0 : f32, max = 6.0 : f32} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %y = nn.quantize %r {ties_even} : (tensor<1x2xf32>) -> tensor<1x2x!y>
  func.return %y : tensor<1x2x!y>
}

// CHECK-LABEL: func.func @main
// CHECK-NOT: nn.dequantize
// CHECK: nn.constant dense<[10, -10]> : tensor<2xi32> -> tensor<2xi32>
// CHECK: nn.dense
// CHECK-SAME: rounding = #nn<rounding double>
// CHECK-NOT: min
// CHECK-SAME: max = -104 : i64
// CHECK-NOT: nn.quantize
// CHECK: func.return

// -----

// Sums round themselves; what a concatenation joins is brought to its scale as the floats say it.

!x = !quant.uniform<i8:f32, 0.5:-3>
!y = !quant.uniform<i8:f32, 0.25>
func.func @main(%x: tensor<4x!x>, %y: tensor<4x!y>) -> (tensor<4x!y>, tensor<8x!y>) {
  %xf = nn.dequantize %x : (tensor<4x!x>) -> tensor<4xf32>
  %yf = nn.dequantize %y : (tensor<4x!y>) -> tensor<4xf32>
  %s = nn.add %xf, %yf : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %sq = nn.quantize %s {ties_even} : (tensor<4xf32>) -> tensor<4x!y>
  %c = nn.concat %xf, %yf {axis = 0 : i64} : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  %cq = nn.quantize %c {ties_even} : (tensor<8xf32>) -> tensor<8x!y>
  func.return %sq, %cq : tensor<4x!y>, tensor<8x!y>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: nn.add
// CHECK-SAME: rounding = #nn<rounding double>
// CHECK-NEXT: nn.dequantize %x
// CHECK-NEXT: nn.quantize
// CHECK-NEXT: nn.concat
// CHECK-NEXT: func.return

// -----

// A float result that somebody else needs stays one.

!x = !quant.uniform<i8:f32, 0.5>
func.func @main(%x: tensor<4x!x>) -> (tensor<4x!x>, tensor<4xf32>) {
  %f = nn.dequantize %x : (tensor<4x!x>) -> tensor<4xf32>
  %s = nn.add %f, %f : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %q = nn.quantize %s {ties_even} : (tensor<4xf32>) -> tensor<4x!x>
  func.return %q, %s : tensor<4x!x>, tensor<4xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: nn.dequantize
// CHECK-NEXT: nn.add
// CHECK-NEXT: nn.quantize
// CHECK-NEXT: func.return

// -----

// Tensors of uint8 become such of int8; the argument is one of uint8 still.

!x = !quant.uniform<u8:f32, 0.5:3>
!y = !quant.uniform<u8:f32, 0.25:250>
func.func @main(%x: tensor<1x4x2xui8>) -> tensor<1x8x!y> {
  %q = nn.cast %x : (tensor<1x4x2xui8>) -> tensor<1x4x2x!x>
  %f = nn.dequantize %q : (tensor<1x4x2x!x>) -> tensor<1x4x2xf32>
  %r = nn.reshape %f : (tensor<1x4x2xf32>) -> tensor<1x8xf32>
  %s = nn.softmax %r {beta = 1.0 : f32} : (tensor<1x8xf32>) -> tensor<1x8xf32>
  %y = nn.quantize %s {ties_even} : (tensor<1x8xf32>) -> tensor<1x8x!y>
  func.return %y : tensor<1x8x!y>
}

// CHECK-LABEL: func.func @main(%x: tensor<1x4x2x!quant.uniform<u8:f32, 0.5:3>>
// CHECK-NEXT: nn.requantize %x
// CHECK-SAME: -> tensor<1x4x2x!quant.uniform<i8:f32, 0.5:-125>>
// CHECK-NEXT: nn.reshape
// CHECK-NEXT: nn.softmax
// CHECK-SAME: -> tensor<1x8x!quant.uniform<i8:f32, 0.25:122>>
// CHECK-NEXT: nn.requantize
// CHECK-SAME: -> tensor<1x8x!quant.uniform<u8:f32, 0.25:250>>
// CHECK-NEXT: func.return

// -----

// What is added to each output of a layer is its bias, and a clamp goes before a reshape.

!x = !quant.uniform<i8:f32, 0.5>
!b = !quant.uniform<i32:f32, 0.25>
!y = !quant.uniform<i8:f32, 1.0>
func.func @main(%x: tensor<1x4x!x>) -> tensor<2x!y> {
  %w = nn.constant dense<1> : tensor<2x4xi8> -> tensor<2x4x!x>
  %b = nn.constant dense<[[7, -9]]> : tensor<1x2xi32> -> tensor<1x2x!b>
  %xf = nn.dequantize %x : (tensor<1x4x!x>) -> tensor<1x4xf32>
  %wf = nn.dequantize %w : (tensor<2x4x!x>) -> tensor<2x4xf32>
  %bf = nn.dequantize %b : (tensor<1x2x!b>) -> tensor<1x2xf32>
  %d = nn.dense %xf, %wf : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  %s = nn.add %d, %bf : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %r = nn.reshape %s : (tensor<1x2xf32>) -> tensor<2xf32>
  %c = nn.clamp %r {min = 0.0 : f32} : (tensor<2xf32>) -> tensor<2xf32>
  %y = nn.quantize %c {ties_even} : (tensor<2xf32>) -> tensor<2x!y>
  func.return %y : tensor<2x!y>
}

// CHECK-LABEL: func.func @main
// CHECK: nn.constant dense<[7, -9]> : tensor<2xi32> -> tensor<2xi32>
// CHECK-NEXT: nn.dense
// CHECK-SAME: min = 0 : i64
// CHECK-NEXT: nn.reshape
// CHECK-NEXT: func.return

// -----

// An average whose scale changes is a layer with weights of 1; what stays float is said.

!x = !quant.uniform<i8:f32, 0.5>
!y = !quant.uniform<i8:f32, 0.25>
func.func @main(%x: tensor<1x4x4x2x!x>) -> (tensor<1x3x3x2x!y>, tensor<1x4x4x2x!y>) {
  %f = nn.dequantize %x : (tensor<1x4x4x2x!x>) -> tensor<1x4x4x2xf32>
  %a = nn.average_pool2d %f {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, padding = array<i64: 0, 0, 0, 0>} : (tensor<1x4x4x2xf32>) -> tensor<1x3x3x2xf32>
  %y = nn.quantize %a {ties_even} : (tensor<1x3x3x2xf32>) -> tensor<1x3x3x2x!y>
  %m = nn.reduce_max %x {axes = array<i64: 1>} : (tensor<1x4x4x2x!x>) -> tensor<1x1x4x2x!x>
  %mf = nn.dequantize %m : (tensor<1x1x4x2x!x>) -> tensor<1x1x4x2xf32>
  %p = nn.pow %f, %mf : (tensor<1x4x4x2xf32>, tensor<1x1x4x2xf32>) -> tensor<1x4x4x2xf32>
  %pq = nn.quantize %p {ties_even} : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2x!y>
  func.return %y, %pq : tensor<1x3x3x2x!y>, tensor<1x4x4x2x!y>
}

// CHECK-LABEL: func.func @main
// CHECK-SAME: attributes {nn.remarks = ["{{.*}}pow is computed in floats"]}
// CHECK: nn.constant dense<1> : tensor<1x2x2x2xi8> -> tensor<1x2x2x2x!quant.uniform<i8:f32, 0.25>>
// CHECK-NEXT: nn.depthwise_conv2d
// CHECK-SAME: rounding = #nn<rounding double>

// -----

// A weight that needs 9 bits is that of two copies of its input: 150 = 127 + 23.

!x = !quant.uniform<i8:f32, 0.5>
!w = !quant.uniform<i8:f32, 0.25:-50>
!y = !quant.uniform<i8:f32, 1.0>
func.func @main(%x: tensor<1x3x!x>) -> tensor<1x1x!y> {
  %w = nn.constant dense<[[100, -50, -60]]> : tensor<1x3xi8> -> tensor<1x3x!w>
  %xf = nn.dequantize %x : (tensor<1x3x!x>) -> tensor<1x3xf32>
  %wf = nn.dequantize %w : (tensor<1x3x!w>) -> tensor<1x3xf32>
  %d = nn.dense %xf, %wf : (tensor<1x3xf32>, tensor<1x3xf32>) -> tensor<1x1xf32>
  %y = nn.quantize %d {ties_even} : (tensor<1x1xf32>) -> tensor<1x1x!y>
  func.return %y : tensor<1x1x!y>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: nn.constant dense<[0, 1, 2, 0]> : tensor<4xi32>
// CHECK-NEXT: nn.gather
// CHECK-NEXT: nn.constant dense<[{{\[}}127, 0, -10, 23]]> : tensor<1x4xi8> -> tensor<1x4x!quant.uniform<i8:f32, 0.25>>
// CHECK-NEXT: nn.dense
