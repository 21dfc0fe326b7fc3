// RUN: nn-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// What a layer gives follows from its inputs and settings.
%0 = "test.op"() : () -> tensor<1x8x8x4xf32>
%1 = "test.op"() : () -> tensor<3x3x4x2xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'keras.conv2d': expected results tensor<1x6x6x2xf32>, got tensor<1x8x8x2xf32>
%2 = keras.conv2d %0, %1 {filters = 2 : i64, kernel_size = array<i64: 3, 3>, use_bias = false} : (tensor<1x8x8x4xf32>, tensor<3x3x4x2xf32>) -> tensor<1x8x8x2xf32>

// -----

%0 = "test.op"() : () -> tensor<1x8x8x4xf32>
%1 = "test.op"() : () -> tensor<3x3x4x2xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'keras.conv2d': expected operands: inputs (1), kernel, bias; got 0
%2 = keras.conv2d %0, %1 {filters = 2 : i64, kernel_size = array<i64: 3, 3>} : (tensor<1x8x8x4xf32>, tensor<3x3x4x2xf32>) -> tensor<1x6x6x2xf32>

// -----

%0 = "test.op"() : () -> tensor<1x8x4xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'keras.max_pooling2d': expected an input of 4 axes, got (1, 8, 4)
%1 = keras.max_pooling2d %0 : (tensor<1x8x4xf32>) -> tensor<1x4x2xf32>

// -----

%0 = "test.op"() : () -> tensor<1x8x4xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: {{.*}}expected one of channels_last, channels_first, got "middle"
%1 = keras.max_pooling1d %0 {data_format = "middle"} : (tensor<1x8x4xf32>) -> tensor<1x4x4xf32>

// -----

%0 = "test.op"() : () -> tensor<1x8xf32>
%1 = "test.op"() : () -> tensor<1x4xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'keras.add': expected shapes that broadcast, got [(1, 8), (1, 4)]
%2 = keras.add %0, %1 : (tensor<1x8xf32>, tensor<1x4xf32>) -> tensor<1x8xf32>

// -----

%0 = "test.op"() : () -> tensor<1x8xi8>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'keras.relu': expected inputs of float32, got i8
%1 = keras.relu %0 : (tensor<1x8xi8>) -> tensor<1x8xf32>

// -----

%0 = "test.op"() : () -> tensor<1x8xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'keras.reshape': expected a shape of 8 elements, got [3, 2]
%1 = keras.reshape %0 {target_shape = array<i64: 3, 2>} : (tensor<1x8xf32>) -> tensor<1x3x2xf32>
