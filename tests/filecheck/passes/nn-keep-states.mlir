// RUN: nn-opt %s -p 'nn-keep-states{inputs=h outputs=hn}' | filecheck %s
// RUN: nn-opt %s -p 'nn-keep-states{inputs=h,x outputs=hn,y}' --verify-diagnostics | filecheck %s --check-prefix=TYPES
// RUN: nn-opt %s -p 'nn-keep-states{inputs=hh outputs=hn}' --verify-diagnostics | filecheck %s --check-prefix=NAME
// RUN: nn-opt %s -p 'nn-keep-states{inputs=h,h outputs=hn,hn}' --verify-diagnostics | filecheck %s --check-prefix=TWICE

// An input and an output become a state, behind all others.

func.func @main(%h: tensor<2xf32> {nn.name = "h"}, %x: tensor<2xf32> {nn.name = "x"})
    -> (tensor<2xf32> {nn.name = "hn"}, tensor<4xf32> {nn.name = "y"}) {
  %s = nn.add %x, %h : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %y = nn.concat %s, %x {axis = 0 : i64} : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  func.return %s, %y : tensor<2xf32>, tensor<4xf32>
}

// CHECK: func.func @main(%x: tensor<2xf32> {nn.name = "x"}, %h: tensor<2xf32> {nn.name = "h", nn.state})
// CHECK-SAME: -> (tensor<4xf32> {nn.name = "y"}, tensor<2xf32> {nn.name = "h", nn.state}) {
// CHECK: func.return %y, %s : tensor<4xf32>, tensor<2xf32>

// TYPES: expected the input 'x' and the output 'y' to have one type and order of axes, got tensor<2xf32> and tensor<4xf32>
// NAME: no input is called 'hh'; did you mean 'h'?
// TWICE: expected each input and output once
