// RUN: nn-opt %s --print-debuginfo | filecheck %s
// RUN: nn-opt %s --print-debuginfo | nn-opt --print-debuginfo | filecheck %s

// An operation has the location that the text gives it, or else its own place in the text.

// CHECK: func.func @locations
func.func @locations() {
  // CHECK:      loc("conv1")
  "test.op"() : () -> () loc("conv1")
  // CHECK-NEXT: loc("{{.*}}locations.mlir":11:3)
  "test.op"() : () -> ()
  // CHECK-NEXT: loc(fused["a", "b"])
  "test.op"() : () -> () loc(fused["a", "b"])
  // CHECK-NEXT: loc(unknown)
  "test.op"() : () -> () loc(unknown)
  func.return
}
