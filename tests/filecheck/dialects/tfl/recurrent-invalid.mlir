// RUN: nn-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

%0, %1, %2, %3, %4 = "test.op"() : () -> (tensor<1x4xf32>, tensor<2x4xf32>, tensor<2x8xf32>, none, tensor<1x16xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.svdf': expected rank of at least 1, got 0
%5 = tfl.svdf %0, %1, %2, %3, %4 {rank = 0 : i32} : (tensor<1x4xf32>, tensor<2x4xf32>, tensor<2x8xf32>, none, tensor<1x16xf32>) -> tensor<1x2xf32>

// -----

%0, %1, %2, %3 = "test.op"() : () -> (tensor<1x4xf32>, tensor<2x4xf32>, tensor<2x2xf32>, tensor<2xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.rnn': expected a hidden state of rank 2, got tensor<2xf32>
%4 = tfl.rnn %0, %1, %2, %3, %3 : (tensor<1x4xf32>, tensor<2x4xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2xf32>

// -----

%0, %1, %2, %3 = "test.op"() : () -> (tensor<1x4xf32>, tensor<1x2xf32>, tensor<8x6xf32>, tensor<8xf32>)
// CHECK: [[# @LINE + 1]]:{{[0-9]+}}: 'tfl.basic_lstm': expected kernel_type BASIC, got FULL
%4, %5, %6, %7 = tfl.basic_lstm %0, %1, %2, %3, %1 : (tensor<1x4xf32>, tensor<1x2xf32>, tensor<8x6xf32>, tensor<8xf32>, tensor<1x2xf32>) -> (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x6xf32>, tensor<1x8xf32>)
