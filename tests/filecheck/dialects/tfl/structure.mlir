// RUN: nn-opt %s | filecheck %s
// RUN: nn-opt %s --print-op-generic | nn-opt | filecheck %s

// CHECK-LABEL: @pseudo_const(
// CHECK: tfl.pseudo_const dense<[1, -2]> : tensor<2xi8> -> tensor<2x!quant.uniform<i8:f32, 0.5>>
func.func @pseudo_const() {
  %w = tfl.pseudo_const dense<[1, -2]> : tensor<2xi8> -> tensor<2x!quant.uniform<i8:f32, 0.5>>
  func.return
}

// CHECK-LABEL: @no_value(
// CHECK: tfl.no_value : none
func.func @no_value() {
  %none = tfl.no_value : none
  func.return
}

// CHECK-LABEL: @variable(
// CHECK: tfl.variable : tensor<1x16xf32>
func.func @variable() {
  %state = tfl.variable : tensor<1x16xf32>
  func.return
}

// CHECK-LABEL: @var_handle(
// CHECK: tfl.var_handle {container = "c", shared_name = "v"} : tensor<!tfl.resource>
func.func @var_handle() {
  %v = tfl.var_handle {container = "c", shared_name = "v"} : tensor<!tfl.resource>
  func.return
}

// CHECK-LABEL: @read_variable(
// CHECK: tfl.read_variable %v : (tensor<!tfl.resource>) -> tensor<1x4xf32>
func.func @read_variable(%v : tensor<!tfl.resource>) {
  %x = tfl.read_variable %v : (tensor<!tfl.resource>) -> tensor<1x4xf32>
  func.return
}

// CHECK-LABEL: @assign_variable(
// CHECK: tfl.assign_variable %v, %x : tensor<!tfl.resource>, tensor<1x4xf32>
func.func @assign_variable(%v : tensor<!tfl.resource>, %x : tensor<1x4xf32>) {
  tfl.assign_variable %v, %x : tensor<!tfl.resource>, tensor<1x4xf32>
  func.return
}

// CHECK-LABEL: @call_once(
// CHECK: tfl.call_once {init_subgraph = @init}
func.func @call_once() {
  tfl.call_once {init_subgraph = @init}
  func.return
}

// CHECK-LABEL: @call(
// CHECK: tfl.call %x {subgraph = @f} : (tensor<4xf32>) -> tensor<4xf32>
func.func @call(%x : tensor<4xf32>) {
  %y = tfl.call %x {subgraph = @f} : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @if(
// CHECK: tfl.if %c, %x {then_subgraph = @f, else_subgraph = @g} : (tensor<i1>, tensor<4xf32>) -> tensor<4xf32>
func.func @if(%c : tensor<i1>, %x : tensor<4xf32>) {
  %y = tfl.if %c, %x {then_subgraph = @f, else_subgraph = @g} : (tensor<i1>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @while(
// CHECK: tfl.while %x {cond_subgraph = @f, body_subgraph = @g} : (tensor<4xf32>) -> tensor<4xf32>
func.func @while(%x : tensor<4xf32>) {
  %y = tfl.while %x {cond_subgraph = @f, body_subgraph = @g} : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @custom(
// CHECK: tfl.custom %x {custom_code = "LceQuantize", custom_options = array<i8: 1, 2>} : (tensor<1x4xf32>) -> tensor<1x1xi32>
func.func @custom(%x : tensor<1x4xf32>) {
  %y = tfl.custom %x {custom_code = "LceQuantize", custom_options = array<i8: 1, 2>} : (tensor<1x4xf32>) -> tensor<1x1xi32>
  func.return
}
