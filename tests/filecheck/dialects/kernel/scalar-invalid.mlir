// RUN: nn-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

%a, %m = "test.op"() : () -> (i32, i32)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'kernel.requantize': expected a fixed-point rounding, got f64 (use kernel.scale_f64)
%0 = kernel.requantize %a, %m, %m, f64 : i32

// -----

%a, %m = "test.op"() : () -> (i32, i32)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'kernel.requantize': expected an accumulator of type i64 for mb64 rounding, got i32
%0 = kernel.requantize %a, %m, %m, mb64 : i32

// -----

%a, %m = "test.op"() : () -> (i64, i32)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'kernel.requantize': expected an accumulator of type i32 for double rounding, got i64
%0 = kernel.requantize %a, %m, %m, double : i64

// -----

%a, %m = "test.op"() : () -> (i16, i32)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: {{.*}}i16
%0 = kernel.requantize %a, %m, %m, double : i16

// -----

%x = "test.op"() : () -> i32
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: {{.*}}i32
%0 = kernel.round %x, away : i32

// -----

%a, %m = "test.op"() : () -> (i32, i32)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: Expected `double`, `single`, `mb64`, `f64`, or `f32`.
%0 = kernel.requantize %a, %m, %m, up : i32
