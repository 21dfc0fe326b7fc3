// RUN: nn-opt %s | filecheck %s
// RUN: nn-opt %s --print-op-generic | nn-opt | filecheck %s

// CHECK-LABEL: @slice(
// CHECK: tfl.slice %x, %begin, %size : (tensor<4x4xf32>, tensor<2xi32>, tensor<2xi32>) -> tensor<2x3xf32>
func.func @slice(%x : tensor<4x4xf32>, %begin : tensor<2xi32>, %size : tensor<2xi32>) {
  %y = tfl.slice %x, %begin, %size : (tensor<4x4xf32>, tensor<2xi32>, tensor<2xi32>) -> tensor<2x3xf32>
  func.return
}

// CHECK-LABEL: @strided_slice(
// CHECK: tfl.strided_slice %x, %begin, %end, %strides {shrink_axis_mask = 1 : i32} : (tensor<4x4xf32>, tensor<2xi32>, tensor<2xi32>, tensor<2xi32>) -> tensor<3xf32>
func.func @strided_slice(%x : tensor<4x4xf32>, %begin : tensor<2xi32>, %end : tensor<2xi32>, %strides : tensor<2xi32>) {
  %y = tfl.strided_slice %x, %begin, %end, %strides {shrink_axis_mask = 1 : i32} : (tensor<4x4xf32>, tensor<2xi32>, tensor<2xi32>, tensor<2xi32>) -> tensor<3xf32>
  func.return
}

// CHECK-LABEL: @dynamic_update_slice(
// CHECK: tfl.dynamic_update_slice %x, %update, %start : (tensor<4x4xf32>, tensor<2x2xf32>, tensor<2xi32>) -> tensor<4x4xf32>
func.func @dynamic_update_slice(%x : tensor<4x4xf32>, %update : tensor<2x2xf32>, %start : tensor<2xi32>) {
  %y = tfl.dynamic_update_slice %x, %update, %start : (tensor<4x4xf32>, tensor<2x2xf32>, tensor<2xi32>) -> tensor<4x4xf32>
  func.return
}

// CHECK-LABEL: @gather(
// CHECK: tfl.gather %x, %indices : (tensor<8x4xf32>, tensor<3xi32>) -> tensor<3x4xf32>
func.func @gather(%x : tensor<8x4xf32>, %indices : tensor<3xi32>) {
  %y = tfl.gather %x, %indices : (tensor<8x4xf32>, tensor<3xi32>) -> tensor<3x4xf32>
  func.return
}

// CHECK-LABEL: @gather_nd(
// CHECK: tfl.gather_nd %x, %indices : (tensor<8x4xf32>, tensor<3x1xi32>) -> tensor<3x4xf32>
func.func @gather_nd(%x : tensor<8x4xf32>, %indices : tensor<3x1xi32>) {
  %y = tfl.gather_nd %x, %indices : (tensor<8x4xf32>, tensor<3x1xi32>) -> tensor<3x4xf32>
  func.return
}

// CHECK-LABEL: @scatter_nd(
// CHECK: tfl.scatter_nd %indices, %updates, %shape : (tensor<3x1xi32>, tensor<3x4xf32>, tensor<2xi32>) -> tensor<8x4xf32>
func.func @scatter_nd(%indices : tensor<3x1xi32>, %updates : tensor<3x4xf32>, %shape : tensor<2xi32>) {
  %y = tfl.scatter_nd %indices, %updates, %shape : (tensor<3x1xi32>, tensor<3x4xf32>, tensor<2xi32>) -> tensor<8x4xf32>
  func.return
}

// CHECK-LABEL: @embedding_lookup(
// CHECK: tfl.embedding_lookup %rows, %table : (tensor<3xi32>, tensor<8x4xf32>) -> tensor<3x4xf32>
func.func @embedding_lookup(%rows : tensor<3xi32>, %table : tensor<8x4xf32>) {
  %y = tfl.embedding_lookup %rows, %table : (tensor<3xi32>, tensor<8x4xf32>) -> tensor<3x4xf32>
  func.return
}

// CHECK-LABEL: @one_hot(
// CHECK: tfl.one_hot %indices, %depth, %on, %off {axis = -1 : i32} : (tensor<3xi32>, tensor<i32>, tensor<f32>, tensor<f32>) -> tensor<3x4xf32>
func.func @one_hot(%indices : tensor<3xi32>, %depth : tensor<i32>, %on : tensor<f32>, %off : tensor<f32>) {
  %y = tfl.one_hot %indices, %depth, %on, %off {axis = -1 : i32} : (tensor<3xi32>, tensor<i32>, tensor<f32>, tensor<f32>) -> tensor<3x4xf32>
  func.return
}

// CHECK-LABEL: @sparse_to_dense(
// CHECK: tfl.sparse_to_dense %indices, %shape, %values, %default : (tensor<3x2xi32>, tensor<2xi32>, tensor<3xf32>, tensor<f32>) -> tensor<4x4xf32>
func.func @sparse_to_dense(%indices : tensor<3x2xi32>, %shape : tensor<2xi32>, %values : tensor<3xf32>, %default : tensor<f32>) {
  %y = tfl.sparse_to_dense %indices, %shape, %values, %default : (tensor<3x2xi32>, tensor<2xi32>, tensor<3xf32>, tensor<f32>) -> tensor<4x4xf32>
  func.return
}

// CHECK-LABEL: @where(
// CHECK: tfl.where %condition : (tensor<4x4xi1>) -> tensor<?x2xi64>
func.func @where(%condition : tensor<4x4xi1>) {
  %y = tfl.where %condition : (tensor<4x4xi1>) -> tensor<?x2xi64>
  func.return
}

// CHECK-LABEL: @shape(
// CHECK: tfl.shape %x {out_type = "INT32"} : (tensor<4x3xf32>) -> tensor<2xi32>
func.func @shape(%x : tensor<4x3xf32>) {
  %y = tfl.shape %x {out_type = "INT32"} : (tensor<4x3xf32>) -> tensor<2xi32>
  func.return
}

// CHECK-LABEL: @rank(
// CHECK: tfl.rank %x : (tensor<4x3xf32>) -> tensor<i32>
func.func @rank(%x : tensor<4x3xf32>) {
  %y = tfl.rank %x : (tensor<4x3xf32>) -> tensor<i32>
  func.return
}

// CHECK-LABEL: @range(
// CHECK: tfl.range %start, %limit, %delta : (tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<4xi32>
func.func @range(%start : tensor<i32>, %limit : tensor<i32>, %delta : tensor<i32>) {
  %y = tfl.range %start, %limit, %delta : (tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<4xi32>
  func.return
}

// CHECK-LABEL: @fill(
// CHECK: tfl.fill %dims, %value : (tensor<2xi32>, tensor<f32>) -> tensor<4x3xf32>
func.func @fill(%dims : tensor<2xi32>, %value : tensor<f32>) {
  %y = tfl.fill %dims, %value : (tensor<2xi32>, tensor<f32>) -> tensor<4x3xf32>
  func.return
}

// CHECK-LABEL: @broadcast_args(
// CHECK: tfl.broadcast_args %a, %b : (tensor<2xi32>, tensor<3xi32>) -> tensor<3xi32>
func.func @broadcast_args(%a : tensor<2xi32>, %b : tensor<3xi32>) {
  %y = tfl.broadcast_args %a, %b : (tensor<2xi32>, tensor<3xi32>) -> tensor<3xi32>
  func.return
}

// CHECK-LABEL: @matrix_diag(
// CHECK: tfl.matrix_diag %x : (tensor<2x3xf32>) -> tensor<2x3x3xf32>
func.func @matrix_diag(%x : tensor<2x3xf32>) {
  %y = tfl.matrix_diag %x : (tensor<2x3xf32>) -> tensor<2x3x3xf32>
  func.return
}

// CHECK-LABEL: @matrix_set_diag(
// CHECK: tfl.matrix_set_diag %x, %d : (tensor<2x3x3xf32>, tensor<2x3xf32>) -> tensor<2x3x3xf32>
func.func @matrix_set_diag(%x : tensor<2x3x3xf32>, %d : tensor<2x3xf32>) {
  %y = tfl.matrix_set_diag %x, %d : (tensor<2x3x3xf32>, tensor<2x3xf32>) -> tensor<2x3x3xf32>
  func.return
}

// CHECK-LABEL: @non_max_suppression_v4(
// CHECK: tfl.non_max_suppression_v4 %boxes, %scores, %max, %iou, %score : (tensor<8x4xf32>, tensor<8xf32>, tensor<i32>, tensor<f32>, tensor<f32>) -> (tensor<3xi32>, tensor<i32>)
func.func @non_max_suppression_v4(%boxes : tensor<8x4xf32>, %scores : tensor<8xf32>, %max : tensor<i32>, %iou : tensor<f32>, %score : tensor<f32>) {
  %selected, %count = tfl.non_max_suppression_v4 %boxes, %scores, %max, %iou, %score : (tensor<8x4xf32>, tensor<8xf32>, tensor<i32>, tensor<f32>, tensor<f32>) -> (tensor<3xi32>, tensor<i32>)
  func.return
}

// CHECK-LABEL: @non_max_suppression_v5(
// CHECK: tfl.non_max_suppression_v5 %boxes, %scores, %max, %iou, %score, %sigma : (tensor<8x4xf32>, tensor<8xf32>, tensor<i32>, tensor<f32>, tensor<f32>, tensor<f32>) -> (tensor<3xi32>, tensor<3xf32>, tensor<i32>)
func.func @non_max_suppression_v5(%boxes : tensor<8x4xf32>, %scores : tensor<8xf32>, %max : tensor<i32>, %iou : tensor<f32>, %score : tensor<f32>, %sigma : tensor<f32>) {
  %selected, %kept, %count = tfl.non_max_suppression_v5 %boxes, %scores, %max, %iou, %score, %sigma : (tensor<8x4xf32>, tensor<8xf32>, tensor<i32>, tensor<f32>, tensor<f32>, tensor<f32>) -> (tensor<3xi32>, tensor<3xf32>, tensor<i32>)
  func.return
}

// CHECK-LABEL: @random_uniform(
// CHECK: tfl.random_uniform %shape {seed = 1 : i64} : (tensor<2xi32>) -> tensor<4x3xf32>
func.func @random_uniform(%shape : tensor<2xi32>) {
  %y = tfl.random_uniform %shape {seed = 1 : i64} : (tensor<2xi32>) -> tensor<4x3xf32>
  func.return
}

// CHECK-LABEL: @random_standard_normal(
// CHECK: tfl.random_standard_normal %shape {seed = 1 : i64} : (tensor<2xi32>) -> tensor<4x3xf32>
func.func @random_standard_normal(%shape : tensor<2xi32>) {
  %y = tfl.random_standard_normal %shape {seed = 1 : i64} : (tensor<2xi32>) -> tensor<4x3xf32>
  func.return
}

// CHECK-LABEL: @multinomial(
// CHECK: tfl.multinomial %logits, %n : (tensor<2x3xf32>, tensor<i32>) -> tensor<2x5xi64>
func.func @multinomial(%logits : tensor<2x3xf32>, %n : tensor<i32>) {
  %y = tfl.multinomial %logits, %n : (tensor<2x3xf32>, tensor<i32>) -> tensor<2x5xi64>
  func.return
}
