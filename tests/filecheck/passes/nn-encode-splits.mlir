// RUN: nn-opt %s -p nn-encode-splits --split-input-file | filecheck %s

// Of bytes that became floats, a node asks about the bytes; one that no byte passes is left out.

func.func @main(%x: tensor<1x2xui8>) -> tensor<1x1xf32> {
  %f = nn.cast %x : (tensor<1x2xui8>) -> tensor<1x2xf32>
  %y = nn.tree_ensemble %f {aggregate = "sum", features = dense<[0, 1]> : tensor<2xi32>,
    splits = dense<[-0.5, 7.25]> : tensor<2xf32>, next = dense<[[-1, 1], [-1, -2]]> : tensor<2x2xi32>,
    roots = dense<0> : tensor<1xi32>, starts = dense<[0, 1, 2]> : tensor<3xi32>,
    targets = dense<0> : tensor<2xi32>, weights = dense<[1.0, 2.0]> : tensor<2xf32>} : (tensor<1x2xf32>) -> tensor<1x1xf32>
  func.return %y : tensor<1x1xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: nn.tree_ensemble %x
// CHECK-SAME: features = dense<1> : tensor<1xi32>
// CHECK-SAME: splits = dense<7> : tensor<1xui8>
// CHECK-SAME: (tensor<1x2xui8>) -> tensor<1x1xf32>
// CHECK-NEXT: func.return

// -----

// Floats become codes of a byte where the first bits of the splits tell them apart.

func.func @main(%x: tensor<1x1xf32>) -> tensor<1x1xf32> {
  %y = nn.tree_ensemble %x {aggregate = "sum", features = dense<0> : tensor<2xi32>,
    splits = dense<[1.5, 3.0]> : tensor<2xf32>, next = dense<[[-1, 1], [-1, -2]]> : tensor<2x2xi32>,
    roots = dense<0> : tensor<1xi32>, starts = dense<[0, 1, 2]> : tensor<3xi32>,
    targets = dense<0> : tensor<2xi32>, weights = dense<[1.0, 2.0]> : tensor<2xf32>} : (tensor<1x1xf32>) -> tensor<1x1xf32>
  func.return %y : tensor<1x1xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: nn.float_order %x {first = 1069547520 : i64, shift = 23 : i64
// CHECK-SAME: (tensor<1x1xf32>) -> tensor<1x1xui8>
// CHECK-NEXT: nn.tree_ensemble
// CHECK-SAME: splits = dense<[0, 1]> : tensor<2xui8>
// CHECK-NEXT: func.return

// -----

// Where NaN goes another way than large numbers, floats stay.

func.func @main(%x: tensor<1x1xf32>) -> tensor<1x1xf32> {
  %y = nn.tree_ensemble %x {aggregate = "sum", features = dense<0> : tensor<2xi32>, missing = dense<1> : tensor<2xi8>,
    splits = dense<[1.5, 3.0]> : tensor<2xf32>, next = dense<[[-1, 1], [-1, -2]]> : tensor<2x2xi32>,
    roots = dense<0> : tensor<1xi32>, starts = dense<[0, 1, 2]> : tensor<3xi32>,
    targets = dense<0> : tensor<2xi32>, weights = dense<[1.0, 2.0]> : tensor<2xf32>} : (tensor<1x1xf32>) -> tensor<1x1xf32>
  func.return %y : tensor<1x1xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT: nn.tree_ensemble %x
