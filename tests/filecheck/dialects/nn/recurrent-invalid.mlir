// RUN: nn-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

%x, %w, %r, %b, %h = "test.op"() : () -> (tensor<1x8x4xf32>, tensor<2x4xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<1x2xf32>)
// CHECK: 'nn.rnn': expected one of identity, relu, {{.*}}, got swish
%y, %next = nn.rnn %x, %w, %r, %b, %h {activation = "swish"}
  : (tensor<1x8x4xf32>, tensor<2x4xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<1x2xf32>) -> (tensor<1x8x2xf32>, tensor<1x2xf32>)

// -----

%x, %w, %r, %b, %h = "test.op"() : () -> (tensor<1x8x4xf32>, tensor<2x4xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<1x2xf32>)
// CHECK: 'nn.rnn': expected alpha of leaky_relu, got leaky_relu
%y, %next = nn.rnn %x, %w, %r, %b, %h {activation = "leaky_relu"}
  : (tensor<1x8x4xf32>, tensor<2x4xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<1x2xf32>) -> (tensor<1x8x2xf32>, tensor<1x2xf32>)

// -----

%x, %w, %r, %b, %h = "test.op"() : () -> (tensor<1x8x4xf32>, tensor<2x4xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<1x2xf32>)
// CHECK: 'nn.rnn': expected numbers, got tanh(x)
%y, %next = nn.rnn %x, %w, %r, %b, %h {activation = "tanh(x)"}
  : (tensor<1x8x4xf32>, tensor<2x4xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<1x2xf32>) -> (tensor<1x8x2xf32>, tensor<1x2xf32>)

// -----

%x, %w, %r, %b, %h = "test.op"() : () -> (tensor<1x8x4xf32>, tensor<3x2x4xf32>, tensor<3x2x2xf32>, tensor<3x2xf32>, tensor<1x2xf32>)
// CHECK: 'nn.gru': expected an output of (1, 8, 2), got (8, 1, 2)
%y, %next = nn.gru %x, %w, %r, %b, %b, %h {activation = "tanh", gate_activation = "logistic"}
  : (tensor<1x8x4xf32>, tensor<3x2x4xf32>, tensor<3x2x2xf32>, tensor<3x2xf32>, tensor<3x2xf32>, tensor<1x2xf32>) -> (tensor<8x1x2xf32>, tensor<1x2xf32>)

// -----

%x, %w, %r, %b, %h = "test.op"() : () -> (tensor<1x8x4xf32>, tensor<4x2x4xf32>, tensor<4x2x2xf32>, tensor<4x2xf32>, tensor<1x2xf32>)
// CHECK: 'nn.lstm': expected weights of 3 gates, got 4
%y, %h1, %c1 = nn.lstm %x, %w, %r, %b, %h, %h {activation = "tanh", input_forget}
  : (tensor<1x8x4xf32>, tensor<4x2x4xf32>, tensor<4x2x2xf32>, tensor<4x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>) -> (tensor<1x8x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>)
