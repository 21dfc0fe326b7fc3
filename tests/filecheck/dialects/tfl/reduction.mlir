// RUN: nn-opt %s | filecheck %s
// RUN: nn-opt %s --print-op-generic | nn-opt | filecheck %s

// CHECK-LABEL: @mean(
// CHECK: tfl.mean %x, %axis {keep_dims = true} : (tensor<1x8x4xf32>, tensor<1xi32>) -> tensor<1x1x4xf32>
func.func @mean(%x : tensor<1x8x4xf32>, %axis : tensor<1xi32>) {
  %y = tfl.mean %x, %axis {keep_dims = true} : (tensor<1x8x4xf32>, tensor<1xi32>) -> tensor<1x1x4xf32>
  func.return
}

// CHECK-LABEL: @sum(
// CHECK: tfl.sum %x, %axis {keep_dims = true} : (tensor<1x8x4xf32>, tensor<1xi32>) -> tensor<1x1x4xf32>
func.func @sum(%x : tensor<1x8x4xf32>, %axis : tensor<1xi32>) {
  %y = tfl.sum %x, %axis {keep_dims = true} : (tensor<1x8x4xf32>, tensor<1xi32>) -> tensor<1x1x4xf32>
  func.return
}

// CHECK-LABEL: @reduce_prod(
// CHECK: tfl.reduce_prod %x, %axis {keep_dims = true} : (tensor<1x8x4xf32>, tensor<1xi32>) -> tensor<1x1x4xf32>
func.func @reduce_prod(%x : tensor<1x8x4xf32>, %axis : tensor<1xi32>) {
  %y = tfl.reduce_prod %x, %axis {keep_dims = true} : (tensor<1x8x4xf32>, tensor<1xi32>) -> tensor<1x1x4xf32>
  func.return
}

// CHECK-LABEL: @reduce_max(
// CHECK: tfl.reduce_max %x, %axis {keep_dims = true} : (tensor<1x8x4xf32>, tensor<1xi32>) -> tensor<1x1x4xf32>
func.func @reduce_max(%x : tensor<1x8x4xf32>, %axis : tensor<1xi32>) {
  %y = tfl.reduce_max %x, %axis {keep_dims = true} : (tensor<1x8x4xf32>, tensor<1xi32>) -> tensor<1x1x4xf32>
  func.return
}

// CHECK-LABEL: @reduce_min(
// CHECK: tfl.reduce_min %x, %axis {keep_dims = true} : (tensor<1x8x4xf32>, tensor<1xi32>) -> tensor<1x1x4xf32>
func.func @reduce_min(%x : tensor<1x8x4xf32>, %axis : tensor<1xi32>) {
  %y = tfl.reduce_min %x, %axis {keep_dims = true} : (tensor<1x8x4xf32>, tensor<1xi32>) -> tensor<1x1x4xf32>
  func.return
}

// CHECK-LABEL: @reduce_any(
// CHECK: tfl.reduce_any %x, %axis {keep_dims = true} : (tensor<1x8x4xi1>, tensor<1xi32>) -> tensor<1x1x4xi1>
func.func @reduce_any(%x : tensor<1x8x4xi1>, %axis : tensor<1xi32>) {
  %y = tfl.reduce_any %x, %axis {keep_dims = true} : (tensor<1x8x4xi1>, tensor<1xi32>) -> tensor<1x1x4xi1>
  func.return
}

// CHECK-LABEL: @reduce_all(
// CHECK: tfl.reduce_all %x, %axis {keep_dims = true} : (tensor<1x8x4xi1>, tensor<1xi32>) -> tensor<1x1x4xi1>
func.func @reduce_all(%x : tensor<1x8x4xi1>, %axis : tensor<1xi32>) {
  %y = tfl.reduce_all %x, %axis {keep_dims = true} : (tensor<1x8x4xi1>, tensor<1xi32>) -> tensor<1x1x4xi1>
  func.return
}

// CHECK-LABEL: @arg_max(
// CHECK: tfl.arg_max %x, %axis {output_type = "INT32"} : (tensor<1x4xf32>, tensor<i32>) -> tensor<1xi32>
func.func @arg_max(%x : tensor<1x4xf32>, %axis : tensor<i32>) {
  %y = tfl.arg_max %x, %axis {output_type = "INT32"} : (tensor<1x4xf32>, tensor<i32>) -> tensor<1xi32>
  func.return
}

// CHECK-LABEL: @arg_min(
// CHECK: tfl.arg_min %x, %axis {output_type = "INT32"} : (tensor<1x4xf32>, tensor<i32>) -> tensor<1xi32>
func.func @arg_min(%x : tensor<1x4xf32>, %axis : tensor<i32>) {
  %y = tfl.arg_min %x, %axis {output_type = "INT32"} : (tensor<1x4xf32>, tensor<i32>) -> tensor<1xi32>
  func.return
}

// CHECK-LABEL: @cumsum(
// CHECK: tfl.cumsum %x, %axis {exclusive = true} : (tensor<4xf32>, tensor<i32>) -> tensor<4xf32>
func.func @cumsum(%x : tensor<4xf32>, %axis : tensor<i32>) {
  %y = tfl.cumsum %x, %axis {exclusive = true} : (tensor<4xf32>, tensor<i32>) -> tensor<4xf32>
  func.return
}

// CHECK-LABEL: @bucketize(
// CHECK: tfl.bucketize %x {boundaries = array<f32: 0.000000e+00, 1.000000e+00>} : (tensor<4xf32>) -> tensor<4xi32>
func.func @bucketize(%x : tensor<4xf32>) {
  %y = tfl.bucketize %x {boundaries = array<f32: 0.000000e+00, 1.000000e+00>} : (tensor<4xf32>) -> tensor<4xi32>
  func.return
}

// CHECK-LABEL: @topk_v2(
// CHECK: tfl.topk_v2 %x, %k : (tensor<8xf32>, tensor<i32>) -> (tensor<3xf32>, tensor<3xi32>)
func.func @topk_v2(%x : tensor<8xf32>, %k : tensor<i32>) {
  %values, %indices = tfl.topk_v2 %x, %k : (tensor<8xf32>, tensor<i32>) -> (tensor<3xf32>, tensor<3xi32>)
  func.return
}

// CHECK-LABEL: @unique(
// CHECK: tfl.unique %x : (tensor<8xi32>) -> (tensor<?xi32>, tensor<8xi32>)
func.func @unique(%x : tensor<8xi32>) {
  %y, %places = tfl.unique %x : (tensor<8xi32>) -> (tensor<?xi32>, tensor<8xi32>)
  func.return
}

// CHECK-LABEL: @reduce_window(
// CHECK: tfl.reduce_window %x, %init, %shape, %strides, %dilations {reduce_function = "ADD"} : (tensor<4x4xf32>, tensor<f32>, tensor<2xi64>, tensor<2xi64>, tensor<2xi64>) -> tensor<3x3xf32>
func.func @reduce_window(%x : tensor<4x4xf32>, %init : tensor<f32>, %shape : tensor<2xi64>, %strides : tensor<2xi64>, %dilations : tensor<2xi64>) {
  %y = tfl.reduce_window %x, %init, %shape, %strides, %dilations {reduce_function = "ADD"} : (tensor<4x4xf32>, tensor<f32>, tensor<2xi64>, tensor<2xi64>, tensor<2xi64>) -> tensor<3x3xf32>
  func.return
}

// CHECK-LABEL: @segment_sum(
// CHECK: tfl.segment_sum %x, %ids : (tensor<4x2xf32>, tensor<4xi32>) -> tensor<3x2xf32>
func.func @segment_sum(%x : tensor<4x2xf32>, %ids : tensor<4xi32>) {
  %y = tfl.segment_sum %x, %ids : (tensor<4x2xf32>, tensor<4xi32>) -> tensor<3x2xf32>
  func.return
}

// CHECK-LABEL: @unsorted_segment_prod(
// CHECK: tfl.unsorted_segment_prod %x, %ids, %n : (tensor<4x2xf32>, tensor<4xi32>, tensor<i32>) -> tensor<3x2xf32>
func.func @unsorted_segment_prod(%x : tensor<4x2xf32>, %ids : tensor<4xi32>, %n : tensor<i32>) {
  %y = tfl.unsorted_segment_prod %x, %ids, %n : (tensor<4x2xf32>, tensor<4xi32>, tensor<i32>) -> tensor<3x2xf32>
  func.return
}

// CHECK-LABEL: @unsorted_segment_max(
// CHECK: tfl.unsorted_segment_max %x, %ids, %n : (tensor<4x2xf32>, tensor<4xi32>, tensor<i32>) -> tensor<3x2xf32>
func.func @unsorted_segment_max(%x : tensor<4x2xf32>, %ids : tensor<4xi32>, %n : tensor<i32>) {
  %y = tfl.unsorted_segment_max %x, %ids, %n : (tensor<4x2xf32>, tensor<4xi32>, tensor<i32>) -> tensor<3x2xf32>
  func.return
}

// CHECK-LABEL: @unsorted_segment_min(
// CHECK: tfl.unsorted_segment_min %x, %ids, %n : (tensor<4x2xf32>, tensor<4xi32>, tensor<i32>) -> tensor<3x2xf32>
func.func @unsorted_segment_min(%x : tensor<4x2xf32>, %ids : tensor<4xi32>, %n : tensor<i32>) {
  %y = tfl.unsorted_segment_min %x, %ids, %n : (tensor<4x2xf32>, tensor<4xi32>, tensor<i32>) -> tensor<3x2xf32>
  func.return
}

// CHECK-LABEL: @unsorted_segment_sum(
// CHECK: tfl.unsorted_segment_sum %x, %ids, %n : (tensor<4x2xf32>, tensor<4xi32>, tensor<i32>) -> tensor<3x2xf32>
func.func @unsorted_segment_sum(%x : tensor<4x2xf32>, %ids : tensor<4xi32>, %n : tensor<i32>) {
  %y = tfl.unsorted_segment_sum %x, %ids, %n : (tensor<4x2xf32>, tensor<4xi32>, tensor<i32>) -> tensor<3x2xf32>
  func.return
}
