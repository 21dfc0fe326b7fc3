// RUN: nn-opt %s | filecheck %s
// RUN: nn-opt %s --print-op-generic | nn-opt | filecheck %s

// CHECK-LABEL: @conv_2d(
// CHECK: tfl.conv_2d %x, %w, %b {padding = "SAME", stride_w = 1 : i32, stride_h = 1 : i32} : (tensor<1x8x8x3xf32>, tensor<4x3x3x3xf32>, tensor<4xf32>) -> tensor<1x8x8x4xf32>
func.func @conv_2d(%x : tensor<1x8x8x3xf32>, %w : tensor<4x3x3x3xf32>, %b : tensor<4xf32>) {
  %y = tfl.conv_2d %x, %w, %b {padding = "SAME", stride_w = 1 : i32, stride_h = 1 : i32} : (tensor<1x8x8x3xf32>, tensor<4x3x3x3xf32>, tensor<4xf32>) -> tensor<1x8x8x4xf32>
  func.return
}

// CHECK-LABEL: @depthwise_conv_2d(
// CHECK: tfl.depthwise_conv_2d %x, %w, %b {padding = "SAME", stride_w = 1 : i32, stride_h = 1 : i32, depth_multiplier = 1 : i32} : (tensor<1x8x8x4xf32>, tensor<1x3x3x4xf32>, tensor<4xf32>) -> tensor<1x8x8x4xf32>
func.func @depthwise_conv_2d(%x : tensor<1x8x8x4xf32>, %w : tensor<1x3x3x4xf32>, %b : tensor<4xf32>) {
  %y = tfl.depthwise_conv_2d %x, %w, %b {padding = "SAME", stride_w = 1 : i32, stride_h = 1 : i32, depth_multiplier = 1 : i32} : (tensor<1x8x8x4xf32>, tensor<1x3x3x4xf32>, tensor<4xf32>) -> tensor<1x8x8x4xf32>
  func.return
}

// CHECK-LABEL: @transpose_conv(
// CHECK: tfl.transpose_conv %shape, %w, %x, %none {padding = "SAME", stride_w = 2 : i32, stride_h = 2 : i32} : (tensor<4xi32>, tensor<4x3x3x3xf32>, tensor<1x8x8x3xf32>, none) -> tensor<1x16x16x4xf32>
func.func @transpose_conv(%shape : tensor<4xi32>, %w : tensor<4x3x3x3xf32>, %x : tensor<1x8x8x3xf32>, %none : none) {
  %y = tfl.transpose_conv %shape, %w, %x, %none {padding = "SAME", stride_w = 2 : i32, stride_h = 2 : i32} : (tensor<4xi32>, tensor<4x3x3x3xf32>, tensor<1x8x8x3xf32>, none) -> tensor<1x16x16x4xf32>
  func.return
}

// CHECK-LABEL: @conv_3d(
// CHECK: tfl.conv_3d %x, %w, %b {padding = "VALID", stride_d = 1 : i32, stride_w = 1 : i32, stride_h = 1 : i32} : (tensor<1x4x4x4x2xf32>, tensor<2x2x2x2x3xf32>, tensor<3xf32>) -> tensor<1x3x3x3x3xf32>
func.func @conv_3d(%x : tensor<1x4x4x4x2xf32>, %w : tensor<2x2x2x2x3xf32>, %b : tensor<3xf32>) {
  %y = tfl.conv_3d %x, %w, %b {padding = "VALID", stride_d = 1 : i32, stride_w = 1 : i32, stride_h = 1 : i32} : (tensor<1x4x4x4x2xf32>, tensor<2x2x2x2x3xf32>, tensor<3xf32>) -> tensor<1x3x3x3x3xf32>
  func.return
}

// CHECK-LABEL: @conv_3d_transpose(
// CHECK: tfl.conv_3d_transpose %shape, %w, %x, %none {padding = "VALID", stride_d = 1 : i32, stride_w = 1 : i32, stride_h = 1 : i32} : (tensor<5xi32>, tensor<2x2x2x3x2xf32>, tensor<1x3x3x3x2xf32>, none) -> tensor<1x4x4x4x3xf32>
func.func @conv_3d_transpose(%shape : tensor<5xi32>, %w : tensor<2x2x2x3x2xf32>, %x : tensor<1x3x3x3x2xf32>, %none : none) {
  %y = tfl.conv_3d_transpose %shape, %w, %x, %none {padding = "VALID", stride_d = 1 : i32, stride_w = 1 : i32, stride_h = 1 : i32} : (tensor<5xi32>, tensor<2x2x2x3x2xf32>, tensor<1x3x3x3x2xf32>, none) -> tensor<1x4x4x4x3xf32>
  func.return
}

// CHECK-LABEL: @fully_connected(
// CHECK: tfl.fully_connected %x, %w, %b : (tensor<1x64xf32>, tensor<10x64xf32>, tensor<10xf32>) -> tensor<1x10xf32>
func.func @fully_connected(%x : tensor<1x64xf32>, %w : tensor<10x64xf32>, %b : tensor<10xf32>) {
  %y = tfl.fully_connected %x, %w, %b : (tensor<1x64xf32>, tensor<10x64xf32>, tensor<10xf32>) -> tensor<1x10xf32>
  func.return
}

// CHECK-LABEL: @batch_matmul(
// CHECK: tfl.batch_matmul %x, %y {adj_y = true} : (tensor<2x3x4xf32>, tensor<2x5x4xf32>) -> tensor<2x3x5xf32>
func.func @batch_matmul(%x : tensor<2x3x4xf32>, %y : tensor<2x5x4xf32>) {
  %z = tfl.batch_matmul %x, %y {adj_y = true} : (tensor<2x3x4xf32>, tensor<2x5x4xf32>) -> tensor<2x3x5xf32>
  func.return
}

// CHECK-LABEL: @average_pool_2d(
// CHECK: tfl.average_pool_2d %x {padding = "VALID", stride_w = 2 : i32, stride_h = 2 : i32, filter_width = 2 : i32, filter_height = 2 : i32} : (tensor<1x8x8x4xf32>) -> tensor<1x4x4x4xf32>
func.func @average_pool_2d(%x : tensor<1x8x8x4xf32>) {
  %y = tfl.average_pool_2d %x {padding = "VALID", stride_w = 2 : i32, stride_h = 2 : i32, filter_width = 2 : i32, filter_height = 2 : i32} : (tensor<1x8x8x4xf32>) -> tensor<1x4x4x4xf32>
  func.return
}

// CHECK-LABEL: @max_pool_2d(
// CHECK: tfl.max_pool_2d %x {padding = "VALID", stride_w = 2 : i32, stride_h = 2 : i32, filter_width = 2 : i32, filter_height = 2 : i32} : (tensor<1x8x8x4xf32>) -> tensor<1x4x4x4xf32>
func.func @max_pool_2d(%x : tensor<1x8x8x4xf32>) {
  %y = tfl.max_pool_2d %x {padding = "VALID", stride_w = 2 : i32, stride_h = 2 : i32, filter_width = 2 : i32, filter_height = 2 : i32} : (tensor<1x8x8x4xf32>) -> tensor<1x4x4x4xf32>
  func.return
}

// CHECK-LABEL: @l2_pool_2d(
// CHECK: tfl.l2_pool_2d %x {padding = "VALID", stride_w = 2 : i32, stride_h = 2 : i32, filter_width = 2 : i32, filter_height = 2 : i32} : (tensor<1x8x8x4xf32>) -> tensor<1x4x4x4xf32>
func.func @l2_pool_2d(%x : tensor<1x8x8x4xf32>) {
  %y = tfl.l2_pool_2d %x {padding = "VALID", stride_w = 2 : i32, stride_h = 2 : i32, filter_width = 2 : i32, filter_height = 2 : i32} : (tensor<1x8x8x4xf32>) -> tensor<1x4x4x4xf32>
  func.return
}
