// RUN: nn-opt %s -p nn-simplify-shapes --split-input-file | filecheck %s
// RUN: nn-opt %s -p nn-simplify-shapes,nn-simplify-shapes --split-input-file | filecheck %s
// RUN: nn-opt %s -p nn-simplify-shapes --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC

// Reshapes in a row are one, with the name of the last.

func.func @reshapes(%x: tensor<2x3x4xf32>) -> tensor<4x6xf32> {
  %a = nn.reshape %x : (tensor<2x3x4xf32>) -> tensor<24xf32> loc("first")
  %b = nn.reshape %a : (tensor<24xf32>) -> tensor<4x6xf32> loc("second")
  %c = nn.reshape %b : (tensor<4x6xf32>) -> tensor<4x6xf32> loc("third")
  func.return %c : tensor<4x6xf32>
}

// CHECK-LABEL: func.func @reshapes
// CHECK-NEXT: %{{.*}} = nn.reshape %x : (tensor<2x3x4xf32>) -> tensor<4x6xf32>
// CHECK-NEXT: func.return
// LOC: nn.reshape
// LOC-SAME: loc("second")

func.func @there_and_back(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %a = nn.reshape %x : (tensor<2x3xf32>) -> tensor<6xf32>
  %b = nn.reshape %a : (tensor<6xf32>) -> tensor<2x3xf32>
  func.return %b : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @there_and_back
// CHECK-NEXT: func.return %x

// -----

// Transposes in a row are one, and often nothing; what moves only axes of extent 1 is a reshape.

func.func @inverse(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %a = nn.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  %b = nn.transpose %a {permutation = array<i64: 1, 2, 0>} : (tensor<4x2x3xf32>) -> tensor<2x3x4xf32>
  func.return %b : tensor<2x3x4xf32>
}

// CHECK-LABEL: func.func @inverse
// CHECK-NEXT: func.return %x

func.func @composed(%x: tensor<2x3x4xf32>) -> tensor<3x4x2xf32> {
  %a = nn.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  %b = nn.transpose %a {permutation = array<i64: 2, 0, 1>} : (tensor<4x2x3xf32>) -> tensor<3x4x2xf32>
  func.return %b : tensor<3x4x2xf32>
}

// CHECK-LABEL: func.func @composed
// CHECK-NEXT: nn.transpose %x {permutation = array<i64: 1, 2, 0>}
// CHECK-NEXT: func.return

func.func @unit_axes(%x: tensor<1x4x1x8xf32>) -> tensor<1x1x4x8xf32> {
  %a = nn.transpose %x {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x4x1x8xf32>) -> tensor<1x1x4x8xf32>
  func.return %a : tensor<1x1x4x8xf32>
}

// CHECK-LABEL: func.func @unit_axes
// CHECK-NEXT: nn.reshape %x
// CHECK-NEXT: func.return

func.func @square(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %a = nn.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %a : tensor<2x2xf32>
}

// CHECK-LABEL: func.func @square
// CHECK-NEXT: nn.transpose

// -----

// Where the last op of a layer goes, the others do not keep its name, except for what holds the
// same values.

func.func @names(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %a = nn.exp %x : (tensor<2x2xf32>) -> tensor<2x2xf32> loc("layer")
  %b = nn.transpose %a {permutation = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32> loc("layer")
  %c = nn.transpose %b {permutation = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32> loc("last")
  func.return %c : tensor<2x2xf32>
}

// LOC-LABEL: func.func @names
// LOC-NEXT: nn.exp
// LOC-SAME: loc("layer/exp")
// LOC-NEXT: func.return

func.func @reshaped(%x: tensor<2x2xf32>) -> tensor<2x2x1xf32> {
  %a = nn.exp %x : (tensor<2x2xf32>) -> tensor<2x2xf32> loc("layer")
  %b = nn.reshape %a : (tensor<2x2xf32>) -> tensor<4xf32> loc("layer")
  %c = nn.reshape %b : (tensor<4xf32>) -> tensor<2x2x1xf32> loc("last")
  func.return %c : tensor<2x2x1xf32>
}

// LOC-LABEL: func.func @reshaped
// LOC-NEXT: nn.exp
// LOC-SAME: loc("layer")
// LOC-NEXT: nn.reshape
// LOC-SAME: loc("last")

// -----

func.func @slices(%x: tensor<8x3xf32>) -> (tensor<8x3xf32>, tensor<2x3xf32>) {
  %whole = nn.slice %x {begin = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<8x3xf32>) -> tensor<8x3xf32>
  %a = nn.slice %whole {begin = array<i64: 7, 0>, strides = array<i64: -2, 1>} : (tensor<8x3xf32>) -> tensor<4x3xf32>
  %b = nn.slice %a {begin = array<i64: 1, 0>, strides = array<i64: 2, 1>} : (tensor<4x3xf32>) -> tensor<2x3xf32>
  func.return %whole, %b : tensor<8x3xf32>, tensor<2x3xf32>
}

// CHECK-LABEL: func.func @slices
// CHECK-NEXT: nn.slice %x {begin = array<i64: 5, 0>, strides = array<i64: -4, 1>}
// CHECK-NEXT: func.return %x

func.func @reversed(%x: tensor<8xf32>) -> tensor<8xf32> {
  %a = nn.slice %x {begin = array<i64: 7>, strides = array<i64: -1>} : (tensor<8xf32>) -> tensor<8xf32>
  func.return %a : tensor<8xf32>
}

// CHECK-LABEL: func.func @reversed
// CHECK-NEXT: nn.slice

// -----

// A slice of a concatenation that lies within one input does not need the others.

func.func @one(%x: tensor<2x3xf32>, %y: tensor<4x3xf32>) -> tensor<3x3xf32> {
  %c = nn.concat %x, %y {axis = 0 : i64} : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<6x3xf32>
  %s = nn.slice %c {begin = array<i64: 3, 0>, strides = array<i64: 1, 1>} : (tensor<6x3xf32>) -> tensor<3x3xf32>
  func.return %s : tensor<3x3xf32>
}

// CHECK-LABEL: func.func @one
// CHECK-NEXT: nn.slice %y {begin = array<i64: 1, 0>
// CHECK-NEXT: func.return

func.func @both(%x: tensor<2x3xf32>, %y: tensor<4x3xf32>) -> tensor<3x3xf32> {
  %c = nn.concat %x, %y {axis = 0 : i64} : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<6x3xf32>
  %s = nn.slice %c {begin = array<i64: 1, 0>, strides = array<i64: 1, 1>} : (tensor<6x3xf32>) -> tensor<3x3xf32>
  func.return %s : tensor<3x3xf32>
}

// CHECK-LABEL: func.func @both
// CHECK-NEXT: nn.concat
// CHECK-NEXT: nn.slice

// What is cut and put together again was whole all the time.
func.func @split(%x: tensor<2x6xf32>) -> tensor<2x6xf32> {
  %a = nn.slice %x {begin = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<2x6xf32>) -> tensor<2x2xf32>
  %b = nn.slice %x {begin = array<i64: 0, 2>, strides = array<i64: 1, 1>} : (tensor<2x6xf32>) -> tensor<2x3xf32>
  %c = nn.slice %x {begin = array<i64: 0, 5>, strides = array<i64: 1, 1>} : (tensor<2x6xf32>) -> tensor<2x1xf32>
  %y = nn.concat %a, %b, %c {axis = 1 : i64} : (tensor<2x2xf32>, tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x6xf32>
  func.return %y : tensor<2x6xf32>
}

// CHECK-LABEL: func.func @split
// CHECK-NEXT: func.return %x

func.func @swapped(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %a = nn.slice %x {begin = array<i64: 0, 2>, strides = array<i64: 1, 1>} : (tensor<2x4xf32>) -> tensor<2x2xf32>
  %b = nn.slice %x {begin = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<2x4xf32>) -> tensor<2x2xf32>
  %y = nn.concat %a, %b {axis = 1 : i64} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x4xf32>
  func.return %y : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @swapped
// CHECK-NEXT: nn.slice
// CHECK-NEXT: nn.slice
// CHECK-NEXT: nn.concat

// -----

func.func @concats(%x: tensor<2xf32>, %y: tensor<3xf32>) -> tensor<8xf32> {
  %a = nn.concat %x, %y {axis = 0 : i64} : (tensor<2xf32>, tensor<3xf32>) -> tensor<5xf32>
  %b = nn.concat %a {axis = 0 : i64} : (tensor<5xf32>) -> tensor<5xf32>
  %c = nn.concat %y, %b {axis = 0 : i64} : (tensor<3xf32>, tensor<5xf32>) -> tensor<8xf32>
  func.return %c : tensor<8xf32>
}

// CHECK-LABEL: func.func @concats
// CHECK-NEXT: nn.concat %y, %x, %y {axis = 0 : i64}
// CHECK-NEXT: func.return

func.func @pads(%x: tensor<2xf32>) -> (tensor<6xf32>, tensor<7xf32>) {
  %none = nn.pad %x {before = array<i64: 0>, value = 9.0 : f32} : (tensor<2xf32>) -> tensor<2xf32>
  %a = nn.pad %none {before = array<i64: 1>, value = 0.0 : f32} : (tensor<2xf32>) -> tensor<4xf32>
  %b = nn.pad %a {before = array<i64: 2>, value = 0.0 : f32} : (tensor<4xf32>) -> tensor<6xf32>
  %c = nn.pad %b {before = array<i64: 1>, value = 1.0 : f32} : (tensor<6xf32>) -> tensor<7xf32>
  func.return %b, %c : tensor<6xf32>, tensor<7xf32>
}

// CHECK-LABEL: func.func @pads
// CHECK-NEXT: nn.pad %x {before = array<i64: 3>, value = 0.000000e+00 : f32}
// CHECK-NEXT: nn.pad %{{.*}} {before = array<i64: 1>, value = 1.000000e+00 : f32}
// CHECK-NEXT: func.return

func.func @nothing(%x: tensor<2xf32>) -> tensor<2xf32> {
  %a = nn.tile %x : (tensor<2xf32>) -> tensor<2xf32>
  %b = nn.broadcast_to %a : (tensor<2xf32>) -> tensor<2xf32>
  %c = nn.mirror_pad %b {before = array<i64: 0>} : (tensor<2xf32>) -> tensor<2xf32>
  func.return %c : tensor<2xf32>
}

// CHECK-LABEL: func.func @nothing
// CHECK-NEXT: func.return %x
