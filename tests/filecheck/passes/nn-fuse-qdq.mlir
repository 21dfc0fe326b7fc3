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
// CHECK-SAME: min = -128 : i64
// CHECK-SAME: max = -104 : i64
// CHECK-NOT: nn.quantize
// CHECK: func.return

// -----

// Sums round once themselves; what a concatenation joins is brought to its scale.

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
// CHECK-NEXT: nn.requantize
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
