// RUN: nn-opt %s -p nn-narrow-integers --split-input-file | filecheck %s
// RUN: nn-opt %s -p nn-narrow-integers --split-input-file --check-each --print-debuginfo | filecheck %s --check-prefix=LOC

// Sums of signs are small whole numbers; what cuts them off at whole numbers, and means, read those.

func.func @sums(%x: tensor<1x4x4x2x!nn.bin>, %y: tensor<1x4x4x2x!nn.bin>) -> (tensor<1x4x4x2xf32>, tensor<1x2x2x2xf32>, tensor<1x1x1x2xf32>, tensor<1x4x4x2x!nn.bin>) {
  %a = nn.dequantize %x : (tensor<1x4x4x2x!nn.bin>) -> tensor<1x4x4x2xf32>
  %b = nn.dequantize %y : (tensor<1x4x4x2x!nn.bin>) -> tensor<1x4x4x2xf32>
  %c = nn.add %a, %b : (tensor<1x4x4x2xf32>, tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
  %d = nn.sub %c, %b : (tensor<1x4x4x2xf32>, tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
  %e = nn.clamp %d {min = 0.0 : f32} : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32> loc("relu")
  %f = nn.average_pool2d %a {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, padding = array<i64: 0, 0, 0, 0>} : (tensor<1x4x4x2xf32>) -> tensor<1x2x2x2xf32>
  %g = nn.reduce_mean %e {axes = array<i64: 1, 2>} : (tensor<1x4x4x2xf32>) -> tensor<1x1x1x2xf32>
  %q = nn.quantize %c : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2x!nn.bin>
  func.return %e, %f, %g, %q : tensor<1x4x4x2xf32>, tensor<1x2x2x2xf32>, tensor<1x1x1x2xf32>, tensor<1x4x4x2x!nn.bin>
}

// CHECK-LABEL: func.func @sums
// CHECK-NEXT: [[C:%.*]] = nn.add %x, %y : (tensor<1x4x4x2x!nn.bin>, tensor<1x4x4x2x!nn.bin>) -> tensor<1x4x4x2xi8>
// CHECK-NEXT: [[D:%.*]] = nn.sub [[C]], %y : (tensor<1x4x4x2xi8>, tensor<1x4x4x2x!nn.bin>) -> tensor<1x4x4x2xi8>
// CHECK-NEXT: [[E:%.*]] = nn.clamp [[D]] {min = 0 : i64} : (tensor<1x4x4x2xi8>) -> tensor<1x4x4x2xi8>
// CHECK-NEXT: [[F:%.*]] = nn.cast [[E]] : (tensor<1x4x4x2xi8>) -> tensor<1x4x4x2xf32>
// CHECK-NEXT: nn.average_pool2d %x
// CHECK-SAME: (tensor<1x4x4x2x!nn.bin>) -> tensor<1x2x2x2xf32>
// CHECK-NEXT: [[R:%.*]] = nn.reshape [[E]] : (tensor<1x4x4x2xi8>) -> tensor<1x1x16x2xi8>
// CHECK-NEXT: nn.average_pool2d [[R]] {kernel = array<i64: 1, 16>
// CHECK-NEXT: nn.reshape
// CHECK-NEXT: nn.quantize [[C]] : (tensor<1x4x4x2xi8>)
// CHECK-NEXT: func.return [[F]]
// LOC: nn.cast
// LOC-SAME: loc("relu")

// -----

// Not what may leave 8 bits, is cut off between whole numbers, or is a mean of channels.

func.func @kept(%x: tensor<1x4x2x!nn.bin>) -> (tensor<1x4x2xf32>, tensor<1x4x1xf32>) {
  %a = nn.dequantize %x : (tensor<1x4x2x!nn.bin>) -> tensor<1x4x2xf32>
  %b = nn.add %a, %a : (tensor<1x4x2xf32>, tensor<1x4x2xf32>) -> tensor<1x4x2xf32>
  %c = nn.add %b, %b : (tensor<1x4x2xf32>, tensor<1x4x2xf32>) -> tensor<1x4x2xf32>
  %d = nn.add %c, %c : (tensor<1x4x2xf32>, tensor<1x4x2xf32>) -> tensor<1x4x2xf32>
  %e = nn.add %d, %d : (tensor<1x4x2xf32>, tensor<1x4x2xf32>) -> tensor<1x4x2xf32>
  %f = nn.add %e, %e : (tensor<1x4x2xf32>, tensor<1x4x2xf32>) -> tensor<1x4x2xf32>
  %g = nn.add %f, %f : (tensor<1x4x2xf32>, tensor<1x4x2xf32>) -> tensor<1x4x2xf32>
  %h = nn.add %g, %g : (tensor<1x4x2xf32>, tensor<1x4x2xf32>) -> tensor<1x4x2xf32>
  %i = nn.clamp %b {max = 0.5 : f32} : (tensor<1x4x2xf32>) -> tensor<1x4x2xf32>
  %j = nn.mul %h, %i : (tensor<1x4x2xf32>, tensor<1x4x2xf32>) -> tensor<1x4x2xf32>
  %k = nn.reduce_mean %a {axes = array<i64: 2>} : (tensor<1x4x2xf32>) -> tensor<1x4x1xf32>
  func.return %j, %k : tensor<1x4x2xf32>, tensor<1x4x1xf32>
}

// CHECK-LABEL: func.func @kept
// CHECK: nn.add %x, %x
// CHECK: [[F:%.*]] = nn.cast %g
// CHECK-NEXT: nn.add [[F]], [[F]] : (tensor<1x4x2xf32>
// CHECK-NEXT: nn.clamp {{.*}} (tensor<1x4x2xf32>)
// CHECK: nn.reduce_mean

// -----

// Layers of whole numbers with whole weights, floats that are signs among them; a float bias comes
// after the sum. Weights that are not whole stay.

func.func @layers(%x: tensor<1x2x!nn.bin>) -> (tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>) {
  %a = nn.dequantize %x : (tensor<1x2x!nn.bin>) -> tensor<1x2xf32>
  %b = nn.add %a, %a : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %w = nn.constant dense<[[1.0, -1.0]]> : tensor<1x2xf32> -> tensor<1x2xf32>
  %s = nn.constant dense<0.1> : tensor<1xf32> -> tensor<1xf32>
  %c = nn.dense %b, %w, %s {min = 0.0 : f32} : (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1xf32>) -> tensor<1x1xf32>
  %d = nn.dense %x, %w : (tensor<1x2x!nn.bin>, tensor<1x2xf32>) -> tensor<1x1xf32>
  %v = nn.constant dense<[[1.0, 0.5]]> : tensor<1x2xf32> -> tensor<1x2xf32>
  %e = nn.dense %b, %v : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>
  func.return %c, %d, %e : tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>
}

// CHECK-LABEL: func.func @layers
// CHECK: [[W:%.*]] = nn.constant dense<{{.*}}0, 1{{.*}}> : tensor<1x2xi8> -> tensor<1x2x!nn.bin>
// CHECK-NEXT: [[Q:%.*]] = nn.cast {{.*}} : (tensor<1x2xi8>) -> tensor<1x2x!quant.uniform<i8:f32, 1.0>>
// CHECK-NEXT: [[C:%.*]] = nn.dense [[Q]], [[W]] : (tensor<1x2x!quant.uniform<i8:f32, 1.0>>, tensor<1x2x!nn.bin>) -> tensor<1x1xf32>
// CHECK-NEXT: nn.add [[C]], {{%.*}} {min = 0.000000e+00 : f32}
// CHECK: nn.dense %x, {{.*}} (tensor<1x2x!nn.bin>, tensor<1x2x!nn.bin>) -> tensor<1x1xf32>
// CHECK: nn.dense {{.*}} (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>
