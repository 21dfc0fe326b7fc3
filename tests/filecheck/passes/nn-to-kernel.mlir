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
