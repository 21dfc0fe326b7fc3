// RUN: nn-opt %s -p expand-kernels | filecheck %s

// A call becomes the loops that its row builds from its operands and parameters; scratch goes away.

func.func @main(%x: memref<1x4x4x2xi8>, %y: memref<1x2x2x2xi8>) {
  %s = memref.alloc() : memref<16xi8>
  kernel.call "arm_max_pool_s8" for "max_pool2d" ins(%x) outs(%y) scratch(%s) {
    kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, padding = array<i64: 0, 0, 0, 0>,
    input_shape = array<i64: 1, 4, 4, 2>, output_shape = array<i64: 1, 2, 2, 2>,
    clamp = array<i64: -128, 127>, scratch_bytes = 0 : i64} {macs = 32 : i64}
    : (memref<1x4x4x2xi8>) -> (memref<1x2x2x2xi8>), (memref<16xi8>)
  func.return
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: kernel.nest "max_pool2d" ins(%x) outs(%y) scratch() {macs = 32 : i64}
// CHECK: memref.load
// CHECK: arith.maxsi
// CHECK: memref.store
// CHECK-NOT: kernel.call
// CHECK: func.return
