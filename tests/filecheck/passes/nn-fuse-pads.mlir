// RUN: nn-opt %s -p nn-fuse-pads --split-input-file | filecheck %s
// RUN: nn-opt %s -p nn-fuse-pads,nn-fuse-pads --split-input-file | filecheck %s

// A pad with the zero point of a convolution's input is padding of the convolution.

!q = !quant.uniform<i8:f32, 0.5:-3>
!w = !quant.uniform<i8:f32, 0.25>
func.func @conv(%x: tensor<1x4x4x1x!q>, %w: tensor<2x3x3x1x!w>) -> tensor<1x3x2x2x!q> {
  %p = nn.pad %x {before = array<i64: 0, 1, 0, 0>, value = -3 : i64}
    : (tensor<1x4x4x1x!q>) -> tensor<1x7x5x1x!q>
  %y = nn.conv2d %p, %w {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>,
    padding = array<i64: 0, 0, 1, 0>, groups = 1 : i64, rounding = #nn<rounding double>}
    : (tensor<1x7x5x1x!q>, tensor<2x3x3x1x!w>) -> tensor<1x3x2x2x!q>
  func.return %y : tensor<1x3x2x2x!q>
}

// CHECK-LABEL: func.func @conv
// CHECK-NEXT: nn.conv2d %x, %w
// CHECK-SAME: padding = array<i64: 1, 2, 1, 1>
// CHECK-NEXT: func.return

// Not with another number, and not where channels are added.
func.func @other(%x: tensor<1x4x4x1x!q>, %w: tensor<2x3x3x1x!w>) -> tensor<1x4x4x2x!q> {
  %p = nn.pad %x {before = array<i64: 0, 1, 1, 0>, value = 0 : i64}
    : (tensor<1x4x4x1x!q>) -> tensor<1x6x6x1x!q>
  %y = nn.conv2d %p, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
    padding = array<i64: 0, 0, 0, 0>, groups = 1 : i64, rounding = #nn<rounding double>}
    : (tensor<1x6x6x1x!q>, tensor<2x3x3x1x!w>) -> tensor<1x4x4x2x!q>
  func.return %y : tensor<1x4x4x2x!q>
}

// CHECK-LABEL: func.func @other
// CHECK-NEXT: nn.pad
// CHECK-NEXT: nn.conv2d

func.func @channels(%x: tensor<1x4x4x1x!q>, %w: tensor<2x3x3x2x!w>) -> tensor<1x2x2x2x!q> {
  %p = nn.pad %x {before = array<i64: 0, 0, 0, 1>, value = -3 : i64}
    : (tensor<1x4x4x1x!q>) -> tensor<1x4x4x2x!q>
  %y = nn.conv2d %p, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
    padding = array<i64: 0, 0, 0, 0>, groups = 1 : i64, rounding = #nn<rounding double>}
    : (tensor<1x4x4x2x!q>, tensor<2x3x3x2x!w>) -> tensor<1x2x2x2x!q>
  func.return %y : tensor<1x2x2x2x!q>
}

// CHECK-LABEL: func.func @channels
// CHECK-NEXT: nn.pad
// CHECK-NEXT: nn.conv2d

// -----

// Floats: 0 times any weight must be 0, which is known of finite ones only.

func.func @known(%x: tensor<1x2x2x1xf32>) -> tensor<1x2x2x1xf32> {
  %w = nn.constant dense<2.0> : tensor<1x3x3x1xf32> -> tensor<1x3x3x1xf32>
  %p = nn.pad %x {before = array<i64: 0, 1, 1, 0>, value = 0.0 : f32}
    : (tensor<1x2x2x1xf32>) -> tensor<1x4x4x1xf32>
  %y = nn.depthwise_conv2d %p, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
    padding = array<i64: 0, 0, 0, 0>}
    : (tensor<1x4x4x1xf32>, tensor<1x3x3x1xf32>) -> tensor<1x2x2x1xf32>
  func.return %y : tensor<1x2x2x1xf32>
}

// CHECK-LABEL: func.func @known
// CHECK-NEXT: nn.constant
// CHECK-NEXT: nn.depthwise_conv2d %x
// CHECK-SAME: padding = array<i64: 1, 1, 1, 1>

func.func @unknown(%x: tensor<1x2x2x1xf32>, %w: tensor<1x3x3x1xf32>) -> tensor<1x2x2x1xf32> {
  %p = nn.pad %x {before = array<i64: 0, 1, 1, 0>, value = 0.0 : f32}
    : (tensor<1x2x2x1xf32>) -> tensor<1x4x4x1xf32>
  %y = nn.depthwise_conv2d %p, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
    padding = array<i64: 0, 0, 0, 0>}
    : (tensor<1x4x4x1xf32>, tensor<1x3x3x1xf32>) -> tensor<1x2x2x1xf32>
  func.return %y : tensor<1x2x2x1xf32>
}

// CHECK-LABEL: func.func @unknown
// CHECK-NEXT: nn.pad
// CHECK-NEXT: nn.depthwise_conv2d

// -----

// A maximum does not notice the smallest stored value, nor what an activation is never below.

!q = !quant.uniform<i8:f32, 0.5:-128>
func.func @smallest(%x: tensor<1x3x3x1x!q>) -> tensor<1x2x2x1x!q> {
  %p = nn.pad %x {before = array<i64: 0, 1, 1, 0>, value = -128 : i64}
    : (tensor<1x3x3x1x!q>) -> tensor<1x4x4x1x!q>
  %y = nn.max_pool2d %p {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>,
    padding = array<i64: 0, 0, 0, 0>} : (tensor<1x4x4x1x!q>) -> tensor<1x2x2x1x!q>
  func.return %y : tensor<1x2x2x1x!q>
}

// CHECK-LABEL: func.func @smallest
// CHECK-NEXT: nn.max_pool2d %x
// CHECK-SAME: padding = array<i64: 1, 0, 1, 0>

func.func @activation(%x: tensor<1x3x3x1xf32>) -> tensor<1x2x2x1xf32> {
  %a = nn.clamp %x {min = 0.0 : f32} : (tensor<1x3x3x1xf32>) -> tensor<1x3x3x1xf32>
  %p = nn.pad %a {before = array<i64: 0, 1, 1, 0>, value = 0.0 : f32}
    : (tensor<1x3x3x1xf32>) -> tensor<1x4x4x1xf32>
  %y = nn.max_pool2d %p {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>,
    padding = array<i64: 0, 0, 0, 0>} : (tensor<1x4x4x1xf32>) -> tensor<1x2x2x1xf32>
  func.return %y : tensor<1x2x2x1xf32>
}

// CHECK-LABEL: func.func @activation
// CHECK-NEXT: nn.clamp
// CHECK-NEXT: nn.max_pool2d

// Values that may be below 0, and windows of nothing but padding, need the pad.
func.func @below(%x: tensor<1x3x3x1xf32>) -> tensor<1x2x2x1xf32> {
  %p = nn.pad %x {before = array<i64: 0, 1, 1, 0>, value = 0.0 : f32}
    : (tensor<1x3x3x1xf32>) -> tensor<1x4x4x1xf32>
  %y = nn.max_pool2d %p {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>,
    padding = array<i64: 0, 0, 0, 0>} : (tensor<1x4x4x1xf32>) -> tensor<1x2x2x1xf32>
  func.return %y : tensor<1x2x2x1xf32>
}

// CHECK-LABEL: func.func @below
// CHECK-NEXT: nn.pad

func.func @empty(%x: tensor<1x2x2x1xf32>) -> tensor<1x2x2x1xf32> {
  %a = nn.clamp %x {min = 1.0 : f32} : (tensor<1x2x2x1xf32>) -> tensor<1x2x2x1xf32>
  %p = nn.pad %a {before = array<i64: 0, 2, 2, 0>, value = 0.0 : f32}
    : (tensor<1x2x2x1xf32>) -> tensor<1x4x4x1xf32>
  %y = nn.max_pool2d %p {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>,
    padding = array<i64: 0, 0, 0, 0>} : (tensor<1x4x4x1xf32>) -> tensor<1x2x2x1xf32>
  func.return %y : tensor<1x2x2x1xf32>
}

// CHECK-LABEL: func.func @empty
// CHECK-NEXT: nn.clamp
// CHECK-NEXT: nn.pad

// An average counts what is padded.
func.func @average(%x: tensor<1x3x3x1xf32>) -> tensor<1x2x2x1xf32> {
  %p = nn.pad %x {before = array<i64: 0, 1, 1, 0>, value = 0.0 : f32}
    : (tensor<1x3x3x1xf32>) -> tensor<1x4x4x1xf32>
  %y = nn.average_pool2d %p {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>,
    padding = array<i64: 0, 0, 0, 0>} : (tensor<1x4x4x1xf32>) -> tensor<1x2x2x1xf32>
  func.return %y : tensor<1x2x2x1xf32>
}

// CHECK-LABEL: func.func @average
// CHECK-NEXT: nn.pad
// CHECK-NEXT: nn.average_pool2d

// -----

// Signs around a binary input: the layer pads with them, unless it pads with 0 itself. Of a
// maximum, -1 is the lowest value.

func.func @signs(%x: tensor<1x4x4x3x!nn.bin>, %w: tensor<8x3x3x3x!nn.bin>) -> (tensor<1x4x4x8xf32>, tensor<1x6x6x8xf32>, tensor<1x5x5x3x!nn.bin>) {
  %a = nn.pad %x {before = array<i64: 0, 1, 1, 0>, value = 1 : i64} : (tensor<1x4x4x3x!nn.bin>) -> tensor<1x6x6x3x!nn.bin>
  %b = nn.conv2d %a, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
    padding = array<i64: 0, 0, 0, 0>, groups = 1 : i64}
    : (tensor<1x6x6x3x!nn.bin>, tensor<8x3x3x3x!nn.bin>) -> tensor<1x4x4x8xf32>
  %c = nn.conv2d %a, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
    padding = array<i64: 1, 1, 1, 1>, groups = 1 : i64}
    : (tensor<1x6x6x3x!nn.bin>, tensor<8x3x3x3x!nn.bin>) -> tensor<1x6x6x8xf32>
  %d = nn.max_pool2d %a {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, padding = array<i64: 0, 0, 0, 0>} : (tensor<1x6x6x3x!nn.bin>) -> tensor<1x5x5x3x!nn.bin>
  func.return %b, %c, %d : tensor<1x4x4x8xf32>, tensor<1x6x6x8xf32>, tensor<1x5x5x3x!nn.bin>
}

// CHECK-LABEL: func.func @signs
// CHECK-NEXT: [[P:%.*]] = nn.pad %x
// CHECK-NEXT: nn.conv2d %x, %w
// CHECK-SAME: padding = array<i64: 1, 1, 1, 1>
// CHECK-SAME: pad_value = -1 : i64
// CHECK-NEXT: nn.conv2d [[P]], %w
// CHECK-NEXT: nn.max_pool2d %x
// CHECK-SAME: padding = array<i64: 1, 1, 1, 1>
