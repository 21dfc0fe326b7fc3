// RUN: nn-opt %s -p nn-merge-requantize --split-input-file | filecheck %s
// RUN: nn-opt %s -p nn-merge-requantize,nn-merge-requantize --split-input-file | filecheck %s

// The same quantisation on both sides changes nothing.

!q = !quant.uniform<i8:f32, 0.3:-3>
func.func @same(%x: tensor<4x!q>) -> tensor<4x!q> {
  %y = nn.requantize %x {rounding = #nn<rounding double>} : (tensor<4x!q>) -> tensor<4x!q>
  func.return %y : tensor<4x!q>
}

// CHECK-LABEL: func.func @same
// CHECK-NEXT: func.return %x

// Nor does the way through floats and back; both ways still used otherwise stay.
func.func @there_and_back(%x: tensor<4x!q>) -> (tensor<4x!q>, tensor<4xf32>) {
  %f = nn.dequantize %x : (tensor<4x!q>) -> tensor<4xf32>
  %y = nn.quantize %f : (tensor<4xf32>) -> tensor<4x!q>
  func.return %y, %f : tensor<4x!q>, tensor<4xf32>
}

// CHECK-LABEL: func.func @there_and_back
// CHECK-NEXT: nn.dequantize
// CHECK-NEXT: func.return %x

// From floats to stored values is not such a way.
func.func @float_first(%x: tensor<4xf32>) -> tensor<4xf32> {
  %q = nn.quantize %x : (tensor<4xf32>) -> tensor<4x!q>
  %y = nn.dequantize %q : (tensor<4x!q>) -> tensor<4xf32>
  func.return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @float_first
// CHECK-NEXT: nn.quantize
// CHECK-NEXT: nn.dequantize

// -----

// A requantisation that only limits stored values is a clamp.

!q = !quant.uniform<i8:f32, 0.3:-3>
func.func @main(%x: tensor<4x!q>) -> tensor<4x!q> {
  %y = nn.requantize %x {rounding = #nn<rounding double>, min = -3 : i64, max = 17 : i64}
    : (tensor<4x!q>) -> tensor<4x!q>
  func.return %y : tensor<4x!q>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: nn.clamp %x {min = -3 : i64, max = 17 : i64}
// CHECK-NEXT: func.return

// -----

// Two in a row become one only where no stored value notices.

!a = !quant.uniform<i8:f32, 0.5:0>
!b = !quant.uniform<i16:f32, 0.0078125:0>
!c = !quant.uniform<i8:f32, 0.25:5>
func.func @exact(%x: tensor<4x!a>) -> tensor<4x!c> {
  %m = nn.requantize %x {rounding = #nn<rounding double>} : (tensor<4x!a>) -> tensor<4x!b>
  %y = nn.requantize %m {rounding = #nn<rounding double>} : (tensor<4x!b>) -> tensor<4x!c>
  func.return %y : tensor<4x!c>
}

// CHECK-LABEL: func.func @exact
// CHECK-NEXT: nn.requantize %x
// CHECK-NEXT: func.return

!coarse = !quant.uniform<i8:f32, 3.0:0>
func.func @rounded(%x: tensor<4x!a>) -> tensor<4x!c> {
  %m = nn.requantize %x {rounding = #nn<rounding double>} : (tensor<4x!a>) -> tensor<4x!coarse>
  %y = nn.requantize %m {rounding = #nn<rounding double>} : (tensor<4x!coarse>) -> tensor<4x!c>
  func.return %y : tensor<4x!c>
}

// CHECK-LABEL: func.func @rounded
// CHECK-NEXT: nn.requantize
// CHECK-NEXT: nn.requantize

// One that is needed otherwise stays, and then there is nothing to gain.
func.func @shared(%x: tensor<4x!a>) -> (tensor<4x!b>, tensor<4x!c>) {
  %m = nn.requantize %x {rounding = #nn<rounding double>} : (tensor<4x!a>) -> tensor<4x!b>
  %y = nn.requantize %m {rounding = #nn<rounding double>} : (tensor<4x!b>) -> tensor<4x!c>
  func.return %m, %y : tensor<4x!b>, tensor<4x!c>
}

// CHECK-LABEL: func.func @shared
// CHECK-NEXT: nn.requantize %x
// CHECK-NEXT: nn.requantize %m

// -----

// Bounds in the middle become bounds at the end.

!a = !quant.uniform<i8:f32, 0.5:0>
!b = !quant.uniform<i16:f32, 0.0078125:0>
!c = !quant.uniform<i8:f32, 0.25:5>
func.func @main(%x: tensor<4x!a>) -> tensor<4x!c> {
  %m = nn.requantize %x {rounding = #nn<rounding double>, min = 0 : i64}
    : (tensor<4x!a>) -> tensor<4x!b>
  %y = nn.requantize %m {rounding = #nn<rounding double>} : (tensor<4x!b>) -> tensor<4x!c>
  func.return %y : tensor<4x!c>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: nn.requantize %x
// CHECK-SAME: min = 5 : i64
// CHECK-NEXT: func.return

// -----

// A detour through floats is a requantisation if that gives the same, and a cast to the same type
// is nothing.

!a = !quant.uniform<i8:f32, 0.5:0>
!c = !quant.uniform<i8:f32, 0.25:5>
func.func @main(%x: tensor<4x!a>) -> tensor<4x!c> {
  %f = nn.dequantize %x : (tensor<4x!a>) -> tensor<4xf32>
  %g = nn.cast %f : (tensor<4xf32>) -> tensor<4xf32>
  %y = nn.quantize %g : (tensor<4xf32>) -> tensor<4x!c>
  func.return %y : tensor<4x!c>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: nn.requantize %x
// CHECK-NEXT: func.return
