// RUN: nn-opt %s -p nn-to-kernel,plan-memory -t c --split-input-file | filecheck %s
// RUN: nn-opt %s -p nn-to-kernel,plan-memory{overlap=false} -t c --split-input-file | filecheck %s --check-prefix=APART

// A loop nest is a function under the layer's name, the input may be where the output is, and a
// reshape is nothing at all.

!a = !quant.uniform<i8:f32, 0.5:-3>
func.func @main(%x: tensor<1x2x4xf32> {nn.name = "image"}) -> (tensor<1x8x!a> {nn.name = "codes"}) {
  %q = nn.quantize %x : (tensor<1x2x4xf32>) -> tensor<1x2x4x!a> loc("quantize")
  %r = nn.reshape %q : (tensor<1x2x4x!a>) -> tensor<1x8x!a> loc("flat")
  func.return %r : tensor<1x8x!a>
}

// CHECK: #define NET_ARENA_BYTES 32
// CHECK: static inline float *net_input_image(const net_context *context) {
// CHECK: static inline const int8_t *net_output_codes(const net_context *context) {
// CHECK: /* quantize: quantize */
// CHECK-NEXT: NNC_LAYER void net_layer0_quantize(const float *input, int8_t *output) {
// CHECK-NEXT:     for (int32_t i = 0; i < 8; i++) {
// CHECK-NEXT:         const int32_t rounded = nnc_round_away_f32(input[i] / 0.5f);
// CHECK-NEXT:         output[i] = (int8_t)(nnc_clamp32(rounded, -125, 130) - 3);
// CHECK-NEXT:     }
// CHECK-NEXT: }
// CHECK-NOT: net_layer1
// CHECK: int net_run(net_context *context) {
// CHECK: net_layer0_quantize((const float *)(const void *)(arena + 0), (int8_t *)(arena + 0));
// CHECK: {"quantize", NNC_I8, 3, net_shape_1_2_4, 8, 0.5f, -3, 0, 0}
// CHECK: {"image", NNC_F32, 3, net_shape_1_2_4, 32, 0.0f, 0, 0, NNC_TENSOR_OVERWRITTEN}

// APART: NNC_LAYER void net_layer0_quantize(const float *restrict input, int8_t *restrict output) {

// -----

// Halves of a concatenation go where the whole is; a slice is read where it is.

func.func @main(%x: tensor<1x4xi16>) -> tensor<1x2x2xi16> {
  %s = nn.slice %x {begin = array<i64: 0, 2>, strides = array<i64: 1, 1>} : (tensor<1x4xi16>) -> tensor<1x2xi16>
  %a = nn.not %s : (tensor<1x2xi16>) -> tensor<1x2xi16> loc("a")
  %t = nn.slice %x {begin = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x4xi16>) -> tensor<1x2xi16>
  %b = nn.not %t : (tensor<1x2xi16>) -> tensor<1x2xi16> loc("b")
  %c = nn.concat %a, %b {axis = 1 : i64} : (tensor<1x2xi16>, tensor<1x2xi16>) -> tensor<1x4xi16> loc("c")
  %r = nn.reshape %c : (tensor<1x4xi16>) -> tensor<1x2x2xi16>
  func.return %r : tensor<1x2x2xi16>
}

// CHECK: #define NET_ARENA_BYTES 12
// CHECK: /* a */
// CHECK: net_layer0_not((const int16_t *)(const void *)(arena + 4), (int16_t *)(void *)(arena + 4));
// CHECK: /* b */
// CHECK: net_layer1_not((const int16_t *)(const void *)(arena + 0), (int16_t *)(void *)(arena + 8));
// CHECK-NOT: net_layer2

// -----

// Other types than characters do not share memory with what they are read from.

func.func @main(%x: tensor<4xf32>) -> tensor<4xi32> {
  %a = nn.cast %x : (tensor<4xf32>) -> tensor<4xi32> loc("cast")
  func.return %a : tensor<4xi32>
}

// CHECK: #define NET_ARENA_BYTES 32
// CHECK: NNC_LAYER void net_layer0_cast(const float *restrict input, int32_t *restrict output) {
