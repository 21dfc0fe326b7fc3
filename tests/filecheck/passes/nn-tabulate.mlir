// RUN: nn-opt %s -p nn-tabulate --split-input-file | filecheck %s
// RUN: nn-opt %s -p nn-tabulate,nn-tabulate --split-input-file | filecheck %s
// RUN: nn-opt %s -p nn-tabulate --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC

!a = !quant.uniform<i8:f32, 0.1:-3>
!b = !quant.uniform<i8:f32, 0.00390625:-128>
func.func @one(%x: tensor<2x4x!a>) -> tensor<2x4x!b> {
  %y = nn.logistic %x : (tensor<2x4x!a>) -> tensor<2x4x!b> loc("sigmoid")
  func.return %y : tensor<2x4x!b>
}

// CHECK-LABEL: func.func @one
// CHECK-NEXT: [[TABLE:%.*]] = nn.constant dense_resource<{{.*}}> : tensor<256xi8> -> tensor<256x
// CHECK-NEXT: nn.lookup %x, [[TABLE]]
// CHECK-NEXT: func.return
// LOC: nn.lookup
// LOC-SAME: loc("sigmoid")

// Several ops, also where paths part and meet again: a swish, and a detour through floats.
func.func @several(%x: tensor<4x!a>) -> tensor<4x!a> {
  %s = nn.logistic %x : (tensor<4x!a>) -> tensor<4x!b>
  %y = nn.mul %x, %s {rounding = #nn<rounding double>} : (tensor<4x!a>, tensor<4x!b>) -> tensor<4x!a>
  %f = nn.dequantize %y : (tensor<4x!a>) -> tensor<4xf32>
  %g = nn.exp %f : (tensor<4xf32>) -> tensor<4xf32>
  %q = nn.quantize %g : (tensor<4xf32>) -> tensor<4x!a>
  func.return %q : tensor<4x!a>
}

// CHECK-LABEL: func.func @several
// CHECK-NEXT: nn.constant
// CHECK-NEXT: nn.lookup %x
// CHECK-NEXT: func.return

// A value that is needed anyway is where a table starts.
func.func @needed(%x: tensor<4x!a>) -> (tensor<4x!b>, tensor<4x!a>) {
  %s = nn.logistic %x : (tensor<4x!a>) -> tensor<4x!b>
  %t = nn.tanh %s : (tensor<4x!b>) -> tensor<4x!a>
  func.return %s, %t : tensor<4x!b>, tensor<4x!a>
}

// CHECK-LABEL: func.func @needed
// CHECK-NEXT: nn.constant
// CHECK-NEXT: [[S:%.*]] = nn.lookup %x
// CHECK-NEXT: nn.constant
// CHECK-NEXT: [[T:%.*]] = nn.lookup [[S]]
// CHECK-NEXT: func.return [[S]], [[T]]

// -----

// Constants take part if all their elements are the same.

!a = !quant.uniform<i8:f32, 0.1:-3>
func.func @uniform(%x: tensor<2x2x!a>) -> tensor<2x2x!a> {
  %c = nn.constant dense<7> : tensor<2xi8> -> tensor<2x!a>
  %y = nn.add %x, %c {rounding = #nn<rounding double>} : (tensor<2x2x!a>, tensor<2x!a>) -> tensor<2x2x!a>
  func.return %y : tensor<2x2x!a>
}

// CHECK-LABEL: func.func @uniform
// CHECK-NEXT: nn.constant dense_resource
// CHECK-NEXT: nn.lookup %x
// CHECK-NEXT: func.return

func.func @different(%x: tensor<2x2x!a>) -> tensor<2x2x!a> {
  %c = nn.constant dense<[7, 8]> : tensor<2xi8> -> tensor<2x!a>
  %y = nn.add %x, %c {rounding = #nn<rounding double>} : (tensor<2x2x!a>, tensor<2x!a>) -> tensor<2x2x!a>
  func.return %y : tensor<2x2x!a>
}

// CHECK-LABEL: func.func @different
// CHECK-NEXT: nn.constant dense<[7, 8]>
// CHECK-NEXT: nn.add

// Two tensors, an input that is stretched, and wide results are no such functions; a clamp alone
// needs no table.
func.func @no(%x: tensor<2x!a>, %y: tensor<2x!a>, %z: tensor<1x!a>)
    -> (tensor<2x!a>, tensor<2x!a>, tensor<2xf32>, tensor<2x!a>) {
  %a = nn.add %x, %y {rounding = #nn<rounding double>} : (tensor<2x!a>, tensor<2x!a>) -> tensor<2x!a>
  %c = nn.constant dense<7> : tensor<2xi8> -> tensor<2x!a>
  %b = nn.add %z, %c {rounding = #nn<rounding double>} : (tensor<1x!a>, tensor<2x!a>) -> tensor<2x!a>
  %f = nn.dequantize %x : (tensor<2x!a>) -> tensor<2xf32>
  %d = nn.clamp %x {min = -3 : i64} : (tensor<2x!a>) -> tensor<2x!a>
  func.return %a, %b, %f, %d : tensor<2x!a>, tensor<2x!a>, tensor<2xf32>, tensor<2x!a>
}

// CHECK-LABEL: func.func @no
// CHECK-NEXT: nn.add
// CHECK-NEXT: nn.constant
// CHECK-NEXT: nn.add
// CHECK-NEXT: nn.dequantize
// CHECK-NEXT: nn.clamp

// Of 16 bits, a function that interpolates gets its 513 places; the others have none.
!w = !quant.uniform<i16:f32, 0.000244140625>
!h = !quant.uniform<i16:f32, 0.000030517578125>
func.func @wide(%x: tensor<4x!w>) -> (tensor<4x!h>, tensor<4x!h>) {
  %e = nn.exp %x : (tensor<4x!w>) -> tensor<4x!h>
  %s = nn.logistic %x : (tensor<4x!w>) -> tensor<4x!h>
  func.return %e, %s : tensor<4x!h>, tensor<4x!h>
}

// CHECK-LABEL: func.func @wide
// CHECK-NEXT: nn.constant dense_resource<{{.*}}> : tensor<513xi16> -> tensor<513xi16>
// CHECK-NEXT: nn.lookup16 %x
// CHECK-NEXT: nn.logistic %x
