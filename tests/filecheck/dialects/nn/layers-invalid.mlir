// RUN: nn-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

%x, %w = "test.op"() : () -> (tensor<2x3xf32>, tensor<4x5xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.dense': expected 2 x 3 times 4 x 3 to give 2 x 4, got weights (4, 5)
%y = nn.dense %x, %w : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x4xf32>

// -----

%x, %w, %b = "test.op"() : () -> (tensor<2x3xf32>, tensor<4x3xf32>, tensor<3xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.dense': expected a bias of shape (4,), got (3,)
%y = nn.dense %x, %w, %b : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<3xf32>) -> tensor<2x4xf32>

// -----

%x, %w, %b = "test.op"() : () -> (tensor<2x3xf32>, tensor<4x3xf32>, tensor<4xi32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.dense': expected a bias of f32, got tensor<4xi32>
%y = nn.dense %x, %w, %b : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<4xi32>) -> tensor<2x4xf32>

// -----

!q = !quant.uniform<i8:f32, 0.5>
%x, %w = "test.op"() : () -> (tensor<2x3x!q>, tensor<4x3x!q>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.dense': expected a rounding for a quantised output, got none
%y = nn.dense %x, %w : (tensor<2x3x!q>, tensor<4x3x!q>) -> tensor<2x4x!q>

// -----

!q = !quant.uniform<i8:f32, 0.5>
%x, %w = "test.op"() : () -> (tensor<2x3x!q>, tensor<4x3x!q>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.dense': expected an accumulator of i64 for mb64, got i32
%y = nn.dense %x, %w {rounding = #nn<rounding mb64>} : (tensor<2x3x!q>, tensor<4x3x!q>) -> tensor<2x4x!q>

// -----

!q = !quant.uniform<i8:f32, 0.5>
!w = !quant.uniform<i8:f32:1, {0.5, 0.25, 0.125}>
%x, %w = "test.op"() : () -> (tensor<2x3x!q>, tensor<4x3x!w>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.dense': expected weights quantised along axis 0, got 1
%y = nn.dense %x, %w {rounding = #nn<rounding double>} : (tensor<2x3x!q>, tensor<4x3x!w>) -> tensor<2x4x!q>

// -----

!q = !quant.uniform<i8:f32, 0.5>
!w = !quant.uniform<i8:f32:0, {0.5, 0.25}>
%x, %w = "test.op"() : () -> (tensor<2x3x!q>, tensor<4x3x!w>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.dense': expected a scale for each channel, got 2 for tensor<4x3x!quant.uniform<i8:f32:0, {0.5, 0.25}>>
%y = nn.dense %x, %w {rounding = #nn<rounding double>} : (tensor<2x3x!q>, tensor<4x3x!w>) -> tensor<2x4x!q>

// -----

%x, %w = "test.op"() : () -> (tensor<1x5x5x2xf32>, tensor<4x3x3x2xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.conv2d': expected an output height of 3, got 5
%y = nn.conv2d %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding = array<i64: 0, 0, 0, 0>, groups = 1 : i64} : (tensor<1x5x5x2xf32>, tensor<4x3x3x2xf32>) -> tensor<1x5x5x4xf32>

// -----

%x, %w = "test.op"() : () -> (tensor<1x5x5x2xf32>, tensor<4x3x3x2xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.conv2d': expected groups that divide 2 and 4 channels, got 3
%y = nn.conv2d %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding = array<i64: 0, 0, 0, 0>, groups = 3 : i64} : (tensor<1x5x5x2xf32>, tensor<4x3x3x2xf32>) -> tensor<1x3x3x4xf32>

// -----

%x = "test.op"() : () -> tensor<4x4x2xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.max_pool2d': expected an input of rank 4, got tensor<4x4x2xf32>
%y = nn.max_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, padding = array<i64: 0, 0, 0, 0>} : (tensor<4x4x2xf32>) -> tensor<1x2x2x2xf32>

// -----

%x = "test.op"() : () -> tensor<2x3xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.reduce_sum': expected ascending axes of 2, got (2,)
%y = nn.reduce_sum %x {axes = array<i64: 2>} : (tensor<2x3xf32>) -> tensor<2x3xf32>

// -----

%x = "test.op"() : () -> tensor<2x3xi32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.reduce_any': expected an input of i1, got tensor<2x3xi32>
%y = nn.reduce_any %x {axes = array<i64: 1>} : (tensor<2x3xi32>) -> tensor<2x1xi32>

// -----

%x = "test.op"() : () -> tensor<2x3xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.arg_max': expected an axis below 2, got 2
%y = nn.arg_max %x {axis = 2 : i64} : (tensor<2x3xf32>) -> tensor<2x1xi32>

// -----

%x = "test.op"() : () -> tensor<4xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.top_k': expected at most 4 elements, got 5
%v, %i = nn.top_k %x : (tensor<4xf32>) -> (tensor<5xf32>, tensor<5xi32>)

// -----

!q = !quant.uniform<i8:f32, 0.5>
%x = "test.op"() : () -> tensor<4x!q>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.l2_normalization': expected an output of scale 0.0078125 and zero point 0, got tensor<4x!quant.uniform<i8:f32, 0.5>>
%y = nn.l2_normalization %x {epsilon = 1.0e-6 : f32} : (tensor<4x!q>) -> tensor<4x!q>
