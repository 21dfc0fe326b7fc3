// RUN: nn-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// CHECK: types-invalid.mlir:[[# @LINE + 1]]:{{[0-9]+}}: expected positive finite scales
func.func private @negative_scale(tensor<4x!quant.uniform<i8:f32, -1.0>>)

// -----

// CHECK: types-invalid.mlir:[[# @LINE + 1]]:{{[0-9]+}}: expected positive finite scales
func.func private @zero_scale(tensor<4x!quant.uniform<i8:f32, 0.0>>)

// -----

// CHECK: types-invalid.mlir:[[# @LINE + 1]]:{{[0-9]+}}: expected a storage range within <-128:127>, got <-129:127>
func.func private @wide_range(tensor<4x!quant.uniform<i8<-129:127>:f32, 1.0>>)

// -----

// CHECK: types-invalid.mlir:[[# @LINE + 1]]:{{[0-9]+}}: expected a storage range within <-128:127>, got <5:5>
func.func private @empty_range(tensor<4x!quant.uniform<i8<5:5>:f32, 1.0>>)

// -----

// CHECK: expected a storage type such as i8 or u8, got f32
func.func private @float_storage(tensor<4x!quant.uniform<f32:f32, 1.0>>)

// -----

// CHECK: expected a storage type of (4, 8, 16, 32, 64) bits, got i7
func.func private @odd_storage(tensor<4x!quant.uniform<i7:f32, 1.0>>)

// -----

// CHECK: expected the expressed type f32, got f64
func.func private @wide_expressed(tensor<4x!quant.uniform<i8:f64, 1.0>>)
