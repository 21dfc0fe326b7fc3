// RUN: nn-opt %s | filecheck %s
// RUN: nn-opt %s | nn-opt | filecheck %s
// RUN: nn-opt %s --print-op-generic | nn-opt | filecheck %s
// RUN: nn-opt %s --print-op-generic | filecheck %s --check-prefix=GENERIC

%x, %y, %z, %s = "test.op"() : () -> (memref<4xf32>, memref<4xf32>, memref<4xf32>, memref<16xi8>)

kernel.nest "copy" ins(%x) outs(%z) scratch() {overlap = array<i64: 0, 0, 0>, in_place}
    : (memref<4xf32>) -> (memref<4xf32>), () {
^bb0(%in: memref<4xf32>, %out: memref<4xf32>):
  %low = arith.constant 0 : index
  %high = arith.constant 4 : index
  %step = arith.constant 1 : index
  scf.for %i = %low to %high step %step {
    %value = memref.load %in[%i] : memref<4xf32>
    memref.store %value, %out[%i] : memref<4xf32>
  }
}
// CHECK: kernel.nest "copy" ins(%x) outs(%z) scratch() {overlap = array<i64: 0, 0, 0>, in_place} : (memref<4xf32>) -> (memref<4xf32>), () {
// CHECK-NEXT: ^bb0(%in: memref<4xf32>, %out: memref<4xf32>):
// CHECK: memref.load %in[%i]
// CHECK: memref.store
// GENERIC: "kernel.nest"(%x, %z) <{kind = "copy", overlap = array<i64: 0, 0, 0>, in_place, operandSegmentSizes = array<i32: 1, 1, 0>}>

kernel.nest "nothing" ins() outs(%z) scratch(%s) {same_place = array<i64>} : () -> (memref<4xf32>), (memref<16xi8>) {
^bb0(%out: memref<4xf32>, %room: memref<16xi8>):
}
// CHECK: kernel.nest "nothing" ins() outs(%z) scratch(%s) {same_place = array<i64>} : () -> (memref<4xf32>), (memref<16xi8>) {

kernel.call "f" for "add" ins(%x, %y) outs(%z) scratch(%s) {clamp = array<i64: -1, 1>, count = 4 : i64, scale = 5.000000e-01 : f64}
    {macs = 4 : i64, tensors = [tensor<4xf32>], declined = ["g: no"], same_place = array<i64: 1, 0>}
    : (memref<4xf32>, memref<4xf32>) -> (memref<4xf32>), (memref<16xi8>)
// CHECK: kernel.call "f" for "add" ins(%x, %y) outs(%z) scratch(%s) {clamp = array<i64: -1, 1>, count = 4 : i64, scale = 5.000000e-01 : f64} {
// CHECK-SAME: same_place = array<i64: 1, 0>
// CHECK-SAME: : (memref<4xf32>, memref<4xf32>) -> (memref<4xf32>), (memref<16xi8>)
// GENERIC: "kernel.call"(%x, %y, %z, %s)
