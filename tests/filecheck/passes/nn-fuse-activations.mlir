// RUN: nn-opt %s -p nn-fuse-activations --split-input-file | filecheck %s
// RUN: nn-opt %s -p nn-fuse-activations,nn-fuse-activations --split-input-file | filecheck %s
// RUN: nn-opt %s -p nn-fuse-activations --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC

// Clamps in a row are one, and become bounds of the layer that computes their input.

func.func @dense(%x: tensor<1x2xf32>, %w: tensor<3x2xf32>) -> tensor<1x3xf32> {
  %a = nn.dense %x, %w : (tensor<1x2xf32>, tensor<3x2xf32>) -> tensor<1x3xf32> loc("dense")
  %b = nn.clamp %a {min = 0.0 : f32} : (tensor<1x3xf32>) -> tensor<1x3xf32> loc("relu")
  %c = nn.clamp %b {max = 6.0 : f32} : (tensor<1x3xf32>) -> tensor<1x3xf32> loc("relu6")
  func.return %c : tensor<1x3xf32>
}

// CHECK-LABEL: func.func @dense
// CHECK-NEXT: nn.dense %x, %w {min = 0.000000e+00 : f32, max = 6.000000e+00 : f32}
// CHECK-NEXT: func.return
// LOC: nn.dense
// LOC-SAME: loc("relu6")

// Not where somebody else needs the result without bounds.
func.func @shared(%x: tensor<1x2xf32>, %w: tensor<3x2xf32>) -> (tensor<1x3xf32>, tensor<1x3xf32>) {
  %a = nn.dense %x, %w : (tensor<1x2xf32>, tensor<3x2xf32>) -> tensor<1x3xf32>
  %b = nn.clamp %a {min = 0.0 : f32} : (tensor<1x3xf32>) -> tensor<1x3xf32>
  func.return %a, %b : tensor<1x3xf32>, tensor<1x3xf32>
}

// CHECK-LABEL: func.func @shared
// CHECK-NEXT: nn.dense
// CHECK-NEXT: nn.clamp

// A reshape between the two does not matter.
func.func @reshaped(%x: tensor<1x2xf32>, %w: tensor<4x2xf32>) -> tensor<2x2xf32> {
  %a = nn.dense %x, %w : (tensor<1x2xf32>, tensor<4x2xf32>) -> tensor<1x4xf32>
  %b = nn.reshape %a : (tensor<1x4xf32>) -> tensor<2x2xf32>
  %c = nn.clamp %b {min = 0.0 : f32} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %c : tensor<2x2xf32>
}

// CHECK-LABEL: func.func @reshaped
// CHECK-NEXT: nn.dense %x, %w {min = 0.000000e+00 : f32}
// CHECK-NEXT: nn.reshape
// CHECK-NEXT: func.return

// -----

// Stored values: bounds meet, and those of the type are not repeated.

!q = !quant.uniform<i8:f32, 0.5:-128>
func.func @main(%x: tensor<4x!q>, %y: tensor<4x!q>) -> tensor<4x!q> {
  %a = nn.add %x, %y {rounding = #nn<rounding double>, min = -20 : i64, max = 100 : i64}
    : (tensor<4x!q>, tensor<4x!q>) -> tensor<4x!q>
  %b = nn.clamp %a {min = -30 : i64, max = 90 : i64} : (tensor<4x!q>) -> tensor<4x!q>
  %c = nn.clamp %b {min = -128 : i64} : (tensor<4x!q>) -> tensor<4x!q>
  func.return %c : tensor<4x!q>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: nn.add
// CHECK-SAME: min = -20 : i64, max = 90 : i64
// CHECK-NEXT: func.return

// -----

// A sum of short integers wraps behind its bounds, not before; wide ones wrap before.

func.func @short(%x: tensor<4xi16>) -> tensor<4xi16> {
  %a = nn.add %x, %x : (tensor<4xi16>, tensor<4xi16>) -> tensor<4xi16>
  %b = nn.clamp %a {min = 0 : i64} : (tensor<4xi16>) -> tensor<4xi16>
  func.return %b : tensor<4xi16>
}

// CHECK-LABEL: func.func @short
// CHECK-NEXT: nn.add
// CHECK-NEXT: nn.clamp

func.func @wide(%x: tensor<4xi32>) -> tensor<4xi32> {
  %a = nn.add %x, %x : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  %b = nn.clamp %a {min = 0 : i64} : (tensor<4xi32>) -> tensor<4xi32>
  func.return %b : tensor<4xi32>
}

// CHECK-LABEL: func.func @wide
// CHECK-NEXT: nn.add %x, %x {{.*}}min = 0 : i64
// CHECK-NEXT: func.return

// -----

// A maximum or minimum with one number is a clamp.

func.func @extremes(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %low = nn.constant dense<0.0> : tensor<2xf32> -> tensor<2xf32>
  %high = nn.constant dense<1.0> : tensor<1xf32> -> tensor<1xf32>
  %a = nn.maximum %x, %low : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %b = nn.minimum %high, %a : (tensor<1xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %b : tensor<2x2xf32>
}

// CHECK-LABEL: func.func @extremes
// CHECK-NEXT: nn.clamp %x {min = 0.000000e+00 : f32, max = 1.000000e+00 : f32}
// CHECK-NEXT: func.return

func.func @several(%x: tensor<2xf32>) -> tensor<2xf32> {
  %low = nn.constant dense<[0.0, 1.0]> : tensor<2xf32> -> tensor<2xf32>
  %a = nn.maximum %x, %low : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %a : tensor<2xf32>
}

// CHECK-LABEL: func.func @several
// CHECK-NEXT: nn.constant
// CHECK-NEXT: nn.maximum
