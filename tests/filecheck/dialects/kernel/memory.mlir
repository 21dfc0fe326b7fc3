// RUN: nn-opt %s | filecheck %s
// RUN: nn-opt %s | nn-opt | filecheck %s
// RUN: nn-opt %s --print-op-generic | nn-opt | filecheck %s
// RUN: nn-opt %s --print-op-generic | filecheck %s --check-prefix=GENERIC

%small = kernel.constant dense<[1, -2]> : tensor<2xi8> -> memref<2xi8>
%float = kernel.constant dense<0.5> : tensor<1xf32> -> memref<1xf32>
// CHECK: %small = kernel.constant dense<[1, -2]> : tensor<2xi8> -> memref<2xi8>
// CHECK-NEXT: %float = kernel.constant dense<5.000000e-01> : tensor<1xf32> -> memref<1xf32>
// GENERIC: %small = "kernel.constant"() <{value = dense<[1, -2]> : tensor<2xi8>}> : () -> memref<2xi8>

// What is printed without its values is read without them.
%large = kernel.constant dense<7> : tensor<64xi16> -> memref<4x16xi16>
%elided = kernel.constant dense_resource<__elided__> : tensor<3x5xi32> -> memref<15xi32>
// CHECK-NEXT: %large = kernel.constant dense<7> : tensor<64xi16> -> memref<4x16xi16>
// CHECK-NEXT: %elided = kernel.constant dense_resource<__elided__> : tensor<3x5xi32> -> memref<15xi32>

%view = kernel.view %large[32 : i64] : memref<4x16xi16> to memref<2x8x3xi16>
%other = kernel.view %large[4 : i64] {note = "x"} : memref<4x16xi16> to memref<31xi32>
// CHECK-NEXT: %view = kernel.view %large[32 : i64] : memref<4x16xi16> to memref<2x8x3xi16>
// CHECK-NEXT: %other = kernel.view %large[4 : i64] {note = "x"} : memref<4x16xi16> to memref<31xi32>
// GENERIC: %view = "kernel.view"(%large) <{offset = 32 : i64}> : (memref<4x16xi16>) -> memref<2x8x3xi16>
"test.op"(%small, %float, %elided, %view, %other) : (memref<2xi8>, memref<1xf32>, memref<15xi32>, memref<2x8x3xi16>, memref<31xi32>) -> ()
