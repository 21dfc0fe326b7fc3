// RUN: nn-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

%0, %1 = "test.op"() : () -> (tensor<12xf32>, none)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.reshape': expected as many elements, got tensor<12xf32> and tensor<3x5xf32>
%2 = tfl.reshape %0, %1 : (tensor<12xf32>, none) -> tensor<3x5xf32>

// -----

%0 = "test.op"() : () -> tensor<1x3xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.squeeze': expected as many elements, got tensor<1x3xf32> and tensor<2xf32>
%1 = tfl.squeeze %0 : (tensor<1x3xf32>) -> tensor<2xf32>

// -----

%0, %1 = "test.op"() : () -> (tensor<3xf32>, tensor<1x1xi32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.expand_dims': expected an axis of rank 0 or 1, got tensor<1x1xi32>
%2 = tfl.expand_dims %0, %1 : (tensor<3xf32>, tensor<1x1xi32>) -> tensor<1x3xf32>

// -----

%0, %1 = "test.op"() : () -> (tensor<2x3xf32>, tensor<3xi32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.transpose': expected a permutation with 2 in dimension 0, got tensor<3xi32>
%2 = tfl.transpose %0, %1 : (tensor<2x3xf32>, tensor<3xi32>) -> tensor<3x2xf32>

// -----

%0 = "test.op"() : () -> tensor<2x3xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.concatenation': expected an axis between -2 and 1, got 2
%1 = tfl.concatenation %0 {axis = 2 : i32} : (tensor<2x3xf32>) -> tensor<2x3xf32>

// -----

%0 = "test.op"() : () -> tensor<2x3xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.concatenation': expected a value of rank 1, got tensor<2x3xf32>
%1 = tfl.concatenation %0 {axis = 0 : i32} : (tensor<2x3xf32>) -> tensor<6xf32>

// -----

// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.concatenation': expected at least 1 value, got 0
%0 = "tfl.concatenation"() <{axis = 0 : i32}> : () -> tensor<6xf32>

// -----

%0 = "test.op"() : () -> tensor<3xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.pack': expected 2 values, got 1
%1 = tfl.pack %0 {values_count = 2 : i32, axis = 0 : i32} : (tensor<3xf32>) -> tensor<1x3xf32>

// -----

%0 = "test.op"() : () -> tensor<2x3xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.unpack': expected an input with 1 in dimension 0, got tensor<2x3xf32>
%1 = tfl.unpack %0 {num = 1 : i32, axis = 0 : i32} : (tensor<2x3xf32>) -> tensor<3xf32>

// -----

%0 = "test.op"() : () -> tensor<2x3xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.unpack': expected 2 outputs, got 1
%1 = tfl.unpack %0 {num = 2 : i32, axis = 0 : i32} : (tensor<2x3xf32>) -> tensor<3xf32>

// -----

%0, %1 = "test.op"() : () -> (tensor<i32>, tensor<2x3xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.split': expected 2 outputs, got 1
%2 = tfl.split %0, %1 {num_splits = 2 : i32} : (tensor<i32>, tensor<2x3xf32>) -> tensor<1x3xf32>

// -----

%0, %1, %2 = "test.op"() : () -> (tensor<2x3xf32>, tensor<2xi32>, tensor<i32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.split_v': expected 2 outputs, got 1
%3 = tfl.split_v %0, %1, %2 {num_splits = 2 : i32} : (tensor<2x3xf32>, tensor<2xi32>, tensor<i32>) -> tensor<1x3xf32>

// -----

%0, %1 = "test.op"() : () -> (tensor<4x4xf32>, tensor<3x2xi32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.pad': expected paddings with 2 in dimension 0, got tensor<3x2xi32>
%2 = tfl.pad %0, %1 : (tensor<4x4xf32>, tensor<3x2xi32>) -> tensor<6x6xf32>

// -----

%0, %1 = "test.op"() : () -> (tensor<4x4xf32>, tensor<2x2xi32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: expected one of REFLECT, SYMMETRIC, got "WRAP"
%2 = tfl.mirror_pad %0, %1 {mode = "WRAP"} : (tensor<4x4xf32>, tensor<2x2xi32>) -> tensor<6x6xf32>

// -----

%0, %1, %2 = "test.op"() : () -> (tensor<4x4xf32>, tensor<2x2xi32>, tensor<f32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.padv2': expected an output of rank 2, got tensor<6xf32>
%3 = tfl.padv2 %0, %1, %2 : (tensor<4x4xf32>, tensor<2x2xi32>, tensor<f32>) -> tensor<6xf32>

// -----

%0, %1 = "test.op"() : () -> (tensor<4x4xf32>, tensor<3xi32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.tile': expected multiples with 2 in dimension 0, got tensor<3xi32>
%2 = tfl.tile %0, %1 : (tensor<4x4xf32>, tensor<3xi32>) -> tensor<8x4xf32>

// -----

%0, %1 = "test.op"() : () -> (tensor<4x4xf32>, tensor<i32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.broadcast_to': expected a shape of rank 1, got tensor<i32>
%2 = tfl.broadcast_to %0, %1 : (tensor<4x4xf32>, tensor<i32>) -> tensor<8x4xf32>

// -----

%0, %1 = "test.op"() : () -> (tensor<4x4xf32>, tensor<i32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.reverse_v2': expected axes of rank 1, got tensor<i32>
%2 = tfl.reverse_v2 %0, %1 : (tensor<4x4xf32>, tensor<i32>) -> tensor<4x4xf32>

// -----

%0, %1 = "test.op"() : () -> (tensor<4x4xf32>, tensor<4xi32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.reverse_sequence': expected an axis between -2 and 1, got 2
%2 = tfl.reverse_sequence %0, %1 {seq_dim = 2 : i32} : (tensor<4x4xf32>, tensor<4xi32>) -> tensor<4x4xf32>

// -----

%0, %1, %2 = "test.op"() : () -> (tensor<1x4x4x3xf32>, tensor<2x2xi32>, tensor<2x2xi32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.space_to_batch_nd': expected a block shape of rank 1, got tensor<2x2xi32>
%3 = tfl.space_to_batch_nd %0, %1, %2 : (tensor<1x4x4x3xf32>, tensor<2x2xi32>, tensor<2x2xi32>) -> tensor<4x2x2x3xf32>

// -----

%0, %1, %2 = "test.op"() : () -> (tensor<4x2x2x3xf32>, tensor<2xi32>, tensor<2xi32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.batch_to_space_nd': expected crops of rank 2, got tensor<2xi32>
%3 = tfl.batch_to_space_nd %0, %1, %2 : (tensor<4x2x2x3xf32>, tensor<2xi32>, tensor<2xi32>) -> tensor<1x4x4x3xf32>

// -----

%0 = "test.op"() : () -> tensor<1x4x4x3xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.space_to_depth': expected block_size of at least 1, got 0
%1 = tfl.space_to_depth %0 {block_size = 0 : i32} : (tensor<1x4x4x3xf32>) -> tensor<1x2x2x12xf32>

// -----

%0 = "test.op"() : () -> tensor<1x2x2x12xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.depth_to_space': expected as many elements, got tensor<1x2x2x12xf32> and tensor<1x4x4x4xf32>
%1 = tfl.depth_to_space %0 {block_size = 2 : i32} : (tensor<1x2x2x12xf32>) -> tensor<1x4x4x4xf32>

// -----

%0, %1 = "test.op"() : () -> (tensor<1x4x4x3xf32>, tensor<3xi32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.resize_bilinear': expected a size with 2 in dimension 0, got tensor<3xi32>
%2 = tfl.resize_bilinear %0, %1 : (tensor<1x4x4x3xf32>, tensor<3xi32>) -> tensor<1x8x8x3xf32>
