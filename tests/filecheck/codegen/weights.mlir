// RUN: nn-opt %s -p nn-to-kernel,plan-memory -t c{weights=true} --split-input-file | filecheck %s

// Constants are read-only arrays named after their layer; elements keep every bit.

func.func @main(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<1x40x!nn.bin>) {
  %c = nn.constant dense<[0.1, -0.0, 1.0e-40]> : tensor<3xf32> -> tensor<3xf32> loc("scale")
  %y = nn.mul %x, %c : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32> loc("product")
  %b = nn.constant dense<1> : tensor<1x40xi8> -> tensor<1x40x!nn.bin> loc("signs")
  func.return %y, %b : tensor<3xf32>, tensor<1x40x!nn.bin>
}

// CHECK: /* product: mul */
// CHECK: net_scale_c
// CHECK: /* ---- net_weights.c ---- */
// CHECK: /* scale */
// CHECK-NEXT: const float net_scale_c[3] = {
// CHECK-NEXT: 0.1f, -0.0f, 1e-40f,
// CHECK: /* signs */
// CHECK-NEXT: const int32_t net_signs_b[2] = {
// CHECK-NEXT: -1, 255,
