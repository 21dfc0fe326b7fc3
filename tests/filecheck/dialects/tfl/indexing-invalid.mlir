// RUN: nn-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

%0, %1 = "test.op"() : () -> (tensor<4x4xf32>, tensor<2xi32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.slice': expected an output of rank 2, got tensor<2xf32>
%2 = tfl.slice %0, %1, %1 : (tensor<4x4xf32>, tensor<2xi32>, tensor<2xi32>) -> tensor<2xf32>

// -----

%0, %1 = "test.op"() : () -> (tensor<4x4xf32>, tensor<i32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.strided_slice': expected begin of rank 1, got tensor<i32>
%2 = tfl.strided_slice %0, %1, %1, %1 : (tensor<4x4xf32>, tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<2xf32>

// -----

%0, %1 = "test.op"() : () -> (tensor<4xf32>, tensor<1xi32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.dynamic_update_slice': expected an input and an output of the same shape, got tensor<4xf32>, tensor<5xf32>
%2 = tfl.dynamic_update_slice %0, %0, %1 : (tensor<4xf32>, tensor<4xf32>, tensor<1xi32>) -> tensor<5xf32>

// -----

%0, %1 = "test.op"() : () -> (tensor<4xf32>, tensor<1xi32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.gather': expected an axis between -1 and 0, got 1
%2 = tfl.gather %0, %1 {axis = 1 : i32} : (tensor<4xf32>, tensor<1xi32>) -> tensor<1xf32>

// -----

%0, %1, %2 = "test.op"() : () -> (tensor<3x1xi32>, tensor<3x4xf32>, tensor<i32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.scatter_nd': expected a shape of rank 1, got tensor<i32>
%3 = tfl.scatter_nd %0, %1, %2 : (tensor<3x1xi32>, tensor<3x4xf32>, tensor<i32>) -> tensor<8x4xf32>

// -----

%0, %1, %2 = "test.op"() : () -> (tensor<3xi32>, tensor<i32>, tensor<f32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.one_hot': expected an axis between -2 and 1, got 2
%3 = tfl.one_hot %0, %1, %2, %2 {axis = 2 : i32} : (tensor<3xi32>, tensor<i32>, tensor<f32>, tensor<f32>) -> tensor<3x4xf32>

// -----

%0 = "test.op"() : () -> tensor<4xi1>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.where': expected an output of rank 2, got tensor<?xi64>
%1 = tfl.where %0 : (tensor<4xi1>) -> tensor<?xi64>

// -----

%0 = "test.op"() : () -> tensor<4xi1>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.shape': expected an output of rank 1, got tensor<i32>
%1 = tfl.shape %0 : (tensor<4xi1>) -> tensor<i32>

// -----

%0 = "test.op"() : () -> tensor<4xi1>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.rank': expected an output of rank 0, got tensor<1xi32>
%1 = tfl.rank %0 : (tensor<4xi1>) -> tensor<1xi32>

// -----

%0 = "test.op"() : () -> tensor<i32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.range': expected an output of rank 1, got tensor<i32>
%1 = tfl.range %0, %0, %0 : (tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<i32>

// -----

%0 = "test.op"() : () -> tensor<i32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.fill': expected dims of rank 1, got tensor<i32>
%1 = tfl.fill %0, %0 : (tensor<i32>, tensor<i32>) -> tensor<4xi32>

// -----

%0, %1 = "test.op"() : () -> (tensor<2x3x3xf32>, tensor<2x3xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.matrix_set_diag': expected an input and an output of the same shape, got tensor<2x3x3xf32>, tensor<2x3x4xf32>
%2 = tfl.matrix_set_diag %0, %1 : (tensor<2x3x3xf32>, tensor<2x3xf32>) -> tensor<2x3x4xf32>
