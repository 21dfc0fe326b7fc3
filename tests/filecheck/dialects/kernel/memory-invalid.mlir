// RUN: nn-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'kernel.constant': expected 3 bytes of data for memref<3xi8>, got 2
%0 = kernel.constant dense<1> : tensor<2xi8> -> memref<3xi8>

// -----

// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'kernel.constant': expected 64 bytes of data for memref<16xi32>, got 128
%0 = kernel.constant dense_resource<__elided__> : tensor<16xi64> -> memref<16xi32>

// -----

%0 = "test.op"() : () -> memref<8xi8>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'kernel.view': expected a view within the 8 bytes of the source, got bytes 4 to 9
%1 = kernel.view %0[4 : i64] : memref<8xi8> to memref<5xi8>

// -----

%0 = "test.op"() : () -> memref<8xi8>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'kernel.view': expected a view within the 8 bytes of the source, got bytes -4 to 0
%1 = kernel.view %0[-4 : i64] : memref<8xi8> to memref<4xi8>

// -----

%0 = "test.op"() : () -> memref<8xi8>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'kernel.view': expected an offset that is a multiple of 4 bytes, got 2
%1 = kernel.view %0[2 : i64] : memref<8xi8> to memref<1xi32>

// -----

%0 = "test.op"() : () -> tensor<8xi8>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: tensor<8xi8> should be of base attribute memref
%1 = kernel.view %0[0 : i64] : tensor<8xi8> to memref<8xi8>
