// RUN: nn-opt %s -p nn-to-kernel,plan-memory -t c --split-input-file | filecheck %s

// A convolution: windows are cut at the borders, what cannot overflow is plain arithmetic, and per
// channel multipliers are tables.

!x = !quant.uniform<i8:f32, 0.5:-3>
!w = !quant.uniform<i8:f32:0, {0.25, 0.125}>
!y = !quant.uniform<i8:f32, 0.75:4>
func.func @main(%x: tensor<1x4x4x3x!x>, %w: tensor<2x3x3x3x!w>, %b: tensor<2xi32>) -> tensor<1x4x4x2x!y> {
  %y = nn.conv2d %x, %w, %b {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
    padding = array<i64: 1, 1, 1, 1>, groups = 1 : i64, rounding = #nn<rounding double>, min = 4 : i64}
    : (tensor<1x4x4x3x!x>, tensor<2x3x3x3x!w>, tensor<2xi32>) -> tensor<1x4x4x2x!y> loc("conv")
  func.return %y : tensor<1x4x4x2x!y>
}

// CHECK: /* conv: conv2d */
// CHECK-NEXT: NNC_LAYER void net_layer0_conv2d(
// CHECK: for (int32_t y = 0; y < 4; y++) {
// CHECK: for (int32_t x = 0; x < 4; x++) {
// CHECK: for (int32_t c = 0; c < 2; c++) {
// CHECK: int32_t acc = 0;
// CHECK: for (int32_t ky = {{.*}}; ky < {{.*}}; ky++) {
// CHECK: for (int32_t kx = {{.*}}; kx < {{.*}}; kx++) {
// CHECK: for (int32_t k = 0; k < 3; k++) {
// CHECK-NEXT: acc = nnc_wrap_add32(acc, (input[((y + ky - 1) * 4 + (x + kx - 1)) *
// CHECK-NEXT: 3 + k] + 3) * weights[((c * 3 + ky) * 3 + kx) * 3 + k]);
// CHECK: const int32_t scaled = nnc_requantize_double(
// CHECK: = (int8_t)nnc_clamp32(nnc_wrap_add32(scaled, 4), 4,
// CHECK-NEXT: 127);
