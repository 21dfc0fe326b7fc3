// RUN: nn-opt %s | filecheck %s
// RUN: nn-opt %s | nn-opt | filecheck %s

// Bits in a list of floats would be read back as integers.
func.func @constants() {
  // CHECK:      dense<[1.500000e+00, -2.000000e+00]> : tensor<2xf32>
  // CHECK-NEXT: dense<"0x0000C03F000080FF"> : tensor<2xf32>
  // CHECK-NEXT: dense<"0x0000004B"> : tensor<1xf32>
  // CHECK-NEXT: dense<"0x000080FF"> : tensor<40xf32>
  // CHECK-NEXT: dense<"0x007E"> : tensor<f16>
  %0 = arith.constant dense<[1.5, -2.0]> : tensor<2xf32>
  %1 = arith.constant dense<"0x0000C03F000080FF"> : tensor<2xf32>
  %2 = arith.constant dense<8388608.0> : tensor<1xf32>
  %3 = arith.constant dense<"0x000080FF"> : tensor<40xf32>
  %4 = arith.constant dense<"0x007E"> : tensor<f16>
  func.return
}
