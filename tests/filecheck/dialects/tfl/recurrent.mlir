// RUN: nn-opt %s | filecheck %s
// RUN: nn-opt %s --print-op-generic | nn-opt | filecheck %s

// CHECK-LABEL: @svdf(
// CHECK: tfl.svdf %x, %feature, %time, %bias, %state {rank = 1 : i32} : (tensor<1x4xf32>, tensor<2x4xf32>, tensor<2x8xf32>, tensor<2xf32>, tensor<1x16xf32>) -> tensor<1x2xf32>
func.func @svdf(%x : tensor<1x4xf32>, %feature : tensor<2x4xf32>, %time : tensor<2x8xf32>, %bias : tensor<2xf32>, %state : tensor<1x16xf32>) {
  %y = tfl.svdf %x, %feature, %time, %bias, %state {rank = 1 : i32} : (tensor<1x4xf32>, tensor<2x4xf32>, tensor<2x8xf32>, tensor<2xf32>, tensor<1x16xf32>) -> tensor<1x2xf32>
  func.return
}

// CHECK-LABEL: @rnn(
// CHECK: tfl.rnn %x, %w, %r, %b, %h {fused_activation_function = "TANH"} : (tensor<1x4xf32>, tensor<2x4xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
func.func @rnn(%x : tensor<1x4xf32>, %w : tensor<2x4xf32>, %r : tensor<2x2xf32>, %b : tensor<2xf32>, %h : tensor<1x2xf32>) {
  %y = tfl.rnn %x, %w, %r, %b, %h {fused_activation_function = "TANH"} : (tensor<1x4xf32>, tensor<2x4xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  func.return
}

// CHECK-LABEL: @unidirectional_sequence_rnn(
// CHECK: tfl.unidirectional_sequence_rnn %x, %w, %r, %b, %h {time_major = true} : (tensor<8x1x4xf32>, tensor<2x4xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<1x2xf32>) -> tensor<8x1x2xf32>
func.func @unidirectional_sequence_rnn(%x : tensor<8x1x4xf32>, %w : tensor<2x4xf32>, %r : tensor<2x2xf32>, %b : tensor<2xf32>, %h : tensor<1x2xf32>) {
  %y = tfl.unidirectional_sequence_rnn %x, %w, %r, %b, %h {time_major = true} : (tensor<8x1x4xf32>, tensor<2x4xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<1x2xf32>) -> tensor<8x1x2xf32>
  func.return
}

// CHECK-LABEL: @bidirectional_sequence_rnn(
// CHECK: tfl.bidirectional_sequence_rnn %x, %w, %r, %b, %h, %w, %r, %b, %g, %none, %none, %none {merge_outputs = true} : (tensor<1x8x4xf32>, tensor<2x4xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<1x2xf32>, tensor<2x4xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<1x2xf32>, none, none, none) -> tensor<1x8x4xf32>
func.func @bidirectional_sequence_rnn(%x : tensor<1x8x4xf32>, %w : tensor<2x4xf32>, %r : tensor<2x2xf32>, %b : tensor<2xf32>, %h : tensor<1x2xf32>, %g : tensor<1x2xf32>, %none : none) {
  %y = tfl.bidirectional_sequence_rnn %x, %w, %r, %b, %h, %w, %r, %b, %g, %none, %none, %none {merge_outputs = true} : (tensor<1x8x4xf32>, tensor<2x4xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<1x2xf32>, tensor<2x4xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<1x2xf32>, none, none, none) -> tensor<1x8x4xf32>
  func.return
}

// CHECK-LABEL: @lstm(
// CHECK: tfl.lstm %x, %n, %w, %w, %w, %n, %r, %r, %r, %n, %n, %n, %n, %b, %b, %b, %n, %n, %h, %c, %n, %n, %n, %n {fused_activation_function = "TANH"} : (tensor<1x4xf32>, none, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, none, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, none, none, none, none, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, none, none, tensor<1x2xf32>, tensor<1x2xf32>, none, none, none, none) -> tensor<1x2xf32>
func.func @lstm(%x : tensor<1x4xf32>, %n : none, %w : tensor<2x4xf32>, %r : tensor<2x2xf32>, %b : tensor<2xf32>, %h : tensor<1x2xf32>, %c : tensor<1x2xf32>) {
  %y = tfl.lstm %x, %n, %w, %w, %w, %n, %r, %r, %r, %n, %n, %n, %n, %b, %b, %b, %n, %n, %h, %c, %n, %n, %n, %n {fused_activation_function = "TANH"} : (tensor<1x4xf32>, none, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, none, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, none, none, none, none, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, none, none, tensor<1x2xf32>, tensor<1x2xf32>, none, none, none, none) -> tensor<1x2xf32>
  func.return
}

// CHECK-LABEL: @basic_lstm(
// CHECK: tfl.basic_lstm %x, %y0, %w, %b, %c0 {kernel_type = "BASIC"} : (tensor<1x4xf32>, tensor<1x2xf32>, tensor<8x6xf32>, tensor<8xf32>, tensor<1x2xf32>) -> (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x6xf32>, tensor<1x8xf32>)
func.func @basic_lstm(%x : tensor<1x4xf32>, %y0 : tensor<1x2xf32>, %w : tensor<8x6xf32>, %b : tensor<8xf32>, %c0 : tensor<1x2xf32>) {
  %y, %c1, %concat, %gates = tfl.basic_lstm %x, %y0, %w, %b, %c0 {kernel_type = "BASIC"} : (tensor<1x4xf32>, tensor<1x2xf32>, tensor<8x6xf32>, tensor<8xf32>, tensor<1x2xf32>) -> (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x6xf32>, tensor<1x8xf32>)
  func.return
}

// CHECK-LABEL: @unidirectional_sequence_lstm(
// CHECK: tfl.unidirectional_sequence_lstm %x, %n, %w, %w, %w, %n, %r, %r, %r, %n, %n, %n, %n, %b, %b, %b, %n, %n, %h, %c, %n, %n, %n, %n {fused_activation_function = "TANH", time_major = true} : (tensor<8x1x4xf32>, none, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, none, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, none, none, none, none, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, none, none, tensor<1x2xf32>, tensor<1x2xf32>, none, none, none, none) -> tensor<8x1x2xf32>
func.func @unidirectional_sequence_lstm(%x : tensor<8x1x4xf32>, %n : none, %w : tensor<2x4xf32>, %r : tensor<2x2xf32>, %b : tensor<2xf32>, %h : tensor<1x2xf32>, %c : tensor<1x2xf32>) {
  %y = tfl.unidirectional_sequence_lstm %x, %n, %w, %w, %w, %n, %r, %r, %r, %n, %n, %n, %n, %b, %b, %b, %n, %n, %h, %c, %n, %n, %n, %n {fused_activation_function = "TANH", time_major = true} : (tensor<8x1x4xf32>, none, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, none, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, none, none, none, none, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, none, none, tensor<1x2xf32>, tensor<1x2xf32>, none, none, none, none) -> tensor<8x1x2xf32>
  func.return
}

// CHECK-LABEL: @bidirectional_sequence_lstm(
// CHECK: tfl.bidirectional_sequence_lstm %x, %n, %w, %w, %w, %n, %r, %r, %r, %n, %n, %n, %n, %b, %b, %b, %n, %n, %n, %w, %w, %w, %n, %r, %r, %r, %n, %n, %n, %n, %b, %b, %b, %n, %n, %h, %c, %g, %d, %n, %n, %n, %n, %n, %n, %n, %n, %n {merge_outputs = true} : (tensor<8x1x4xf32>, none, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, none, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, none, none, none, none, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, none, none, none, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, none, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, none, none, none, none, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, none, none, tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>, none, none, none, none, none, none, none, none, none) -> tensor<8x1x4xf32>
func.func @bidirectional_sequence_lstm(%x : tensor<8x1x4xf32>, %n : none, %w : tensor<2x4xf32>, %r : tensor<2x2xf32>, %b : tensor<2xf32>, %h : tensor<1x2xf32>, %c : tensor<1x2xf32>, %g : tensor<1x2xf32>, %d : tensor<1x2xf32>) {
  %y = tfl.bidirectional_sequence_lstm %x, %n, %w, %w, %w, %n, %r, %r, %r, %n, %n, %n, %n, %b, %b, %b, %n, %n, %n, %w, %w, %w, %n, %r, %r, %r, %n, %n, %n, %n, %b, %b, %b, %n, %n, %h, %c, %g, %d, %n, %n, %n, %n, %n, %n, %n, %n, %n {merge_outputs = true} : (tensor<8x1x4xf32>, none, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, none, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, none, none, none, none, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, none, none, none, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, none, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, none, none, none, none, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, none, none, tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>, none, none, none, none, none, none, none, none, none) -> tensor<8x1x4xf32>
  func.return
}
