// RUN: nn-opt %s -p nn-fuse-thresholds --split-input-file | filecheck %s
// RUN: nn-opt %s -p nn-fuse-thresholds --split-input-file --check-each --print-debuginfo | filecheck %s --check-prefix=LOC

// A factor and a summand move the sum at which the sign changes. Where the factor is negative, the
// weights are turned around. In channel 0: sum / 2 - 0.6 < 0 below 2. In channel 1 above 0.

func.func @normalized(%x: tensor<1x3x!nn.bin>) -> tensor<1x2x!nn.bin> {
  %w = nn.constant dense<[[0, 1, 0], [1, 1, 0]]> : tensor<2x3xi8> -> tensor<2x3x!nn.bin>
  %m = nn.constant dense<[0.5, -0.3]> : tensor<2xf32> -> tensor<2xf32>
  %s = nn.constant dense<[-0.6, 0.2]> : tensor<2xf32> -> tensor<2xf32>
  %a = nn.dense %x, %w {min = 0.0 : f32} : (tensor<1x3x!nn.bin>, tensor<2x3x!nn.bin>) -> tensor<1x2xf32> loc("dense")
  %b = nn.mul %a, %m : (tensor<1x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  %c = nn.add %b, %s : (tensor<1x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  %q = nn.quantize %c : (tensor<1x2xf32>) -> tensor<1x2x!nn.bin> loc("sign")
  func.return %q : tensor<1x2x!nn.bin>
}

// CHECK-LABEL: func.func @normalized
// CHECK-NEXT: [[W:%.*]] = nn.constant dense<{{.*}}0, 1, 0{{.*}}0, 0, 1{{.*}}> : tensor<2x3xi8>
// CHECK-NEXT: [[T:%.*]] = nn.constant dense<[-2, 0]> : tensor<2xi32>
// CHECK-NEXT: [[Y:%.*]] = nn.dense %x, [[W]], [[T]] : (tensor<1x3x!nn.bin>, tensor<2x3x!nn.bin>, tensor<2xi32>) -> tensor<1x2x!nn.bin>
// CHECK-NEXT: func.return [[Y]]
// LOC: nn.dense
// LOC-SAME: loc("sign")

// A factor of 0 leaves the sign of the summand, which no sum changes.

func.func @constant(%x: tensor<1x3x!nn.bin>) -> tensor<1x2x!nn.bin> {
  %w = nn.constant dense<0> : tensor<2x3xi8> -> tensor<2x3x!nn.bin>
  %m = nn.constant dense<0.0> : tensor<2xf32> -> tensor<2xf32>
  %s = nn.constant dense<[-1.0, 1.0]> : tensor<2xf32> -> tensor<2xf32>
  %a = nn.dense %x, %w : (tensor<1x3x!nn.bin>, tensor<2x3x!nn.bin>) -> tensor<1x2xf32>
  %b = nn.mul %a, %m : (tensor<1x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  %c = nn.add %b, %s : (tensor<1x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  %q = nn.quantize %c : (tensor<1x2xf32>) -> tensor<1x2x!nn.bin>
  func.return %q : tensor<1x2x!nn.bin>
}

// CHECK-LABEL: func.func @constant
// CHECK: nn.constant dense<[-4, 3]> : tensor<2xi32>
// CHECK-NEXT: nn.dense

// A maximum between the two becomes one of signs; where what follows it falls, of the opposite ones,
// which are turned around behind it.

func.func @pooled(%x: tensor<1x2x2x3x!nn.bin>) -> (tensor<1x1x1x1x!nn.bin>, tensor<1x1x1x1x!nn.bin>) {
  %w = nn.constant dense<0> : tensor<1x1x1x3xi8> -> tensor<1x1x1x3x!nn.bin>
  %a = nn.conv2d %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding = array<i64: 0, 0, 0, 0>, groups = 1 : i64} : (tensor<1x2x2x3x!nn.bin>, tensor<1x1x1x3x!nn.bin>) -> tensor<1x2x2x1xf32>
  %p = nn.max_pool2d %a {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, padding = array<i64: 0, 0, 0, 0>} : (tensor<1x2x2x1xf32>) -> tensor<1x1x1x1xf32>
  %s = nn.constant dense<-1.5> : tensor<1xf32> -> tensor<1xf32>
  %b = nn.add %p, %s : (tensor<1x1x1x1xf32>, tensor<1xf32>) -> tensor<1x1x1x1xf32>
  %q = nn.quantize %b : (tensor<1x1x1x1xf32>) -> tensor<1x1x1x1x!nn.bin>
  %a2 = nn.conv2d %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding = array<i64: 0, 0, 0, 0>, groups = 1 : i64} : (tensor<1x2x2x3x!nn.bin>, tensor<1x1x1x3x!nn.bin>) -> tensor<1x2x2x1xf32>
  %p2 = nn.max_pool2d %a2 {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, padding = array<i64: 0, 0, 0, 0>} : (tensor<1x2x2x1xf32>) -> tensor<1x1x1x1xf32>
  %b2 = nn.mul %p2, %s : (tensor<1x1x1x1xf32>, tensor<1xf32>) -> tensor<1x1x1x1xf32>
  %q2 = nn.quantize %b2 : (tensor<1x1x1x1xf32>) -> tensor<1x1x1x1x!nn.bin>
  func.return %q, %q2 : tensor<1x1x1x1x!nn.bin>, tensor<1x1x1x1x!nn.bin>
}

// CHECK-LABEL: func.func @pooled
// CHECK: nn.conv2d
// CHECK-SAME: -> tensor<1x2x2x1x!nn.bin>
// CHECK-NEXT: nn.max_pool2d
// CHECK-SAME: (tensor<1x2x2x1x!nn.bin>) -> tensor<1x1x1x1x!nn.bin>
// CHECK: nn.conv2d
// CHECK-SAME: -> tensor<1x2x2x1x!nn.bin>
// CHECK-NEXT: nn.max_pool2d
// CHECK-NEXT: nn.constant dense<1> : tensor<1xi8> -> tensor<1x!nn.bin>
// CHECK-NEXT: nn.mul
// CHECK-SAME: -> tensor<1x1x1x1x!nn.bin>
// CHECK-NEXT: func.return

// -----

// Not where somebody else needs the number. A sum of floats gives its sign as well.

func.func @kept(%x: tensor<1x3x!nn.bin>, %y: tensor<1x3xf32>) -> (tensor<1x2x!nn.bin>, tensor<1x2xf32>, tensor<1x2x!nn.bin>) {
  %w = nn.constant dense<0> : tensor<2x3xi8> -> tensor<2x3x!nn.bin>
  %a = nn.dense %x, %w : (tensor<1x3x!nn.bin>, tensor<2x3x!nn.bin>) -> tensor<1x2xf32>
  %q = nn.quantize %a : (tensor<1x2xf32>) -> tensor<1x2x!nn.bin>
  %s = nn.constant dense<[2.0, -3.0]> : tensor<2xf32> -> tensor<2xf32>
  %b = nn.dense %y, %w, %s : (tensor<1x3xf32>, tensor<2x3x!nn.bin>, tensor<2xf32>) -> tensor<1x2xf32>
  %c = nn.mul %b, %s : (tensor<1x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  %p = nn.quantize %c : (tensor<1x2xf32>) -> tensor<1x2x!nn.bin>
  func.return %q, %a, %p : tensor<1x2x!nn.bin>, tensor<1x2xf32>, tensor<1x2x!nn.bin>
}

// CHECK-LABEL: func.func @kept
// CHECK: nn.dense
// CHECK-NEXT: nn.quantize
// CHECK: nn.constant dense<{{.*}}0, 0, 0{{.*}}1, 1, 1{{.*}}> : tensor<2x3xi8>
// CHECK-NEXT: [[B:%.*]] = nn.constant dense<[2.000000e+00, 3.000000e+00]> : tensor<2xf32>
// CHECK-NEXT: nn.dense %y, {{%.*}}, [[B]]
// CHECK-SAME: -> tensor<1x2x!nn.bin>
// CHECK-NEXT: func.return

// -----

// A float that others read as well is compared with a number for each channel, once for all that
// take the sign; here with -2 and, falling, 1. A factor of 0 makes no number of an infinity, which
// counts as positive, so that a negative summand stays.

func.func @compared(%x: tensor<1x1x3x2xf32>) -> (tensor<1x1x3x2x!nn.bin>, tensor<1x1x3x2x!nn.bin>, tensor<1x1x3x2xf32>, tensor<1x1x3x2x!nn.bin>) {
  %m = nn.constant dense<[0.5, -3.0]> : tensor<2xf32> -> tensor<2xf32>
  %s = nn.constant dense<[1.0, 3.0]> : tensor<2xf32> -> tensor<2xf32>
  %a = nn.mul %x, %m : (tensor<1x1x3x2xf32>, tensor<2xf32>) -> tensor<1x1x3x2xf32>
  %b = nn.add %a, %s : (tensor<1x1x3x2xf32>, tensor<2xf32>) -> tensor<1x1x3x2xf32>
  %q = nn.quantize %b : (tensor<1x1x3x2xf32>) -> tensor<1x1x3x2x!nn.bin>
  %p = nn.quantize %b : (tensor<1x1x3x2xf32>) -> tensor<1x1x3x2x!nn.bin>
  %z = nn.constant dense<[0.0, 1.0]> : tensor<2xf32> -> tensor<2xf32>
  %c = nn.mul %x, %z : (tensor<1x1x3x2xf32>, tensor<2xf32>) -> tensor<1x1x3x2xf32>
  %t = nn.constant dense<-1.0> : tensor<f32> -> tensor<f32>
  %d = nn.add %c, %t : (tensor<1x1x3x2xf32>, tensor<f32>) -> tensor<1x1x3x2xf32>
  %r = nn.quantize %d : (tensor<1x1x3x2xf32>) -> tensor<1x1x3x2x!nn.bin>
  func.return %q, %p, %x, %r : tensor<1x1x3x2x!nn.bin>, tensor<1x1x3x2x!nn.bin>, tensor<1x1x3x2xf32>, tensor<1x1x3x2x!nn.bin>
}

// CHECK-LABEL: func.func @compared
// CHECK: nn.constant dense<{{.*}}0, 1{{.*}}> : tensor<1x1x1x2xi8> -> tensor<1x1x1x2x!nn.bin>
// CHECK-NEXT: nn.constant dense<[2.000000e+00, 1.000000e+00]> : tensor<2xf32>
// CHECK-NEXT: [[Q:%.*]] = nn.depthwise_conv2d %x
// CHECK: nn.add
// CHECK-NEXT: [[R:%.*]] = nn.quantize
// CHECK-NEXT: func.return [[Q]], [[Q]], %x, [[R]]

// -----

// int8 activations times signs; an int8 weight of -128 has no opposite, so its layer stays, and its
// result is compared.

!q = !quant.uniform<i8:f32, 0.5:3>
!w = !quant.uniform<i8:f32, 1.0>
func.func @int8(%x: tensor<1x2x!q>) -> (tensor<1x1x!nn.bin>, tensor<1x1x!nn.bin>) {
  %v = nn.constant dense<[[0, 1]]> : tensor<1x2xi8> -> tensor<1x2x!nn.bin>
  %a = nn.dense %x, %v : (tensor<1x2x!q>, tensor<1x2x!nn.bin>) -> tensor<1x1xf32>
  %s = nn.constant dense<2.25> : tensor<1xf32> -> tensor<1xf32>
  %b = nn.sub %s, %a : (tensor<1xf32>, tensor<1x1xf32>) -> tensor<1x1xf32>
  %q = nn.quantize %b : (tensor<1x1xf32>) -> tensor<1x1x!nn.bin>
  %w = nn.constant dense<[[-128, 1]]> : tensor<1x2xi8> -> tensor<1x2x!w>
  %c = nn.dense %x, %w : (tensor<1x2x!q>, tensor<1x2x!w>) -> tensor<1x1xf32>
  %d = nn.sub %s, %c : (tensor<1xf32>, tensor<1x1xf32>) -> tensor<1x1xf32>
  %p = nn.quantize %d : (tensor<1x1xf32>) -> tensor<1x1x!nn.bin>
  func.return %q, %p : tensor<1x1x!nn.bin>, tensor<1x1x!nn.bin>
}

// CHECK-LABEL: func.func @int8
// CHECK: nn.constant dense<4> : tensor<1xi32>
// CHECK-NEXT: nn.dense
// CHECK-SAME: -> tensor<1x1x!nn.bin>
// CHECK: nn.dense
// CHECK-SAME: -> tensor<1x1xf32>
// CHECK: nn.depthwise_conv2d
// CHECK-SAME: -> tensor<1x1x1x1x!nn.bin>
