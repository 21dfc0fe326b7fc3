// RUN: nn-opt %s -p nn-to-kernel --split-input-file | filecheck %s

// A layer becomes a loop nest over buffers, a reshape a view, a result an argument.

func.func @main(%x: tensor<1x4xf32> {nn.name = "in"}) -> (tensor<2x2xf32> {nn.name = "out"}) {
  %c = nn.constant dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32> -> tensor<1x4xf32>
  %0 = nn.add %x, %c : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  %1 = nn.reshape %0 : (tensor<1x4xf32>) -> tensor<2x2xf32>
  %2 = nn.mul %1, %1 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %2 : tensor<2x2xf32>
}

// CHECK-LABEL: func.func @main(%x: memref<1x4xf32>
// CHECK-SAME: nn.name = "in", nn.type = tensor<1x4xf32>, kernel.role = "input"
// CHECK-SAME: memref<2x2xf32> {nn.name = "out", nn.type = tensor<2x2xf32>, kernel.role = "output"}
// CHECK: %c = kernel.constant dense<{{.*}}> : tensor<1x4xf32> -> memref<1x4xf32>
// CHECK: [[SUM:%.*]] = memref.alloc() : memref<1x4xf32>
// CHECK: kernel.nest "add" ins(%x, %c) outs([[SUM]]) scratch()
// CHECK-SAME: overlap = array<i64: 0, 0, 0, 1, 0, 0>
// CHECK: scf.for
// CHECK: arith.addf
// CHECK: memref.store
// CHECK: [[VIEW:%.*]] = kernel.view [[SUM]][0 : i64] : memref<1x4xf32> to memref<2x2xf32>
// CHECK: kernel.nest "mul" ins([[VIEW]], [[VIEW]]) outs(%0)
// CHECK: func.return

// -----

// What is returned without being computed is copied.

func.func @copied(%x: tensor<3xi8>) -> tensor<3xi8> {
  func.return %x : tensor<3xi8>
}

// CHECK-LABEL: func.func @copied
// CHECK: kernel.nest "copy" ins(%x) outs(%0)

// -----

// Binary tensors are words of 32 channels; constants are packed.

func.func @packed(%x: tensor<1x40x!nn.bin>) -> tensor<1x2xi32> {
  %w = nn.constant dense<1> : tensor<2x40xi8> -> tensor<2x40x!nn.bin>
  %0 = nn.dense %x, %w : (tensor<1x40x!nn.bin>, tensor<2x40x!nn.bin>) -> tensor<1x2xi32>
  func.return %0 : tensor<1x2xi32>
}

// CHECK-LABEL: func.func @packed(%x: memref<1x2xi32>
// CHECK: kernel.constant dense<[{{\[}}-1, 255], [-1, 255]]> : tensor<2x2xi32> -> memref<2x2xi32>
// CHECK: kernel.nest "dense"

// -----

// What is concatenated along the first axis of more than one index is computed where the result is;
// what is not computed here, or already somewhere else, is copied.

func.func @concat(%x: tensor<1x2x3xi16>) -> tensor<1x8x3xi16> {
  %a = nn.not %x : (tensor<1x2x3xi16>) -> tensor<1x2x3xi16> loc("a")
  %c = nn.concat %a, %x, %a {axis = 1 : i64}
    : (tensor<1x2x3xi16>, tensor<1x2x3xi16>, tensor<1x2x3xi16>) -> tensor<1x6x3xi16> loc("c")
  %b = nn.not %x : (tensor<1x2x3xi16>) -> tensor<1x2x3xi16>
  %r = nn.concat %b, %c {axis = 1 : i64}
    : (tensor<1x2x3xi16>, tensor<1x6x3xi16>) -> tensor<1x8x3xi16>
  func.return %r : tensor<1x8x3xi16>
}

// CHECK-LABEL: func.func @concat
// CHECK: [[C:%.*]] = kernel.view %0[12 : i64] : memref<1x8x3xi16> to memref<1x6x3xi16>
// CHECK: [[A:%.*]] = kernel.view [[C]][0 : i64] : memref<1x6x3xi16> to memref<1x2x3xi16>
// CHECK: kernel.nest "not" ins(%x) outs([[A]])
// CHECK: [[SECOND:%.*]] = kernel.view [[C]][12 : i64]
// CHECK: kernel.nest "copy" ins(%x) outs([[SECOND]])
// CHECK: [[THIRD:%.*]] = kernel.view [[C]][24 : i64]
// CHECK: kernel.nest "copy" ins([[A]]) outs([[THIRD]])
// CHECK: [[B:%.*]] = kernel.view %0[0 : i64]
// CHECK: kernel.nest "not" ins(%x) outs([[B]])
// CHECK-NOT: kernel.nest
// CHECK: func.return

// -----

// Along another axis the parts are not in one piece.

func.func @columns(%x: tensor<2x3xi16>) -> tensor<2x6xi16> {
  %a = nn.not %x : (tensor<2x3xi16>) -> tensor<2x3xi16>
  %r = nn.concat %a, %a {axis = 1 : i64} : (tensor<2x3xi16>, tensor<2x3xi16>) -> tensor<2x6xi16>
  func.return %r : tensor<2x6xi16>
}

// CHECK-LABEL: func.func @columns
// CHECK: memref.alloc
// CHECK: kernel.nest "not"
// CHECK: kernel.nest "concat"

// -----

// Whole rows of a tensor are a view of it, other slices are not, nor are those that are returned.

func.func @slices(%x: tensor<1x4x2x3xi8>) -> (tensor<1x2x2x3xi8>, tensor<1x1x1x2xi8>, tensor<1x4x1x3xi8>) {
  %a = nn.slice %x {begin = array<i64: 0, 1, 0, 0>, strides = array<i64: 1, 1, 1, 1>}
    : (tensor<1x4x2x3xi8>) -> tensor<1x2x2x3xi8>
  %b = nn.not %a : (tensor<1x2x2x3xi8>) -> tensor<1x2x2x3xi8>
  %c = nn.slice %x {begin = array<i64: 0, 3, 1, 1>, strides = array<i64: 1, 1, 1, 1>}
    : (tensor<1x4x2x3xi8>) -> tensor<1x1x1x2xi8>
  %d = nn.not %c : (tensor<1x1x1x2xi8>) -> tensor<1x1x1x2xi8>
  %e = nn.slice %x {begin = array<i64: 0, 0, 1, 0>, strides = array<i64: 1, 1, 1, 1>}
    : (tensor<1x4x2x3xi8>) -> tensor<1x4x1x3xi8>
  func.return %b, %d, %e : tensor<1x2x2x3xi8>, tensor<1x1x1x2xi8>, tensor<1x4x1x3xi8>
}

// CHECK-LABEL: func.func @slices
// CHECK: [[A:%.*]] = kernel.view %x[6 : i64] : memref<1x4x2x3xi8> to memref<1x2x2x3xi8>
// CHECK: kernel.nest "not" ins([[A]])
// CHECK: [[C:%.*]] = kernel.view %x[22 : i64] : memref<1x4x2x3xi8> to memref<1x1x1x2xi8>
// CHECK: kernel.nest "not" ins([[C]])
// CHECK: kernel.nest "slice" ins(%x)

// -----

// A reshape that is returned is computed as what it is made from; channels of binary tensors stay
// in words of their own.

func.func @reshaped(%x: tensor<2x3xf32>) -> tensor<6xf32> {
  %a = nn.exp %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %b = nn.reshape %a : (tensor<2x3xf32>) -> tensor<6xf32>
  func.return %b : tensor<6xf32>
}

// CHECK-LABEL: func.func @reshaped
// CHECK-NEXT: [[A:%.*]] = kernel.view %0[0 : i64] : memref<6xf32> to memref<2x3xf32>
// CHECK-NEXT: kernel.nest "exp" ins(%x) outs([[A]])
// CHECK-NOT: copy
// CHECK: func.return

func.func @binary(%x: tensor<2x40x!nn.bin>) -> tensor<4x20x!nn.bin> {
  %a = nn.reshape %x : (tensor<2x40x!nn.bin>) -> tensor<4x20x!nn.bin>
  func.return %a : tensor<4x20x!nn.bin>
}

// CHECK-LABEL: func.func @binary
// CHECK: kernel.nest "reshape" ins(%x) outs(%0)
