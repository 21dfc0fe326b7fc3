// RUN: nn-opt %s -p keras-to-nn --split-input-file --verify-diagnostics --print-debuginfo | filecheck %s

// Weights HWIO become OHWI, paddings numbers, the activation an op; names are those of the function.

func.func @convolution(%x: tensor<1x4x4x2xf32>) -> tensor<1x2x2x3xf32>
    attributes {keras.inputs = ["image"], keras.outputs = ["conv"], keras.version = "2.14.0"} {
  %k = keras.constant dense<0.5> : tensor<3x3x2x3xf32> -> tensor<3x3x2x3xf32>
  %b = keras.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32> -> tensor<3xf32>
  %y = keras.conv2d %x, %k, %b {filters = 3 : i64, kernel_size = array<i64: 3, 3>,
    strides = array<i64: 2, 2>, padding = "same", activation = "relu"}
    : (tensor<1x4x4x2xf32>, tensor<3x3x2x3xf32>, tensor<3xf32>) -> tensor<1x2x2x3xf32> loc("conv")
  func.return %y : tensor<1x2x2x3xf32>
}
// CHECK: func.func @convolution(%x: tensor<1x4x4x2xf32> {nn.name = "image"}{{.*}}) -> (tensor<1x2x2x3xf32> {nn.name = "conv"})
// CHECK-NOT: keras.
// CHECK: nn.conv2d %x, %{{.*}}, %{{.*}} {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, padding = array<i64: 0, 1, 0, 1>, groups = 1 : i64} : (tensor<1x4x4x2xf32>, tensor<3x3x3x2xf32>, tensor<3xf32>) -> tensor<1x2x2x3xf32> loc("conv")
// CHECK: nn.clamp %{{.*}} {min = 0.000000e+00 : f32} : {{.*}} loc("conv")

// -----

// The channels of an image in the other order are moved, and moved back.

func.func @channels_first(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32> {
  %y = keras.max_pooling2d %x {pool_size = array<i64: 2, 2>, data_format = "channels_first"}
    : (tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32>
  func.return %y : tensor<1x2x2x2xf32>
}
// CHECK-LABEL: func.func @channels_first
// CHECK: nn.transpose %x {permutation = array<i64: 0, 2, 3, 1>}
// CHECK: nn.max_pool2d {{.*}} -> tensor<1x2x2x2xf32>
// CHECK: nn.transpose {{.*}} {permutation = array<i64: 0, 3, 1, 2>}

// -----

// Batch normalisation is a factor and a summand: 2 / sqrt(0.249 + 0.001) = 4, 1 - 0.5 * 4 = -1.

func.func @batch_normalization(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %gamma = keras.constant dense<2.0> : tensor<2xf32> -> tensor<2xf32>
  %beta = keras.constant dense<1.0> : tensor<2xf32> -> tensor<2xf32>
  %mean = keras.constant dense<0.5> : tensor<2xf32> -> tensor<2xf32>
  %variance = keras.constant dense<0.249> : tensor<2xf32> -> tensor<2xf32>
  %y = keras.batch_normalization %x, %gamma, %beta, %mean, %variance
    : (tensor<1x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
// CHECK-LABEL: func.func @batch_normalization
// CHECK: nn.constant dense<{{4.0000*|.3.9999.*}}
// CHECK: nn.mul %x
// CHECK: nn.constant dense<-{{.*}}
// CHECK: nn.add

// -----

// Everything that is not supported is named at once.

func.func @unsupported(%x: tensor<1x4x4x1xf32>) -> (tensor<1x4x4x1xf32>, tensor<1x8x8x1xf32>) {
  %y = keras.activation %x {activation = "step"} : (tensor<1x4x4x1xf32>) -> tensor<1x4x4x1xf32> loc("one")
  %z = keras.up_sampling2d %x {interpolation = "bicubic"} : (tensor<1x4x4x1xf32>) -> tensor<1x8x8x1xf32> loc("two")
  func.return %y, %z : tensor<1x4x4x1xf32>, tensor<1x8x8x1xf32>
}
// CHECK: layer "one": Activation: the activation 'step' is not supported; celu, {{.*}} are
// CHECK-NEXT: layer "two": UpSampling2D: the interpolation 'bicubic' is not supported; nearest and bilinear are
