// RUN: nn-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

%x, %z = "test.op"() : () -> (memref<4xf32>, memref<4xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'kernel.nest': expected block arguments of types
kernel.nest "copy" ins(%x) outs(%z) scratch() : (memref<4xf32>) -> (memref<4xf32>), () {
^bb0(%in: memref<4xf32>, %out: memref<4xi32>):
}

// -----

%x, %z = "test.op"() : () -> (memref<4xf32>, memref<4xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'kernel.call': expected overlap in groups of 3, got 2 numbers
kernel.call "f" for "add" ins(%x) outs(%z) scratch() {} {overlap = array<i64: 0, 0>} : (memref<4xf32>) -> (memref<4xf32>), ()

// -----

%x, %z = "test.op"() : () -> (memref<4xf32>, memref<4xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'kernel.call': expected overlap of 1 inputs and 1 outputs, got input 1 and output 0
kernel.call "f" for "add" ins(%x) outs(%z) scratch() {} {overlap = array<i64: 1, 0, 0>} : (memref<4xf32>) -> (memref<4xf32>), ()

// -----

%x, %z = "test.op"() : () -> (memref<4xf32>, memref<4xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'kernel.nest': expected same_place of 1 inputs and 1 outputs, got input 0 and output -1
kernel.nest "f" ins(%x) outs(%z) scratch() {same_place = array<i64: 0, -1>} : (memref<4xf32>) -> (memref<4xf32>), () {
^bb0(%in: memref<4xf32>, %out: memref<4xf32>):
}

// -----

%x, %z = "test.op"() : () -> (memref<4xf32>, memref<4xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'kernel.call': expected mode to be a number or numbers, got "fast"
kernel.call "f" for "add" ins(%x) outs(%z) scratch() {mode = "fast"} : (memref<4xf32>) -> (memref<4xf32>), ()

// -----

%x, %z = "test.op"() : () -> (tensor<4xf32>, memref<4xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: tensor<4xf32> should be of base attribute memref
kernel.call "f" for "add" ins(%x) outs(%z) scratch() {} : (tensor<4xf32>) -> (memref<4xf32>), ()
