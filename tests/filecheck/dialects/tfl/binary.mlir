// RUN: nn-opt %s | filecheck %s
// RUN: nn-opt %s --print-op-generic | nn-opt | filecheck %s

// CHECK-LABEL: @add(
// CHECK: tfl.add %x, %y {fused_activation_function = "RELU"} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
func.func @add(%x : tensor<4xf32>, %y : tensor<4xf32>) {
  %z = tfl.add %x, %y {fused_activation_function = "RELU"} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @sub(
// CHECK: tfl.sub %x, %y : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
func.func @sub(%x : tensor<4xf32>, %y : tensor<1xf32>) {
  %z = tfl.sub %x, %y : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @mul(
// CHECK: tfl.mul %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
func.func @mul(%x : tensor<4xf32>, %y : tensor<4xf32>) {
  %z = tfl.mul %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @div(
// CHECK: tfl.div %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
func.func @div(%x : tensor<4xf32>, %y : tensor<4xf32>) {
  %z = tfl.div %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @atan2(
// CHECK: tfl.atan2 %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
func.func @atan2(%x : tensor<4xf32>, %y : tensor<4xf32>) {
  %z = tfl.atan2 %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @floor_div(
// CHECK: tfl.floor_div %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
func.func @floor_div(%x : tensor<4xf32>, %y : tensor<4xf32>) {
  %z = tfl.floor_div %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @floor_mod(
// CHECK: tfl.floor_mod %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
func.func @floor_mod(%x : tensor<4xf32>, %y : tensor<4xf32>) {
  %z = tfl.floor_mod %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @maximum(
// CHECK: tfl.maximum %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
func.func @maximum(%x : tensor<4xf32>, %y : tensor<4xf32>) {
  %z = tfl.maximum %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @minimum(
// CHECK: tfl.minimum %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
func.func @minimum(%x : tensor<4xf32>, %y : tensor<4xf32>) {
  %z = tfl.minimum %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @pow(
// CHECK: tfl.pow %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
func.func @pow(%x : tensor<4xf32>, %y : tensor<4xf32>) {
  %z = tfl.pow %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @squared_difference(
// CHECK: tfl.squared_difference %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
func.func @squared_difference(%x : tensor<4xf32>, %y : tensor<4xf32>) {
  %z = tfl.squared_difference %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @bitwise_xor(
// CHECK: tfl.bitwise_xor %x, %y : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
func.func @bitwise_xor(%x : tensor<4xi32>, %y : tensor<4xi32>) {
  %z = tfl.bitwise_xor %x, %y : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  func.return
}

// CHECK-LABEL: @right_shift(
// CHECK: tfl.right_shift %x, %y : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
func.func @right_shift(%x : tensor<4xi32>, %y : tensor<4xi32>) {
  %z = tfl.right_shift %x, %y : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  func.return
}

// CHECK-LABEL: @logical_and(
// CHECK: tfl.logical_and %x, %y : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
func.func @logical_and(%x : tensor<4xi1>, %y : tensor<4xi1>) {
  %z = tfl.logical_and %x, %y : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  func.return
}

// CHECK-LABEL: @logical_or(
// CHECK: tfl.logical_or %x, %y : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
func.func @logical_or(%x : tensor<4xi1>, %y : tensor<4xi1>) {
  %z = tfl.logical_or %x, %y : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  func.return
}

// CHECK-LABEL: @equal(
// CHECK: tfl.equal %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
func.func @equal(%x : tensor<4xf32>, %y : tensor<4xf32>) {
  %z = tfl.equal %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  func.return
}

// CHECK-LABEL: @not_equal(
// CHECK: tfl.not_equal %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
func.func @not_equal(%x : tensor<4xf32>, %y : tensor<4xf32>) {
  %z = tfl.not_equal %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  func.return
}

// CHECK-LABEL: @greater(
// CHECK: tfl.greater %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
func.func @greater(%x : tensor<4xf32>, %y : tensor<4xf32>) {
  %z = tfl.greater %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  func.return
}

// CHECK-LABEL: @greater_equal(
// CHECK: tfl.greater_equal %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
func.func @greater_equal(%x : tensor<4xf32>, %y : tensor<4xf32>) {
  %z = tfl.greater_equal %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  func.return
}

// CHECK-LABEL: @less(
// CHECK: tfl.less %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
func.func @less(%x : tensor<4xf32>, %y : tensor<4xf32>) {
  %z = tfl.less %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  func.return
}

// CHECK-LABEL: @less_equal(
// CHECK: tfl.less_equal %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
func.func @less_equal(%x : tensor<4xf32>, %y : tensor<4xf32>) {
  %z = tfl.less_equal %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  func.return
}

// CHECK-LABEL: @prelu(
// CHECK: tfl.prelu %x, %alpha : (tensor<1x2x2x3xf32>, tensor<1x1x3xf32>) -> tensor<1x2x2x3xf32>
func.func @prelu(%x : tensor<1x2x2x3xf32>, %alpha : tensor<1x1x3xf32>) {
  %z = tfl.prelu %x, %alpha : (tensor<1x2x2x3xf32>, tensor<1x1x3xf32>) -> tensor<1x2x2x3xf32>
  func.return
}

// CHECK-LABEL: @add_n(
// CHECK: tfl.add_n %a, %b, %c : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
func.func @add_n(%a : tensor<4xf32>, %b : tensor<4xf32>, %c : tensor<4xf32>) {
  %z = tfl.add_n %a, %b, %c : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @select(
// CHECK: tfl.select %c, %x, %y : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
func.func @select(%c : tensor<4xi1>, %x : tensor<4xf32>, %y : tensor<4xf32>) {
  %z = tfl.select %c, %x, %y : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @select_v2(
// CHECK: tfl.select_v2 %c, %x, %y : (tensor<4xi1>, tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
func.func @select_v2(%c : tensor<4xi1>, %x : tensor<f32>, %y : tensor<4xf32>) {
  %z = tfl.select_v2 %c, %x, %y : (tensor<4xi1>, tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}
