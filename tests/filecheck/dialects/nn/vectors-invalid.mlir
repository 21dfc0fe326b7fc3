// RUN: nn-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

%x, %v = "test.op"() : () -> (tensor<2x4xf32>, tensor<3x5xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.squared_distance': expected vectors of 4 elements, got 5
%d = nn.squared_distance %x, %v : (tensor<2x4xf32>, tensor<3x5xf32>) -> tensor<2x3xf32>

// -----

%x, %v = "test.op"() : () -> (tensor<2x4xf32>, tensor<3x4xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.squared_distance': expected an output of shape (2, 3), got (3, 2)
%d = nn.squared_distance %x, %v : (tensor<2x4xf32>, tensor<3x4xf32>) -> tensor<3x2xf32>

// -----

%x, %v = "test.op"() : () -> (tensor<2x4xi8>, tensor<3x4xi8>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.squared_distance': expected an input of f32, got tensor<2x4xi8>
%d = nn.squared_distance %x, %v : (tensor<2x4xi8>, tensor<3x4xi8>) -> tensor<2x3xi8>

// -----

%k, %c, %b = "test.op"() : () -> (tensor<1x6xf32>, tensor<2x6xf32>, tensor<3xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.one_against_one': expected 6 vectors of 2 classes or more, got (2, 1, 2)
%d = nn.one_against_one %k, %c, %b {vectors_per_class = array<i64: 2, 1, 2>} : (tensor<1x6xf32>, tensor<2x6xf32>, tensor<3xf32>) -> tensor<1x3xf32>

// -----

%k, %c, %b = "test.op"() : () -> (tensor<1x6xf32>, tensor<3x6xf32>, tensor<3xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.one_against_one': expected coefficients of shape (2, 6), got (3, 6)
%d = nn.one_against_one %k, %c, %b {vectors_per_class = array<i64: 2, 1, 3>} : (tensor<1x6xf32>, tensor<3x6xf32>, tensor<3xf32>) -> tensor<1x3xf32>

// -----

%k, %c, %b = "test.op"() : () -> (tensor<1x6xf32>, tensor<2x6xf32>, tensor<2xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.one_against_one': expected a bias of shape (3,), got (2,)
%d = nn.one_against_one %k, %c, %b {vectors_per_class = array<i64: 2, 1, 3>} : (tensor<1x6xf32>, tensor<2x6xf32>, tensor<2xf32>) -> tensor<1x3xf32>

// -----

%r = "test.op"() : () -> tensor<2x3xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.couple_pairs': expected an input of shape (2, 6), got (2, 3)
%p = nn.couple_pairs %r : (tensor<2x3xf32>) -> tensor<2x4xf32>

// -----

%r = "test.op"() : () -> tensor<2x3xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'nn.couple_pairs': expected 2 classes or more, got 1
%p = nn.couple_pairs %r : (tensor<2x3xf32>) -> tensor<2x1xf32>
