// RUN: nn-opt %s -p nn-eliminate-channels --split-input-file | filecheck %s

// The clamp leaves nothing of channel 1 but 10, which is 13 above the zero point: the bias of the
// next layer grows by 13 * 3 for one output and by 13 * -1 for the other.

!a = !quant.uniform<i8:f32, 0.5:-3>
!w = !quant.uniform<i8:f32, 0.25>
func.func @main(%x: tensor<1x2x2x1x!a>) -> tensor<1x2x2x2x!a> {
  %w = nn.constant dense<[[[[4]]], [[[1]]]]> : tensor<2x1x1x1xi8> -> tensor<2x1x1x1x!w>
  %b = nn.constant dense<[0, 4000]> : tensor<2xi32> -> tensor<2xi32>
  %y = nn.conv2d %x, %w, %b {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
    padding = array<i64: 0, 0, 0, 0>, groups = 1 : i64, rounding = #nn<rounding double>, max = 10 : i64}
    : (tensor<1x2x2x1x!a>, tensor<2x1x1x1x!w>, tensor<2xi32>) -> tensor<1x2x2x2x!a>
  %v = nn.constant dense<[[[[2, 3]]], [[[5, -1]]]]> : tensor<2x1x1x2xi8> -> tensor<2x1x1x2x!w>
  %c = nn.constant dense<[100, 200]> : tensor<2xi32> -> tensor<2xi32>
  %z = nn.conv2d %y, %v, %c {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
    padding = array<i64: 0, 0, 0, 0>, groups = 1 : i64, rounding = #nn<rounding double>}
    : (tensor<1x2x2x2x!a>, tensor<2x1x1x2x!w>, tensor<2xi32>) -> tensor<1x2x2x2x!a>
  func.return %z : tensor<1x2x2x2x!a>
}

// CHECK-LABEL: func.func @main
// CHECK: nn.constant dense<4> : tensor<1x1x1x1xi8>
// CHECK: nn.constant dense<0> : tensor<1xi32>
// CHECK: nn.conv2d {{.*}}nn.channels = array<i64: 0>{{.*}} -> tensor<1x2x2x1x!quant.uniform<i8:f32, 0.5:-3>>
// CHECK: nn.constant dense<{{\[\[\[\[}}2]]], {{\[\[\[}}5]]]]> : tensor<2x1x1x1xi8>
// CHECK: nn.constant dense<[139, 187]> : tensor<2xi32>
// CHECK: nn.conv2d
// CHECK-NOT: nn.channels
// CHECK: func.return
