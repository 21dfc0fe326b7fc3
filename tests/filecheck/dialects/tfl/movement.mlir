// RUN: nn-opt %s | filecheck %s
// RUN: nn-opt %s --print-op-generic | nn-opt | filecheck %s

// CHECK-LABEL: @reshape(
// CHECK: tfl.reshape %x, %none {new_shape = array<i32: 1, -1>} : (tensor<1x2x2x3xf32>, none) -> tensor<1x12xf32>
func.func @reshape(%x : tensor<1x2x2x3xf32>, %none : none) {
  %y = tfl.reshape %x, %none {new_shape = array<i32: 1, -1>} : (tensor<1x2x2x3xf32>, none) -> tensor<1x12xf32>
  func.return
}

// CHECK-LABEL: @squeeze(
// CHECK: tfl.squeeze %x {squeeze_dims = array<i32: 1, 2>} : (tensor<1x1x1x3xf32>) -> tensor<1x3xf32>
func.func @squeeze(%x : tensor<1x1x1x3xf32>) {
  %y = tfl.squeeze %x {squeeze_dims = array<i32: 1, 2>} : (tensor<1x1x1x3xf32>) -> tensor<1x3xf32>
  func.return
}

// CHECK-LABEL: @expand_dims(
// CHECK: tfl.expand_dims %x, %axis : (tensor<4x3xf32>, tensor<i32>) -> tensor<4x1x3xf32>
func.func @expand_dims(%x : tensor<4x3xf32>, %axis : tensor<i32>) {
  %y = tfl.expand_dims %x, %axis : (tensor<4x3xf32>, tensor<i32>) -> tensor<4x1x3xf32>
  func.return
}

// CHECK-LABEL: @transpose(
// CHECK: tfl.transpose %x, %perm : (tensor<1x8x4xf32>, tensor<3xi32>) -> tensor<1x4x8xf32>
func.func @transpose(%x : tensor<1x8x4xf32>, %perm : tensor<3xi32>) {
  %y = tfl.transpose %x, %perm : (tensor<1x8x4xf32>, tensor<3xi32>) -> tensor<1x4x8xf32>
  func.return
}

// CHECK-LABEL: @concatenation(
// CHECK: tfl.concatenation %a, %b {axis = -1 : i32} : (tensor<1x4xf32>, tensor<1x2xf32>) -> tensor<1x6xf32>
func.func @concatenation(%a : tensor<1x4xf32>, %b : tensor<1x2xf32>) {
  %y = tfl.concatenation %a, %b {axis = -1 : i32} : (tensor<1x4xf32>, tensor<1x2xf32>) -> tensor<1x6xf32>
  func.return
}

// CHECK-LABEL: @pack(
// CHECK: tfl.pack %a, %b {values_count = 2 : i32, axis = 0 : i32} : (tensor<4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
func.func @pack(%a : tensor<4xf32>, %b : tensor<4xf32>) {
  %y = tfl.pack %a, %b {values_count = 2 : i32, axis = 0 : i32} : (tensor<4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  func.return
}

// CHECK-LABEL: @unpack(
// CHECK: tfl.unpack %x {num = 2 : i32, axis = 0 : i32} : (tensor<2x4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
func.func @unpack(%x : tensor<2x4xf32>) {
  %a, %b = tfl.unpack %x {num = 2 : i32, axis = 0 : i32} : (tensor<2x4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  func.return
}

// CHECK-LABEL: @split(
// CHECK: tfl.split %axis, %x {num_splits = 2 : i32} : (tensor<i32>, tensor<4x6xf32>) -> (tensor<4x3xf32>, tensor<4x3xf32>)
func.func @split(%axis : tensor<i32>, %x : tensor<4x6xf32>) {
  %a, %b = tfl.split %axis, %x {num_splits = 2 : i32} : (tensor<i32>, tensor<4x6xf32>) -> (tensor<4x3xf32>, tensor<4x3xf32>)
  func.return
}

// CHECK-LABEL: @split_v(
// CHECK: tfl.split_v %x, %sizes, %axis {num_splits = 2 : i32} : (tensor<4x6xf32>, tensor<2xi32>, tensor<i32>) -> (tensor<4x2xf32>, tensor<4x4xf32>)
func.func @split_v(%x : tensor<4x6xf32>, %sizes : tensor<2xi32>, %axis : tensor<i32>) {
  %a, %b = tfl.split_v %x, %sizes, %axis {num_splits = 2 : i32} : (tensor<4x6xf32>, tensor<2xi32>, tensor<i32>) -> (tensor<4x2xf32>, tensor<4x4xf32>)
  func.return
}

// CHECK-LABEL: @pad(
// CHECK: tfl.pad %x, %paddings : (tensor<4x4xf32>, tensor<2x2xi32>) -> tensor<6x6xf32>
func.func @pad(%x : tensor<4x4xf32>, %paddings : tensor<2x2xi32>) {
  %y = tfl.pad %x, %paddings : (tensor<4x4xf32>, tensor<2x2xi32>) -> tensor<6x6xf32>
  func.return
}

// CHECK-LABEL: @padv2(
// CHECK: tfl.padv2 %x, %paddings, %value : (tensor<4x4xf32>, tensor<2x2xi32>, tensor<f32>) -> tensor<6x6xf32>
func.func @padv2(%x : tensor<4x4xf32>, %paddings : tensor<2x2xi32>, %value : tensor<f32>) {
  %y = tfl.padv2 %x, %paddings, %value : (tensor<4x4xf32>, tensor<2x2xi32>, tensor<f32>) -> tensor<6x6xf32>
  func.return
}

// CHECK-LABEL: @mirror_pad(
// CHECK: tfl.mirror_pad %x, %paddings {mode = "SYMMETRIC"} : (tensor<4x4xf32>, tensor<2x2xi32>) -> tensor<6x6xf32>
func.func @mirror_pad(%x : tensor<4x4xf32>, %paddings : tensor<2x2xi32>) {
  %y = tfl.mirror_pad %x, %paddings {mode = "SYMMETRIC"} : (tensor<4x4xf32>, tensor<2x2xi32>) -> tensor<6x6xf32>
  func.return
}

// CHECK-LABEL: @tile(
// CHECK: tfl.tile %x, %multiples : (tensor<2x3xf32>, tensor<2xi32>) -> tensor<4x3xf32>
func.func @tile(%x : tensor<2x3xf32>, %multiples : tensor<2xi32>) {
  %y = tfl.tile %x, %multiples : (tensor<2x3xf32>, tensor<2xi32>) -> tensor<4x3xf32>
  func.return
}

// CHECK-LABEL: @broadcast_to(
// CHECK: tfl.broadcast_to %x, %shape : (tensor<1x3xf32>, tensor<2xi32>) -> tensor<4x3xf32>
func.func @broadcast_to(%x : tensor<1x3xf32>, %shape : tensor<2xi32>) {
  %y = tfl.broadcast_to %x, %shape : (tensor<1x3xf32>, tensor<2xi32>) -> tensor<4x3xf32>
  func.return
}

// CHECK-LABEL: @reverse_v2(
// CHECK: tfl.reverse_v2 %x, %axis : (tensor<4x3xf32>, tensor<1xi32>) -> tensor<4x3xf32>
func.func @reverse_v2(%x : tensor<4x3xf32>, %axis : tensor<1xi32>) {
  %y = tfl.reverse_v2 %x, %axis : (tensor<4x3xf32>, tensor<1xi32>) -> tensor<4x3xf32>
  func.return
}

// CHECK-LABEL: @reverse_sequence(
// CHECK: tfl.reverse_sequence %x, %lengths {seq_dim = 1 : i32} : (tensor<2x8xf32>, tensor<2xi32>) -> tensor<2x8xf32>
func.func @reverse_sequence(%x : tensor<2x8xf32>, %lengths : tensor<2xi32>) {
  %y = tfl.reverse_sequence %x, %lengths {seq_dim = 1 : i32} : (tensor<2x8xf32>, tensor<2xi32>) -> tensor<2x8xf32>
  func.return
}

// CHECK-LABEL: @space_to_batch_nd(
// CHECK: tfl.space_to_batch_nd %x, %block, %paddings : (tensor<1x4x4x3xf32>, tensor<2xi32>, tensor<2x2xi32>) -> tensor<4x2x2x3xf32>
func.func @space_to_batch_nd(%x : tensor<1x4x4x3xf32>, %block : tensor<2xi32>, %paddings : tensor<2x2xi32>) {
  %y = tfl.space_to_batch_nd %x, %block, %paddings : (tensor<1x4x4x3xf32>, tensor<2xi32>, tensor<2x2xi32>) -> tensor<4x2x2x3xf32>
  func.return
}

// CHECK-LABEL: @batch_to_space_nd(
// CHECK: tfl.batch_to_space_nd %x, %block, %crops : (tensor<4x2x2x3xf32>, tensor<2xi32>, tensor<2x2xi32>) -> tensor<1x4x4x3xf32>
func.func @batch_to_space_nd(%x : tensor<4x2x2x3xf32>, %block : tensor<2xi32>, %crops : tensor<2x2xi32>) {
  %y = tfl.batch_to_space_nd %x, %block, %crops : (tensor<4x2x2x3xf32>, tensor<2xi32>, tensor<2x2xi32>) -> tensor<1x4x4x3xf32>
  func.return
}

// CHECK-LABEL: @space_to_depth(
// CHECK: tfl.space_to_depth %x {block_size = 2 : i32} : (tensor<1x4x4x3xf32>) -> tensor<1x2x2x12xf32>
func.func @space_to_depth(%x : tensor<1x4x4x3xf32>) {
  %y = tfl.space_to_depth %x {block_size = 2 : i32} : (tensor<1x4x4x3xf32>) -> tensor<1x2x2x12xf32>
  func.return
}

// CHECK-LABEL: @depth_to_space(
// CHECK: tfl.depth_to_space %x {block_size = 2 : i32} : (tensor<1x2x2x12xf32>) -> tensor<1x4x4x3xf32>
func.func @depth_to_space(%x : tensor<1x2x2x12xf32>) {
  %y = tfl.depth_to_space %x {block_size = 2 : i32} : (tensor<1x2x2x12xf32>) -> tensor<1x4x4x3xf32>
  func.return
}

// CHECK-LABEL: @resize_bilinear(
// CHECK: tfl.resize_bilinear %x, %size {half_pixel_centers = true} : (tensor<1x4x4x3xf32>, tensor<2xi32>) -> tensor<1x8x8x3xf32>
func.func @resize_bilinear(%x : tensor<1x4x4x3xf32>, %size : tensor<2xi32>) {
  %y = tfl.resize_bilinear %x, %size {half_pixel_centers = true} : (tensor<1x4x4x3xf32>, tensor<2xi32>) -> tensor<1x8x8x3xf32>
  func.return
}

// CHECK-LABEL: @resize_nearest_neighbor(
// CHECK: tfl.resize_nearest_neighbor %x, %size : (tensor<1x4x4x3xf32>, tensor<2xi32>) -> tensor<1x8x8x3xf32>
func.func @resize_nearest_neighbor(%x : tensor<1x4x4x3xf32>, %size : tensor<2xi32>) {
  %y = tfl.resize_nearest_neighbor %x, %size : (tensor<1x4x4x3xf32>, tensor<2xi32>) -> tensor<1x8x8x3xf32>
  func.return
}

// CHECK-LABEL: @dilate(
// CHECK: tfl.dilate %x, %dilations, %value : (tensor<2x2xf32>, tensor<2xi32>, tensor<f32>) -> tensor<3x3xf32>
func.func @dilate(%x : tensor<2x2xf32>, %dilations : tensor<2xi32>, %value : tensor<f32>) {
  %y = tfl.dilate %x, %dilations, %value : (tensor<2x2xf32>, tensor<2xi32>, tensor<f32>) -> tensor<3x3xf32>
  func.return
}
