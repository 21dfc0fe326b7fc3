// RUN: nn-opt %s -p nn-keep-binary --split-input-file | filecheck %s
// RUN: nn-opt %s -p nn-keep-binary --split-input-file --check-each --print-debuginfo | filecheck %s --check-prefix=LOC

// Signs are taken before elements move, and before a maximum; a float around becomes its sign.

func.func @early(%x: tensor<1x4x4x2xf32>) -> tensor<1x18x!nn.bin> {
  %a = nn.max_pool2d %x {kernel = array<i64: 4, 4>, strides = array<i64: 1, 1>, padding = array<i64: 0, 0, 0, 0>} : (tensor<1x4x4x2xf32>) -> tensor<1x1x1x2xf32>
  %b = nn.pad %a {before = array<i64: 0, 1, 1, 0>, value = -3.0 : f32} : (tensor<1x1x1x2xf32>) -> tensor<1x3x3x2xf32>
  %c = nn.reshape %b : (tensor<1x3x3x2xf32>) -> tensor<1x18xf32>
  %q = nn.quantize %c : (tensor<1x18xf32>) -> tensor<1x18x!nn.bin> loc("sign")
  func.return %q : tensor<1x18x!nn.bin>
}

// CHECK-LABEL: func.func @early
// CHECK-NEXT: nn.quantize %x
// CHECK-NEXT: nn.max_pool2d
// CHECK-NEXT: nn.pad
// CHECK-SAME: value = 1 : i64
// CHECK-NEXT: nn.reshape
// CHECK-SAME: -> tensor<1x18x!nn.bin>
// LOC: nn.reshape
// LOC-SAME: loc("sign")

// -----

// Numbers are made of signs after they moved, and not at all where signs are taken of them again.

func.func @late(%x: tensor<1x4x!nn.bin>, %y: tensor<1x4x!nn.bin>) -> tensor<8x1x!nn.bin> {
  %a = nn.dequantize %x : (tensor<1x4x!nn.bin>) -> tensor<1x4xf32>
  %b = nn.dequantize %y : (tensor<1x4x!nn.bin>) -> tensor<1x4xf32>
  %c = nn.concat %a, %b {axis = 1 : i64} : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x8xf32>
  %d = nn.transpose %c {permutation = array<i64: 1, 0>} : (tensor<1x8xf32>) -> tensor<8x1xf32>
  %q = nn.quantize %d : (tensor<8x1xf32>) -> tensor<8x1x!nn.bin>
  func.return %q : tensor<8x1x!nn.bin>
}

// CHECK-LABEL: func.func @late
// CHECK-NEXT: nn.concat %x, %y
// CHECK-NEXT: nn.transpose
// CHECK-NEXT: func.return

// Around signs only signs can be.

func.func @around(%x: tensor<1x2x!nn.bin>) -> (tensor<1x4xf32>, tensor<1x4xf32>) {
  %a = nn.dequantize %x : (tensor<1x2x!nn.bin>) -> tensor<1x2xf32>
  %b = nn.pad %a {before = array<i64: 0, 1>, value = 1.0 : f32} : (tensor<1x2xf32>) -> tensor<1x4xf32>
  %c = nn.dequantize %x : (tensor<1x2x!nn.bin>) -> tensor<1x2xf32>
  %d = nn.pad %c {before = array<i64: 0, 1>, value = 0.0 : f32} : (tensor<1x2xf32>) -> tensor<1x4xf32>
  func.return %b, %d : tensor<1x4xf32>, tensor<1x4xf32>
}

// CHECK-LABEL: func.func @around
// CHECK-NEXT: nn.pad %x {before = array<i64: 0, 1>, value = 0 : i64}
// CHECK-NEXT: nn.dequantize
// CHECK-NEXT: nn.dequantize %x
// CHECK-NEXT: nn.pad

// -----

// Float weights multiply signs; a clamp is no maximum.

func.func @layers(%x: tensor<1x4x!nn.bin>, %w: tensor<2x4xf32>, %z: tensor<1x2x2x1xf32>) -> (tensor<1x2xf32>, tensor<1x1x1x1x!nn.bin>) {
  %a = nn.dequantize %x : (tensor<1x4x!nn.bin>) -> tensor<1x4xf32>
  %b = nn.dense %a, %w : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  %c = nn.max_pool2d %z {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, padding = array<i64: 0, 0, 0, 0>, min = 0.0 : f32} : (tensor<1x2x2x1xf32>) -> tensor<1x1x1x1xf32>
  %q = nn.quantize %c : (tensor<1x1x1x1xf32>) -> tensor<1x1x1x1x!nn.bin>
  func.return %b, %q : tensor<1x2xf32>, tensor<1x1x1x1x!nn.bin>
}

// CHECK-LABEL: func.func @layers
// CHECK-NEXT: nn.dense %x, %w : (tensor<1x4x!nn.bin>, tensor<2x4xf32>)
// CHECK-NEXT: nn.max_pool2d
// CHECK-NEXT: nn.quantize

// -----

// The sign of a value is taken once.

func.func @once(%x: tensor<1x2xf32>) -> (tensor<1x2x!nn.bin>, tensor<2x1x!nn.bin>) {
  %q = nn.quantize %x : (tensor<1x2xf32>) -> tensor<1x2x!nn.bin>
  %t = nn.transpose %x {permutation = array<i64: 1, 0>} : (tensor<1x2xf32>) -> tensor<2x1xf32>
  %p = nn.quantize %t : (tensor<2x1xf32>) -> tensor<2x1x!nn.bin>
  func.return %q, %p : tensor<1x2x!nn.bin>, tensor<2x1x!nn.bin>
}

// CHECK-LABEL: func.func @once
// CHECK-NEXT: [[Q:%.*]] = nn.quantize
// CHECK-NEXT: nn.transpose [[Q]]
// CHECK-NEXT: func.return
