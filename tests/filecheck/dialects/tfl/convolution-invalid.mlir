// RUN: nn-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

%0, %1, %2 = "test.op"() : () -> (tensor<1x8x8x3xf32>, tensor<4x3x3x3xf32>, none)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: expected one of SAME, VALID, got "FULL"
%3 = tfl.conv_2d %0, %1, %2 {padding = "FULL", stride_w = 1 : i32, stride_h = 1 : i32} : (tensor<1x8x8x3xf32>, tensor<4x3x3x3xf32>, none) -> tensor<1x8x8x4xf32>

// -----

%0, %1, %2 = "test.op"() : () -> (tensor<1x8x8x3xf32>, tensor<4x3x3x3xf32>, none)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.conv_2d': expected stride_h of at least 1, got 0
%3 = tfl.conv_2d %0, %1, %2 {padding = "SAME", stride_w = 1 : i32, stride_h = 0 : i32} : (tensor<1x8x8x3xf32>, tensor<4x3x3x3xf32>, none) -> tensor<1x8x8x4xf32>

// -----

%0, %1, %2 = "test.op"() : () -> (tensor<1x8x8x3xf32>, tensor<4x3x3x3xf32>, none)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: expected one of NONE, RELU, RELU_N1_TO_1, RELU6, TANH, SIGN_BIT, got "GELU"
%3 = tfl.conv_2d %0, %1, %2 {padding = "SAME", stride_w = 1 : i32, stride_h = 1 : i32, fused_activation_function = "GELU"} : (tensor<1x8x8x3xf32>, tensor<4x3x3x3xf32>, none) -> tensor<1x8x8x4xf32>

// -----

%0, %1, %2 = "test.op"() : () -> (tensor<8x8x3xf32>, tensor<4x3x3x3xf32>, none)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.conv_2d': expected an input of rank 4, got tensor<8x8x3xf32>
%3 = tfl.conv_2d %0, %1, %2 {padding = "SAME", stride_w = 1 : i32, stride_h = 1 : i32} : (tensor<8x8x3xf32>, tensor<4x3x3x3xf32>, none) -> tensor<1x8x8x4xf32>

// -----

%0, %1, %2 = "test.op"() : () -> (tensor<1x8x8x3xf32>, tensor<4x3x3x2xf32>, none)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.conv_2d': expected input channels in whole groups of 2, got 3
%3 = tfl.conv_2d %0, %1, %2 {padding = "SAME", stride_w = 1 : i32, stride_h = 1 : i32} : (tensor<1x8x8x3xf32>, tensor<4x3x3x2xf32>, none) -> tensor<1x8x8x4xf32>

// -----

%0, %1, %2 = "test.op"() : () -> (tensor<1x8x8x3xf32>, tensor<4x3x3x3xf32>, tensor<5xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.conv_2d': expected a bias with 4 in dimension 0, got tensor<5xf32>
%3 = tfl.conv_2d %0, %1, %2 {padding = "SAME", stride_w = 1 : i32, stride_h = 1 : i32} : (tensor<1x8x8x3xf32>, tensor<4x3x3x3xf32>, tensor<5xf32>) -> tensor<1x8x8x4xf32>

// -----

%0, %1, %2 = "test.op"() : () -> (tensor<1x8x8x3xf32>, tensor<2x3x3x3xf32>, none)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.depthwise_conv_2d': expected a filter with 1 in dimension 0, got tensor<2x3x3x3xf32>
%3 = tfl.depthwise_conv_2d %0, %1, %2 {padding = "SAME", stride_w = 1 : i32, stride_h = 1 : i32, depth_multiplier = 1 : i32} : (tensor<1x8x8x3xf32>, tensor<2x3x3x3xf32>, none) -> tensor<1x8x8x3xf32>

// -----

%0, %1, %2, %3 = "test.op"() : () -> (tensor<4xi32>, tensor<4x3x3x3xf32>, tensor<1x8x8x2xf32>, none)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.transpose_conv': expected an input with 3 in dimension 3, got tensor<1x8x8x2xf32>
%4 = tfl.transpose_conv %0, %1, %2, %3 {padding = "SAME", stride_w = 1 : i32, stride_h = 1 : i32} : (tensor<4xi32>, tensor<4x3x3x3xf32>, tensor<1x8x8x2xf32>, none) -> tensor<1x8x8x4xf32>

// -----

%0, %1, %2 = "test.op"() : () -> (tensor<1x4x4x2xf32>, tensor<2x2x2x2x3xf32>, none)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.conv_3d': expected an input of rank 5, got tensor<1x4x4x2xf32>
%3 = tfl.conv_3d %0, %1, %2 {padding = "SAME", stride_w = 1 : i32, stride_h = 1 : i32, stride_d = 1 : i32} : (tensor<1x4x4x2xf32>, tensor<2x2x2x2x3xf32>, none) -> tensor<1x4x4x4x3xf32>

// -----

%0, %1, %2, %3 = "test.op"() : () -> (tensor<5xi32>, tensor<2x2x2x3x2xf32>, tensor<1x3x3x3x2xf32>, none)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.conv_3d_transpose': expected stride_d of at least 1, got 0
%4 = tfl.conv_3d_transpose %0, %1, %2, %3 {padding = "SAME", stride_w = 1 : i32, stride_h = 1 : i32, stride_d = 0 : i32} : (tensor<5xi32>, tensor<2x2x2x3x2xf32>, tensor<1x3x3x3x2xf32>, none) -> tensor<1x4x4x4x3xf32>

// -----

%0, %1, %2 = "test.op"() : () -> (tensor<1x8xf32>, tensor<4x8xf32>, none)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.fully_connected': expected an output with 4 in dimension 1, got tensor<1x5xf32>
%3 = tfl.fully_connected %0, %1, %2 : (tensor<1x8xf32>, tensor<4x8xf32>, none) -> tensor<1x5xf32>

// -----

%0, %1 = "test.op"() : () -> (tensor<8xf32>, tensor<4x8xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.batch_matmul': expected x of rank 2 or 3 or 4 or 5, got tensor<8xf32>
%2 = tfl.batch_matmul %0, %1 : (tensor<8xf32>, tensor<4x8xf32>) -> tensor<8xf32>

// -----

%0 = "test.op"() : () -> tensor<1x8x8x4xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.max_pool_2d': expected an output with 4 in dimension 3, got tensor<1x8x8x5xf32>
%1 = tfl.max_pool_2d %0 {padding = "SAME", stride_w = 1 : i32, stride_h = 1 : i32, filter_width = 2 : i32, filter_height = 2 : i32} : (tensor<1x8x8x4xf32>) -> tensor<1x8x8x5xf32>

// -----

%0 = "test.op"() : () -> tensor<1x8x8x4xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.average_pool_2d': expected filter_width of at least 1, got 0
%1 = tfl.average_pool_2d %0 {padding = "SAME", stride_w = 1 : i32, stride_h = 1 : i32, filter_width = 0 : i32, filter_height = 1 : i32} : (tensor<1x8x8x4xf32>) -> tensor<1x8x8x4xf32>
