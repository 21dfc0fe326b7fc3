// RUN: nn-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

%x = "test.op"() : () -> tensor<2x3xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.transpose': expected a permutation of 2 axes, got (0, 0)
%y = nn.transpose %x {permutation = array<i64: 0, 0>} : (tensor<2x3xf32>) -> tensor<2x3xf32>

// -----

%x = "test.op"() : () -> tensor<2x3xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.transpose': expected an output of shape (3, 2), got (2, 3)
%y = nn.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<2x3xf32>

// -----

%x = "test.op"() : () -> tensor<4xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.slice': expected elements within an axis of 4, got 1 to 5 in steps of 2
%y = nn.slice %x {begin = array<i64: 1>, strides = array<i64: 2>} : (tensor<4xf32>) -> tensor<3xf32>

// -----

%x = "test.op"() : () -> tensor<4xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.slice': expected an output of f32, got i32
%y = nn.slice %x {begin = array<i64: 0>, strides = array<i64: 1>} : (tensor<4xf32>) -> tensor<4xi32>

// -----

%x = "test.op"() : () -> tensor<2xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.tile': expected multiples of (2,), got (5,)
%y = nn.tile %x : (tensor<2xf32>) -> tensor<5xf32>

// -----

%x = "test.op"() : () -> tensor<3xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.mirror_pad': expected paddings of at most 2, got 3 and 0
%y = nn.mirror_pad %x {before = array<i64: 3>} : (tensor<3xf32>) -> tensor<6xf32>

// -----

%x, %i = "test.op"() : () -> (tensor<3xf32>, tensor<2xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.gather': expected indices of integers, got tensor<2xf32>
%y = nn.gather %x, %i {axis = 0 : i64, batch_dims = 0 : i64} : (tensor<3xf32>, tensor<2xf32>) -> tensor<2xf32>

// -----

%a, %b = "test.op"() : () -> (tensor<2x3xf32>, tensor<2x4xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.concat': expected inputs that differ in axis 0, got [(2, 3), (2, 4)]
%y = nn.concat %a, %b {axis = 0 : i64} : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<4x3xf32>

// -----

%x = "test.op"() : () -> tensor<3xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.pad': expected an axis of at least 5, got 4
%y = nn.pad %x {before = array<i64: 2>, value = 0.0 : f32} : (tensor<3xf32>) -> tensor<4xf32>

// -----

%x = "test.op"() : () -> tensor<1x2x2x1xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.resize_nearest': expected places of an axis of 2, got (0, 2)
%y = nn.resize_nearest %x {rows = array<i64: 0, 2>, columns = array<i64: 0>} : (tensor<1x2x2x1xf32>) -> tensor<1x2x1x1xf32>
