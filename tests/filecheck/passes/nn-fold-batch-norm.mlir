// RUN: nn-opt %s -p nn-fold-batch-norm --split-input-file | filecheck %s
// RUN: nn-opt %s -p nn-fold-batch-norm,nn-fold-batch-norm --split-input-file | filecheck %s

// A factor and a summand for each channel of a convolution: 2 * (0.5 x + 1) + 3 = x + 5.

func.func @convolution(%x: tensor<1x2x2x1xf32>) -> tensor<1x2x2x2xf32> {
  %w = nn.constant dense<0.5> : tensor<2x1x1x1xf32> -> tensor<2x1x1x1xf32>
  %b = nn.constant dense<1.0> : tensor<2xf32> -> tensor<2xf32>
  %m = nn.constant dense<[2.0, 4.0]> : tensor<2xf32> -> tensor<2xf32>
  %a = nn.constant dense<3.0> : tensor<1x1x1x2xf32> -> tensor<1x1x1x2xf32>
  %0 = nn.conv2d %x, %w, %b {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
    padding = array<i64: 0, 0, 0, 0>, groups = 1 : i64}
    : (tensor<1x2x2x1xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32>
  %1 = nn.mul %0, %m : (tensor<1x2x2x2xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32>
  %2 = nn.add %a, %1 : (tensor<1x1x1x2xf32>, tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  func.return %2 : tensor<1x2x2x2xf32>
}
// CHECK-LABEL: func.func @convolution
// CHECK-DAG: %[[W:.*]] = nn.constant dense<{{\[\[\[\[}}1.000000e+00]]], {{\[\[\[}}2.000000e+00]]]]>
// CHECK-DAG: %[[B:.*]] = nn.constant dense<[5.000000e+00, 7.000000e+00]>
// CHECK: %[[Y:.*]] = nn.conv2d %x, %[[W]], %[[B]]
// CHECK-NEXT: func.return %[[Y]]

// -----

// Without a bias there is none to multiply; a reshape that keeps the channels stays behind.

func.func @depthwise(%x: tensor<1x1x3x2xf32>) -> tensor<1x3x2xf32> {
  %w = nn.constant dense<0.5> : tensor<1x1x1x2xf32> -> tensor<1x1x1x2xf32>
  %m = nn.constant dense<[2.0, 4.0]> : tensor<2xf32> -> tensor<2xf32>
  %0 = nn.depthwise_conv2d %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
    padding = array<i64: 0, 0, 0, 0>} : (tensor<1x1x3x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x1x3x2xf32>
  %1 = nn.reshape %0 : (tensor<1x1x3x2xf32>) -> tensor<1x3x2xf32>
  %2 = nn.mul %1, %m : (tensor<1x3x2xf32>, tensor<2xf32>) -> tensor<1x3x2xf32>
  func.return %2 : tensor<1x3x2xf32>
}
// CHECK-LABEL: func.func @depthwise
// CHECK: %[[W:.*]] = nn.constant dense<{{\[\[\[\[}}1.000000e+00, 2.000000e+00]]]]>
// CHECK: %[[Y:.*]] = nn.depthwise_conv2d %x, %[[W]] {
// CHECK-NEXT: nn.reshape %[[Y]]
// CHECK-NEXT: func.return

// -----

// Not behind a clamp, not what something else reads as well, not along another axis.

func.func @others(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) {
  %w = nn.constant dense<0.5> : tensor<2x2xf32> -> tensor<2x2xf32>
  %m = nn.constant dense<[2.0, 4.0]> : tensor<2xf32> -> tensor<2xf32>
  %r = nn.constant dense<[[2.0], [4.0]]> : tensor<2x1xf32> -> tensor<2x1xf32>
  %0 = nn.dense %x, %w {min = 0.0 : f32} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = nn.mul %0, %m : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %2 = nn.dense %x, %w : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = nn.mul %2, %m : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %4 = nn.dense %x, %w : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %5 = nn.mul %4, %r : (tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
  func.return %1, %2, %3, %5 : tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>
}
// CHECK-LABEL: func.func @others
// CHECK-COUNT-3: nn.mul
