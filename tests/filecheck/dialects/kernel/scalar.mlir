// RUN: nn-opt %s | filecheck %s
// RUN: nn-opt %s | nn-opt | filecheck %s
// RUN: nn-opt %s --print-op-generic | nn-opt | filecheck %s
// RUN: nn-opt %s --print-op-generic | filecheck %s --check-prefix=GENERIC

%a, %w, %m, %s = "test.op"() : () -> (i32, i64, i32, i32)
%d, %f = "test.op"() : () -> (f64, f32)

%0 = kernel.requantize %a, %m, %s, double : i32
%1 = kernel.requantize %a, %m, %s, single : i32
%2 = kernel.requantize %w, %m, %s, mb64 : i64
// CHECK: %{{.*}} = kernel.requantize %a, %m, %s, double : i32
// CHECK-NEXT: %{{.*}} = kernel.requantize %a, %m, %s, single : i32
// CHECK-NEXT: %{{.*}} = kernel.requantize %w, %m, %s, mb64 : i64
// GENERIC: "kernel.requantize"(%a, %m, %s) <{rounding = #kernel<rounding double>}> : (i32, i32, i32) -> i32

%3 = kernel.scale_f64 %a, %d : i32
%4 = kernel.scale_f64 %w, %d : i64
// CHECK-NEXT: %{{.*}} = kernel.scale_f64 %a, %d : i32
// CHECK-NEXT: %{{.*}} = kernel.scale_f64 %w, %d : i64
// GENERIC: "kernel.scale_f64"(%a, %d) : (i32, f64) -> i32

%5 = kernel.round %f, away : f32
%6 = kernel.round %d, even : f64
// CHECK-NEXT: %{{.*}} = kernel.round %f, away : f32
// CHECK-NEXT: %{{.*}} = kernel.round %d, even : f64
// GENERIC: "kernel.round"(%f) <{ties = #kernel<ties away>}> : (f32) -> i32

%7 = kernel.srdhm %a, %m
%8 = kernel.rdbp %a, %s
// CHECK-NEXT: %{{.*}} = kernel.srdhm %a, %m
// CHECK-NEXT: %{{.*}} = kernel.rdbp %a, %s
// GENERIC: "kernel.srdhm"(%a, %m) : (i32, i32) -> i32
// GENERIC: "kernel.rdbp"(%a, %s) : (i32, i32) -> i32
