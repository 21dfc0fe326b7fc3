// RUN: nn-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

%0, %1 = "test.op"() : () -> (tensor<1x8x4xf32>, tensor<1xi32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.mean': expected an output whose rank follows from keep_dims and tensor<1x8x4xf32>, got tensor<1x4xf32>
%2 = tfl.mean %0, %1 {keep_dims = true} : (tensor<1x8x4xf32>, tensor<1xi32>) -> tensor<1x4xf32>

// -----

%0, %1 = "test.op"() : () -> (tensor<1x8xf32>, tensor<1x1xi32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.arg_max': expected an axis of rank 0 or 1, got tensor<1x1xi32>
%2 = tfl.arg_max %0, %1 : (tensor<1x8xf32>, tensor<1x1xi32>) -> tensor<1xi32>

// -----

%0, %1 = "test.op"() : () -> (tensor<8xf32>, tensor<i32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.cumsum': expected an input and an output of the same shape, got tensor<8xf32>, tensor<7xf32>
%2 = tfl.cumsum %0, %1 : (tensor<8xf32>, tensor<i32>) -> tensor<7xf32>

// -----

%0 = "test.op"() : () -> tensor<8xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.bucketize': expected an input and an output of the same shape, got tensor<8xf32>, tensor<7xi32>
%1 = tfl.bucketize %0 : (tensor<8xf32>) -> tensor<7xi32>

// -----

%0, %1 = "test.op"() : () -> (tensor<8xf32>, tensor<i32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.topk_v2': expected values and indices of the same shape, got tensor<2xf32>, tensor<3xi32>
%2, %3 = tfl.topk_v2 %0, %1 : (tensor<8xf32>, tensor<i32>) -> (tensor<2xf32>, tensor<3xi32>)

// -----

%0 = "test.op"() : () -> tensor<2x8xi32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.unique': expected an input of rank 1, got tensor<2x8xi32>
%1, %2 = tfl.unique %0 : (tensor<2x8xi32>) -> (tensor<?xi32>, tensor<8xi32>)
