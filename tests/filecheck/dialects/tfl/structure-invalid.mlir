// RUN: nn-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.pseudo_const': expected a value of type tensor<3xi8>, got tensor<2xi8>
%0 = tfl.pseudo_const dense<1> : tensor<2xi8> -> tensor<3xi8>

// -----

// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.pseudo_const': expected a value of type tensor<2xi8>, got tensor<2xi16>
%0 = tfl.pseudo_const dense<1> : tensor<2xi16> -> tensor<2x!quant.uniform<i8:f32, 0.5>>

// -----

// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: i32 should be of base attribute none_type
%0 = tfl.no_value : i32

// -----

%0 = "test.op"() : () -> tensor<1xf32>
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.while': expected as many outputs as inputs, got 2 and 1
%1, %2 = tfl.while %0 {cond_subgraph = @f, body_subgraph = @f} : (tensor<1xf32>) -> (tensor<1xf32>, tensor<1xf32>)

// -----

%0 = "test.op"() : () -> i32
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: i32 should be of base attribute tensor
%1 = tfl.relu %0 : (i32) -> tensor<1xf32>
