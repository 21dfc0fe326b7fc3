// RUN: nn-opt %s -p nn-fold-constants --split-input-file | filecheck %s
// RUN: nn-opt %s -p nn-fold-constants,nn-fold-constants --split-input-file | filecheck %s
// RUN: nn-opt %s -p nn-fold-constants --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC
// RUN: nn-opt %s -p nn-fold-constants{largest=15} --split-input-file | filecheck %s --check-prefix=SMALL

// What is computed from constants alone is computed now, step by step, under the last one's name.

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %a = nn.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32> -> tensor<4xf32>
  %b = nn.add %a, %a : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> loc("twice")
  %c = nn.neg %b : (tensor<4xf32>) -> tensor<4xf32> loc("negated")
  %y = nn.mul %x, %c : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> loc("product")
  func.return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: nn.constant dense<[-2.000000e+00, -4.000000e+00, -6.000000e+00, -8.000000e+00]>
// CHECK-NEXT: nn.mul
// CHECK-NEXT: func.return
// LOC: nn.constant
// LOC-SAME: loc("negated")
// LOC-NEXT: nn.mul
// LOC-SAME: loc("product")

// Not where the result is too large.
// SMALL: nn.constant
// SMALL-NEXT: nn.add
// SMALL-NEXT: nn.neg
// SMALL-NEXT: nn.mul

// -----

// Quantised constants, each channel with a scale of its own.

!w = !quant.uniform<i8:f32:0, {0.5, 0.25}>
func.func @main() -> tensor<2x2xf32> {
  %w = nn.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi8> -> tensor<2x2x!w>
  %f = nn.dequantize %w : (tensor<2x2x!w>) -> tensor<2x2xf32>
  func.return %f : tensor<2x2xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: nn.constant dense<{{\[\[}}5.000000e-01, 1.000000e+00], [7.500000e-01, 1.000000e+00]]>
// CHECK-NEXT: func.return

// -----

// What nobody uses goes away, together with what only it uses; arguments and their users stay.

func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %dead = nn.exp %x : (tensor<2xf32>) -> tensor<2xf32>
  %deader = nn.neg %dead : (tensor<2xf32>) -> tensor<2xf32>
  %y = nn.exp %x : (tensor<2xf32>) -> tensor<2xf32>
  func.return %y : tensor<2xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: nn.exp
// CHECK-NEXT: func.return
