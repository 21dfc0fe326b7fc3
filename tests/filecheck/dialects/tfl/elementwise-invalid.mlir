// RUN: nn-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

%0 = "test.op"() : () -> tensor<4xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.relu': expected an input and an output of the same shape, got tensor<4xf32>, tensor<5xf32>
%1 = tfl.relu %0 : (tensor<4xf32>) -> tensor<5xf32>

// -----

%0 = "test.op"() : () -> tensor<4xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.add': expected lhs to broadcast to tensor<5xf32>, got tensor<4xf32>
%1 = tfl.add %0, %0 : (tensor<4xf32>, tensor<4xf32>) -> tensor<5xf32>

// -----

%0 = "test.op"() : () -> tensor<4xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.less': expected a result of i1, got tensor<4xf32>
%1 = tfl.less %0, %0 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>

// -----

%0, %1 = "test.op"() : () -> (tensor<4xf32>, tensor<3xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.prelu': expected alpha to broadcast to tensor<4xf32>, got tensor<3xf32>
%2 = tfl.prelu %0, %1 : (tensor<4xf32>, tensor<3xf32>) -> tensor<4xf32>

// -----

%0, %1 = "test.op"() : () -> (tensor<4xf32>, tensor<3xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.add_n': expected inputs and an output of the same shape, got tensor<3xf32>, tensor<4xf32>
%2 = tfl.add_n %0, %1 : (tensor<4xf32>, tensor<3xf32>) -> tensor<4xf32>

// -----

// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.add_n': expected at least 1 input, got 0
%0 = "tfl.add_n"() : () -> tensor<4xf32>

// -----

%0, %1 = "test.op"() : () -> (tensor<4xi1>, tensor<3xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.select': expected x and an output of the same shape, got tensor<3xf32>, tensor<4xf32>
%2 = tfl.select %0, %1, %1 : (tensor<4xi1>, tensor<3xf32>, tensor<3xf32>) -> tensor<4xf32>

// -----

%0, %1 = "test.op"() : () -> (tensor<4xi1>, tensor<3xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.select_v2': expected x to broadcast to tensor<4xf32>, got tensor<3xf32>
%2 = tfl.select_v2 %0, %1, %1 : (tensor<4xi1>, tensor<3xf32>, tensor<3xf32>) -> tensor<4xf32>

// -----

%0 = "test.op"() : () -> tensor<4xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: expected one of FLOAT32
%1 = tfl.cast %0 {in_data_type = "F32"} : (tensor<4xf32>) -> tensor<4xi8>
