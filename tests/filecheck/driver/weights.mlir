// RUN: nn-opt %s | filecheck %s
// RUN: nn-opt %s | nn-opt | filecheck %s
// RUN: nn-opt %s --print-weights | filecheck %s --check-prefix FULL
// RUN: nn-opt %s --print-weights | nn-opt --print-weights | filecheck %s --check-prefix FULL

func.func @constants() {
  // CHECK:      dense_resource<__elided__> : tensor<17xi8>
  // CHECK-NEXT: dense<[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]> : tensor<16xi8>
  // CHECK-NEXT: dense<0.000000e+00> : tensor<1024xf32>
  // CHECK-NEXT: dense<true> : tensor<32xi1>
  // CHECK-NEXT: x = dense_resource<__elided__> : tensor<2x10xi8>
  // FULL:      dense<[0, 17, 34, 51, 68, 85, 102, 119, -120, -103, -86, -69, -52, -35, -18, -1, 1]> : tensor<17xi8>
  // FULL-NEXT: dense<[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]> : tensor<16xi8>
  // FULL-NEXT: dense<0.000000e+00> : tensor<1024xf32>
  // FULL-NEXT: dense<true> : tensor<32xi1>
  // FULL-NEXT: x = dense<{{\[\[}}0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]> : tensor<2x10xi8>
  %0 = arith.constant dense<"0x00112233445566778899AABBCCDDEEFF01"> : tensor<17xi8>
  %1 = arith.constant dense<[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]> : tensor<16xi8>
  %2 = arith.constant dense<0.0> : tensor<1024xf32>
  %3 = arith.constant dense<true> : tensor<32xi1>
  "test.op"() {x = dense<[[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]> : tensor<2x10xi8>} : () -> ()
  func.return
}
