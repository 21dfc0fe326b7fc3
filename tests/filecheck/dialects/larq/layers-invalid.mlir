// RUN: nn-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

func.func @main(%x: tensor<1x3xf32>, %k: tensor<3x2xf32>) {
  // CHECK: expected a quantiser of Larq (SteSign, {{.*}}), got "SteTern"
  %y = larq.quant_dense %x, %k {units = 2 : i64, use_bias = false, kernel_quantizer = "SteTern"} : (tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32>
  func.return
}

// -----

func.func @main(%x: tensor<1x3xf32>, %k: tensor<3x2xf32>) {
  // CHECK: expected a quantiser of Larq (SteSign, {{.*}}), got "DoReFa(99, weights)"
  %y = larq.quant_dense %x, %k {units = 2 : i64, use_bias = false, kernel_quantizer = "DoReFa(99, weights)"} : (tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32>
  func.return
}
